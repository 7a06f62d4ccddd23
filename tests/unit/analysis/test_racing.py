"""Decided cells leave the later blocks, controls and their reference stay, and a run ends when nothing is open."""

from dataclasses import replace

import msgspec
import pytest

from stackmatrix.analysis.comparison.contrasts import declared
from stackmatrix.analysis.comparison.racing import forecast, open_cells
from stackmatrix.analysis.comparison.verdicts import Comparison, Controls, Estimate, Family, Word, worse_by
from stackmatrix.analysis.metrics import COST, MEMORY
from stackmatrix.matrix.cells import Cell, make_cells

STACKS = ("gunicorn_100_threads", "gunicorn_gevent", "uvicorn")
CELLS = make_cells(STACKS, ("3.13",), ("fanout",))
REFERENCE, GEVENT, UVICORN = CELLS
TWIN = msgspec.structs.replace(REFERENCE, control="twin")
PLANTED = msgspec.structs.replace(REFERENCE, control="planted")
PASSED = Controls(None, None, None, "passed", None)
WAITING = Controls(None, None, None, "not yet known", "Wait.")


def family(*open_pairs: frozenset[Cell], blocks: int = 5, needed: int | None = 8) -> Family:
    def compare(cell: Cell, other: Cell) -> Comparison:
        is_open = {cell, other} in open_pairs
        word: Word = "undecided" if is_open else "worse"
        return Comparison(
            cell, other, Estimate(1.1, 1.0, 1.2), word, blocks, None, None, needed if is_open else None, ()
        )

    values = {cell: Estimate(1.0, None, None) for cell in (*CELLS, TWIN, PLANTED)}
    compared = tuple(compare(cell, other) for cell, other in declared(CELLS))
    return Family("fanout", COST, blocks, values, compared, {}, 0.016, PASSED)


OPEN = frozenset((UVICORN, REFERENCE))
BETWEEN = frozenset((UVICORN, GEVENT))


def test_a_cell_all_of_whose_comparisons_are_decided_leaves() -> None:
    assert open_cells([family(OPEN)]) == {UVICORN, REFERENCE, TWIN, PLANTED}


def test_the_reference_and_its_controls_stay_though_nothing_of_them_is_open() -> None:
    assert open_cells([family(BETWEEN)]) == {UVICORN, GEVENT, REFERENCE, TWIN, PLANTED}


def test_before_the_first_look_everybody_stays() -> None:
    assert open_cells([family(blocks=2)]) == {*CELLS, TWIN, PLANTED}


def test_of_a_workload_in_which_all_is_decided_nobody_stays() -> None:
    assert open_cells([family()]) == set()


def test_controls_that_are_not_yet_known_stay_with_their_reference() -> None:
    waiting = replace(family(), controls=WAITING)
    assert open_cells([waiting]) == {REFERENCE, TWIN, PLANTED}


def test_controls_stay_beside_the_cell_that_they_repeat_whichever_it_is() -> None:
    one = family(OPEN)
    twin = msgspec.structs.replace(GEVENT, control="twin")
    values = {cell: one.values[cell] for cell in CELLS} | {twin: Estimate(1.0, None, None)}
    assert open_cells([replace(one, values=values)]) == {UVICORN, REFERENCE, GEVENT, twin}


@pytest.mark.parametrize("done", [replace(family(OPEN), void="It is void."), family(OPEN, blocks=16)])
def test_void_runs_and_those_without_a_later_look_are_settled(done: Family) -> None:
    assert open_cells([done]) == set()
    assert forecast(done) == 0


def test_only_headline_metrics_keep_a_run_going() -> None:
    memory = replace(family(OPEN), metric=MEMORY)
    assert open_cells([memory]) == set()


def test_one_open_workload_keeps_a_run_going() -> None:
    assert open_cells([family(), family(OPEN)]) == open_cells([family(OPEN)])


def test_the_forecast_is_what_the_slowest_open_comparison_needs() -> None:
    assert forecast(family(OPEN)) == 3
    assert forecast(family()) == 0
    assert forecast(family(OPEN, needed=None)) is None


def test_the_forecast_waits_for_controls() -> None:
    planted = Comparison(PLANTED, REFERENCE, Estimate(1.05, 0.98, 1.12), "undecided", 5, None, None, 6, ())
    waiting = Controls(None, planted, 1.08, "not yet known", "Wait.")
    assert forecast(replace(family(), controls=waiting)) == 1


def test_before_the_first_look_the_forecast_is_that_look_at_least() -> None:
    assert forecast(family(blocks=1)) == 2


def test_a_gate_is_open_until_it_is_known_on_which_side_of_its_threshold_each_cell_lies() -> None:
    def left(low: float, high: float, threshold: float) -> set[Cell]:
        one = Comparison(UVICORN, REFERENCE, Estimate((low + high) / 2, low, high), "worse", 5, 5, None, None, ())
        return open_cells([replace(family(), compared=(one,), threshold=threshold)])

    assert left(1.02, 1.08, 0.05) == {UVICORN, REFERENCE, TWIN, PLANTED}
    assert left(1.02, 1.04, 0.05) == set()
    assert left(1.06, 1.08, 0.05) == set()


def test_less_held_is_worse_by_as_much_as_is_lost() -> None:
    worse = worse_by(Estimate(0.9, 0.8, 0.95), higher_is_better=True)
    assert (worse.low, worse.mid, worse.high) == pytest.approx((0.05, 0.1, 0.2))
    unsure = worse_by(Estimate(1.1, None, None), higher_is_better=False)
    assert unsure.mid == pytest.approx(0.1)
    assert (unsure.low, unsure.high) == (None, None)
