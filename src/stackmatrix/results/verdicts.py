"""The verdicts of one machine as data: ``results/<machine>/verdicts.json``, and what ``--json`` writes.

A number that is not known is ``null``. Nothing is rounded.
"""

import json
from typing import Any, Literal

import msgspec

from stackmatrix.matrix.cells import Cell
from stackmatrix.outside.documents import write_json
from stackmatrix.results import documents
from stackmatrix.results.types import Count, NonNegative, Struct

VERDICTS_FORMAT = 1
"""Raised whenever an older reader would misread the document."""


class Verdict(Struct, frozen=True):
    """One comparison: a cell against another by one figure of one workload.

    ``effect`` is the ratio of the cell to the other, or their difference in the ``unit``, as ``compares`` says, with
    the ends of its 95 % interval. ``word`` is of the cell against the other; ``better`` is what a user wants.
    ``matters`` and ``smallest_decidable`` are differences of the ratio from one, or in the unit. ``needed`` is after
    how many blocks it will probably be decided. ``evidence`` is the cell's file, from the results folder.
    """

    workload: str
    figure: str
    unit: str
    cell: Cell
    other: Cell
    compares: Literal["ratio", "difference"]
    effect: float
    low: float | None
    high: float | None
    word: Literal["better", "worse", "same", "undecided"]
    blocks: Count
    decided_after: Count | None
    matters: NonNegative
    smallest_decidable: NonNegative | None
    needed: Count | None
    caution: str | None
    evidence: str


class Value(Struct, frozen=True):
    """The mean of a figure over a cell's blocks, in its unit, with the 95 % interval of that cell alone.

    ``rank`` is among the stacks on the same Python: stacks that nothing tells apart share one.
    """

    workload: str
    figure: str
    unit: str
    cell: Cell
    value: float
    low: float | None
    high: float | None
    rank: Count | None
    evidence: str


class ControlVerdicts(Struct, frozen=True):
    """How the controls of a workload came out. ``void`` says why its runs prove nothing, where one failed."""

    workload: str
    state: str
    reason: str | None
    void: str | None
    planted_effect: float | None
    twin: Verdict | None
    planted: Verdict | None


class RunVerdict(Struct, frozen=True):
    """A run that added blocks; ``void`` is why it proves nothing of a workload, by workload."""

    id: str
    started: str
    profile: str
    void: dict[str, str]


class Refused(Struct, frozen=True):
    """A declared comparison that is not made, and why."""

    cell: Cell
    other: Cell
    reason: str


class Sentence(Struct, frozen=True):
    """One statement of the answer as the pages have it; ``evidence`` is a path from the results folder."""

    key: str
    lead: str
    text: str
    evidence: str


class Verdicts(Struct, frozen=True):
    """Everything that is said of one machine."""

    format_version: int
    machine: str
    ended: bool
    statements: tuple[Sentence, ...]
    runs: tuple[RunVerdict, ...]
    controls: tuple[ControlVerdicts, ...]
    comparisons: tuple[Verdict, ...]
    values: tuple[Value, ...]
    refused: tuple[Refused, ...]


def encode(document: Verdicts) -> bytes:
    """The document as JSON, one object a line where it is flat enough, so that a diff shows what has changed."""
    lines = []
    for name, part in documents.to_builtins(document).items():
        if isinstance(part, list) and part:
            rows = ",\n  ".join(map(write_json, part))
            lines.append(f" {write_json(name)}: [\n  {rows}\n ]")
        else:
            lines.append(f" {write_json(name)}: {write_json(part)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def decode(data: bytes, name: str) -> Verdicts:
    """The document from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is none, or of another version.

    """
    documents.need_version(data, name, "no document of verdicts", VERDICTS_FORMAT)
    return documents.decode(data, name, "no document of verdicts", Verdicts)


def schema() -> bytes:
    """The JSON schema of the document."""
    described: dict[str, Any] = msgspec.json.schema(Verdicts)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=1, sort_keys=True).encode() + b"\n"
