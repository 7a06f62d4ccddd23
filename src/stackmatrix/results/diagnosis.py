"""What is said of a machine and of the chosen cells before anything is measured, and its form as data."""

import json
from collections.abc import Mapping
from typing import Literal

import msgspec

from stackmatrix.results.types import Struct

DIAGNOSIS_FORMAT = 1
"""Raised whenever an older reader would misread the document."""

DiagnosisState = Literal["fine", "note", "unknown", "stops"]


class Diagnosis(Struct, frozen=True):
    """How one thing stands, in a sentence, and what to do about it.

    With a ``note`` a run begins all the same. What the system does not tell is ``unknown``. Where it ``stops`` the run,
    ``exit_code`` is the one that the run would end with.
    """

    state: DiagnosisState
    said: str
    remedy: str | None = None
    exit_code: int | None = None

    @property
    def sentence(self) -> str:
        """All of it on one line."""
        return " ".join(" ".join(part for part in (self.said, self.remedy) if part).split())


class Examination(Struct, frozen=True):
    """Everything that was looked at, by its title, in the order in which it is shown.

    ``machine`` is the name of its folder of results. ``exit_code`` is 0 where a run could begin, else that of the first
    thing that stops it.
    """

    format_version: int
    machine: str
    exit_code: int
    diagnoses: dict[str, Diagnosis]

    @classmethod
    def of(cls, machine: str, diagnoses: Mapping[str, Diagnosis]) -> "Examination":
        codes = [one.exit_code for one in diagnoses.values() if one.exit_code is not None]
        return cls(
            format_version=DIAGNOSIS_FORMAT,
            machine=machine,
            exit_code=next(iter(codes), 0),
            diagnoses=dict(diagnoses),
        )

    def of_state(self, state: DiagnosisState) -> dict[str, Diagnosis]:
        """Those of one state, by their titles."""
        return {title: one for title, one in self.diagnoses.items() if one.state == state}


def fine(said: str) -> Diagnosis:
    return Diagnosis(state="fine", said=said)


def note(said: str, remedy: str | None = None) -> Diagnosis:
    return Diagnosis(state="note", said=said, remedy=remedy)


def unknown(said: str) -> Diagnosis:
    return Diagnosis(state="unknown", said=said)


def stops(exit_code: int, said: str, remedy: str | None = None) -> Diagnosis:
    return Diagnosis(state="stops", said=said, remedy=remedy, exit_code=exit_code)


def encode(examination: Examination) -> bytes:
    """The document as JSON."""
    return json.dumps(msgspec.to_builtins(examination), indent=1, ensure_ascii=False).encode() + b"\n"
