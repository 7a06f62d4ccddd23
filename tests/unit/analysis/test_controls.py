"""A workload's runs prove themselves: the twin does not differ, the planted cost is found, and at its size."""

import math

import msgspec
import pytest

from stackmatrix.analysis.comparison.controls import judge_controls, planted_ratio
from stackmatrix.analysis.comparison.verdicts import Comparison, Controls, Estimate, Word
from stackmatrix.matrix.cells import Cell, Control
from stackmatrix.results.model import Result
from tests.made_up import make_results

REFERENCE = Cell(stack="uvicorn", python="3.13", workload="fanout")
KNOWN = 1.08


def control(kind: Control, of: Cell = REFERENCE) -> Cell:
    return msgspec.structs.replace(of, control=kind)


def compared(
    kind: Control, mid: float, half: float | None, word: Word = "undecided", blocks: int = 5, of: Cell = REFERENCE
) -> Comparison:
    effect = Estimate(mid, None if half is None else mid - half, None if half is None else mid + half)
    return Comparison(control(kind, of), of, effect, word, blocks, None, None, None, ())


def judged(*some: Comparison, blocks: int = 5, ended: bool = False, known: float | None = KNOWN) -> Controls:
    ratios = {} if known is None else {one.cell: known for one in some if one.cell.control == "planted"}
    return judge_controls(some, ratios, blocks, ended=ended)


TWIN = compared("twin", 1.0, 0.02)
FOUND = compared("planted", 1.075, 0.02, "worse")
NOT_YET = compared("planted", 1.04, 0.05)


def test_a_twin_that_does_not_differ_and_a_planted_cost_that_is_found_pass() -> None:
    found = judged(TWIN, FOUND)
    assert (found.state, found.reason) == ("passed", None)
    assert (found.twin, found.planted, found.planted_effect) == (TWIN, FOUND, KNOWN)


def test_a_twin_that_is_the_same_for_sure_passes_too() -> None:
    assert judged(compared("twin", 1.0, 0.01, "same"), FOUND).state == "passed"


@pytest.mark.parametrize("word", ["better", "worse"])
@pytest.mark.parametrize("ended", [False, True])
def test_a_twin_that_differs_fails_at_once(word: Word, *, ended: bool) -> None:
    found = judged(compared("twin", 1.05, 0.02, word), FOUND, ended=ended)
    assert found.state == "failed"
    assert "5.0 % (3.0 % to 7.0 %)" in (found.reason or "")


@pytest.mark.parametrize("mid", [1.03, 1.12])
def test_a_planted_cost_of_another_size_fails_at_once(mid: float) -> None:
    found = judged(TWIN, compared("planted", mid, 0.02, "worse"))
    assert found.state == "failed"
    assert "8.0 %" in (found.reason or "")


@pytest.mark.parametrize("mid", [KNOWN * 1.025, KNOWN / 1.025])
def test_a_planted_cost_that_is_off_by_less_than_half_of_what_matters_passes_however_sure_that_is(mid: float) -> None:
    # The known amount lies outside of the interval, by less than what burning costs beside itself.
    assert judged(TWIN, compared("planted", mid, 0.015, "worse")).state == "passed"
    assert judged(TWIN, compared("planted", mid, 0.005, "worse")).state == "failed"


def test_a_planted_cost_that_is_not_found_yet_is_not_yet_known_until_the_run_has_ended_or_no_look_is_left() -> None:
    assert judged(TWIN, NOT_YET).state == "not yet known"
    assert judged(TWIN, NOT_YET, ended=True).state == "failed"
    assert judged(TWIN, NOT_YET, blocks=16).state == "failed"


@pytest.mark.parametrize("blocks", [3, 4])
def test_a_run_that_ended_before_the_main_look_has_not_failed_to_find_it(blocks: int) -> None:
    found = judged(TWIN, NOT_YET, blocks=blocks, ended=True)
    assert found.state == "not yet known"
    assert "was not found" in (found.reason or "")


def test_before_the_first_look_nothing_is_known_even_of_a_run_that_has_ended() -> None:
    some = compared("twin", 1.0, None, blocks=2), compared("planted", 1.08, None, blocks=2)
    assert judged(*some, blocks=2, ended=True).state == "not yet known"


@pytest.mark.parametrize("some", [(), (TWIN,), (FOUND,)])
def test_controls_that_are_not_there_are_not_measured(some: tuple[Comparison, ...]) -> None:
    assert judged(*some, ended=True).state == "not measured"
    assert judged(*some, ended=True).reason


def test_a_planted_cost_of_unknown_size_proves_nothing() -> None:
    assert judged(TWIN, FOUND, known=None).state == "not measured"


def test_a_twin_that_differs_fails_though_nothing_was_planted() -> None:
    assert judged(compared("twin", 1.05, 0.02, "worse")).state == "failed"


def test_of_runs_with_different_references_a_failure_comes_first_and_then_what_has_most_blocks() -> None:
    other = msgspec.structs.replace(REFERENCE, stack="uwsgi_gevent")
    more = compared("twin", 1.0, 0.02, blocks=9, of=other), compared("planted", 1.08, 0.02, "worse", 9, of=other)
    assert judged(TWIN, FOUND, *more).twin == more[0]
    failed = compared("twin", 1.05, 0.02, "worse")
    assert judged(failed, FOUND, *more).twin == failed


def planted_result(*blocks: tuple[float | None, float | None]) -> Result:
    """A planted control whose blocks have these costs and burnt amounts."""
    made = make_results(("uvicorn",), ("3.13",), ("fanout",), blocks=len(blocks))
    result = next(one for one in made if one.cell.control == "planted")
    cost = tuple(
        msgspec.structs.replace(block, cpu_ms_per_request=cost, planted_ms=planted)
        for block, (cost, planted) in zip(result.cost, blocks, strict=True)
    )
    return msgspec.structs.replace(result, cost=cost)


def test_the_known_ratio_is_of_the_cost_to_itself_without_what_was_burnt_block_by_block() -> None:
    assert planted_ratio(planted_result((10.8, 0.8))) == pytest.approx(1.08)
    expected = math.sqrt(1.08 * 1.04)
    assert planted_ratio(planted_result((10.8, 0.8), (20.8, 0.8))) == pytest.approx(expected)


@pytest.mark.parametrize("block", [(None, 0.8), (10.0, None), (10.0, 0.0), (0.7, 0.8)])
def test_blocks_without_a_known_amount_give_no_ratio(block: tuple[float | None, float | None]) -> None:
    assert planted_ratio(planted_result(block)) is None


def test_invalid_blocks_give_no_ratio() -> None:
    result = planted_result((10.8, 0.8))
    spoilt = tuple(msgspec.structs.replace(block, validity="invalid") for block in result.cost)
    assert planted_ratio(msgspec.structs.replace(result, cost=spoilt)) is None
