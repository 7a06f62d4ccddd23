"""What a kind of measurement is given in place of a machine, and how its steps are performed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.measurements.request import Kind, Provenance, Request, Setup
from stackmatrix.results.model import Machine
from stackmatrix.system.cores import Layout

type MakeSetup = Callable[..., Setup]

MACHINE = Machine(
    cpu_model="A processor", cores=2, memory_bytes=2**34, kernel="Linux 6", os="An OS", governor=None,
    virtualised=True, pinning={"target": (1,), "generator": (0,)},
)  # fmt: skip
PROVENANCE = Provenance("run", "2026-11-22T10:00:00+00:00", "cd" * 20, {"python": "3.13.0"}, "ab" * 32)


@pytest.fixture
def make_setup(tmp_path: Path, make_subject: Callable[[Cell], Subject]) -> MakeSetup:
    """What the runner hands to a kind: these cells, all of which are there."""

    def make(cells: Sequence[Cell], *, seed: int = 1, generators: int = 1, layout: Layout | None = None) -> Setup:
        request = Request(tuple(cells), seed, tmp_path, machine_name="m", generators=generators)
        subjects = {cell: make_subject(cell) for cell in cells}
        return Setup(request, PROVENANCE, subjects, layout or Layout(), MACHINE, "m")

    return make


@pytest.fixture
def perform() -> Callable[[Kind, Setup], list[str]]:
    """Performs the steps of a kind as the runner does (test_runner.py), and returns what each says."""

    def perform(kind: Kind, setup: Setup) -> list[str]:
        said = []
        for step in kind.begin(setup):
            if kind.is_enough(step):
                break
            try:
                said.append(kind.perform(step, lambda _: None))
            except (TrialError, SupervisorError) as error:
                kind.fail(step, str(error))
                said.append(f"failed: {error}")
        return said

    return perform
