"""A row of the matrix that costs six per cent more is found by a whole run within five blocks; some minutes."""

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from stackmatrix.matrix.cells import Cell, Installation, make_cells
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.measurements.cost.kind import CostBlocks
from stackmatrix.measurements.cost.rate import PLANTED_SHARE
from stackmatrix.measurements.request import Request
from stackmatrix.measurements.runner import Runner
from stackmatrix.report.live import LogView
from stackmatrix.testbed import environments, testbed
from under_test import planted

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HONEST, DEARER = "uvicorn", "dearer"
SHARE, BLOCKS = 0.06, 5


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cell, ...]:
    """Two rows that are one server of this environment, of which one burns more for each request.

    As much as the share of what the run finds that a request costs: it burns in proportion to the planted control.
    """
    file = tmp_path / "burnt"
    planted.write(file, 0.0)
    honest = STACKS[HONEST]
    burning = replace(honest, name=DEARER, command=("env", f"{planted.VARIABLE}={file}", *honest.command))
    monkeypatch.setitem(STACKS, DEARER, burning)
    here = {(stack, THIS_PYTHON): Installation(Path(sys.prefix), "lock") for stack in (HONEST, DEARER)}
    monkeypatch.setattr(environments, "installed", lambda: here)
    plant: Callable[[testbed.Testbed, float], None] = testbed.Testbed.plant

    def plant_both(bed: testbed.Testbed, burn_ms: float) -> None:
        plant(bed, burn_ms)
        planted.write(file, burn_ms * SHARE / PLANTED_SHARE)

    monkeypatch.setattr(testbed.Testbed, "plant", plant_both)
    return make_cells((HONEST, DEARER), (THIS_PYTHON,), ("fanout_shared_client",))


def test_a_row_that_costs_six_per_cent_more_is_found_and_the_twin_does_not_differ(
    tmp_path: Path, cells: tuple[Cell, ...]
) -> None:
    profile = replace(PROFILES["answer"], kinds=("cost",), blocks=BLOCKS, minutes=None)
    request = Request(cells, seed=1, folder=tmp_path / "results", machine_name="here")
    runner = Runner(request, profile, [CostBlocks()], LogView(Console(file=io.StringIO())))
    runner.run()
    family = next(family for family in runner.families if family.metric.name == "cpu")
    (one,) = family.compared
    assert (one.cell.stack, one.other.stack, one.word, one.blocks) == (DEARER, HONEST, "worse", BLOCKS)
    assert family.controls.twin is not None
    assert family.controls.twin.word in {"same", "undecided"}
    assert family.controls.state == "passed"
