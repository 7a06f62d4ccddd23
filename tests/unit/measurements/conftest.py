"""What a kind of measurement is given in place of a machine, and a view that keeps what it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.profiles import PROFILES, Profile
from stackmatrix.measurements.request import Provenance, Request, Setup, Standing
from stackmatrix.results.conditions import Machine
from stackmatrix.results.model import Result
from stackmatrix.system.cores import Layout

type MakeSetup = Callable[..., Setup]

MACHINE = Machine(
    cpu_model="A processor", cores=2, memory_bytes=2**34, kernel="Linux 6", os="An OS", governor=None,
    virtualised=True, pinning={"target": (1,), "generator": (0,)},
)  # fmt: skip
PROVENANCE = Provenance("run", "2026-11-22T10:00:00+00:00", "cd" * 20, {"python": "3.13.0"}, "ab" * 32)


@dataclass
class Said:
    """A view that keeps what it is told."""

    lines: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    left_s: list[float | None] = field(default_factory=list)
    families: list[Sequence[Family]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        self.lines.append(text)

    def begin(self, label: str, left_s: float | None) -> None:
        self.begun.append(label)
        self.left_s.append(left_s)

    def show(self, doing: str) -> None:
        pass

    def end(self, label: str, words: str, families: Sequence[Family], _elapsed_s: float, left_s: float | None) -> None:
        self.lines.append(f"{label}: {words}")
        self.families.append(families)
        self.left_s.append(left_s)


@pytest.fixture
def view() -> Said:
    return Said()


@pytest.fixture
def make_setup(tmp_path: Path, make_subject: Callable[[Cell], Subject]) -> MakeSetup:
    """What the runner hands to a kind: these cells, all of which are there."""

    def make(
        cells: Sequence[Cell],
        *,
        seed: int = 1,
        generators: int = 1,
        minutes: float | None = None,
        layout: Layout | None = None,
        profile: Profile = PROFILES["answer"],
    ) -> Setup:
        request = Request(tuple(cells), seed, tmp_path, machine_name="m", generators=generators, minutes=minutes)
        subjects = {cell: make_subject(cell) for cell in cells}
        return Setup(request, profile, PROVENANCE, subjects, layout or Layout(), MACHINE, "m")

    return make


@pytest.fixture
def make_standing() -> Callable[..., Standing]:
    """What is known: these results, of which these cells have something undecided."""

    def make(results: Sequence[Result] = (), open_: Sequence[Cell] = (), failed: Sequence[Cell] = ()) -> Standing:
        counted = {cell: list(failed).count(cell) for cell in failed}
        return Standing({one.cell: one for one in results}, (), frozenset(open_), counted)

    return make
