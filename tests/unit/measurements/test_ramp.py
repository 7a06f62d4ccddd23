"""Which ramps a run makes, and what becomes of one."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import PROFILES, TURNS_A_RAMP
from stackmatrix.matrix.stacks import STACKS as EVERY_STACK
from stackmatrix.measurements.ramp.kind import Ramps, describe, needs_another
from stackmatrix.measurements.request import Step
from stackmatrix.results.findings import Code, invalid
from stackmatrix.results.model import FORMAT_VERSION, Result, Status
from stackmatrix.results.ramps import Ramp, RampStep, Recovery

STACKS = ("uvicorn", "gunicorn_100_threads", "uwsgi_gevent")
CELLS = tuple(
    Cell(stack=stack, python=python, workload=workload)
    for workload in ("fanout", "fanout_shared_client")
    for stack in STACKS
    for python in ("3.12", "3.13")
)
NEWEST = {cell for cell in CELLS if cell.python == "3.13"}
DEMO = {row.name for row in EVERY_STACK.values() if row.demo_place is not None}
TWIN = Cell(stack="uvicorn", python="3.13", workload="fanout", control="twin")
ONE = next(iter(CELLS))
LATE = invalid(Code.GENERATOR_LAG, "The generator was late.")


def ramp(holds: float | None, **changed: Any) -> Ramp:
    step = RampStep(
        rate=16.5, seconds=3, requests=50, answered=50, p50_ms=600, p95_ms=610, in_flight=9, cpu_share=0.2, held=True
    )
    made = Ramp(
        run="run", round=0, started="2026-11-25T10:00:00+00:00", duration_s=60, validity="valid", seed=1,
        steps=(step,), reference=None, holds=holds, limiter="target-cpu", ended="backlog", recovery=None, seconds=None,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def spoilt(holds: float) -> Ramp:
    return ramp(holds, validity="invalid", findings=(LATE,))


def result(cell: Cell, *ramps: Ramp) -> Result:
    return Result(format_version=FORMAT_VERSION, cell=cell, status=Status(state="ok"), ramps=ramps)


@pytest.fixture
def make_kind(make_setup: Callable[..., Any]) -> Callable[..., Ramps]:
    def make(*, profile: str = "answer", cells: Sequence[Cell] = (*CELLS, TWIN), **request: Any) -> Ramps:
        kind = Ramps()
        kind.begin(make_setup(cells, profile=PROFILES[profile], **{"seed": 1, **request}))
        return kind

    return make


def cells_of(steps: Any) -> list[Cell]:
    return [cell for step in steps for cell in step.cells]


def test_every_stack_is_ramped_on_the_newest_python_once_in_every_other_turn(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    kind, standing = make_kind(), make_standing()
    for number in (0, 1):
        steps = kind.steps(TURNS_A_RAMP * number, standing)
        assert len(steps) == len(NEWEST)
        assert {*cells_of(steps)} == NEWEST
        assert {step.number for step in steps} == {number}
        assert all(30 < step.estimate_s < 120 for step in steps)
    assert [kind.steps(turn, standing) for turn in (1, 3, 5, 6)] == [()] * 4


def test_where_ramps_of_all_take_most_of_the_time_they_begin_after_the_first_look_with_the_default_stacks(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    standing = make_standing()
    cells = [Cell(stack=stack, python="3.13", workload="fanout") for stack in EVERY_STACK]
    kind = make_kind(cells=cells, minutes=30)
    chosen = [cells_of(kind.steps(turn, standing)) for turn in range(TURNS_A_RAMP + 2)]
    assert [len(one) for one in chosen] == [0, len(cells), 0, len(cells)]
    assert {cell.stack for cell in chosen[1][: len(DEMO)]} == DEMO
    assert make_kind(cells=cells, minutes=None).steps(0, standing)
    assert make_kind(minutes=30).steps(0, standing)


def test_deep_ramps_every_cell_and_no_control(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    assert {*cells_of(make_kind(profile="deep").steps(0, make_standing()))} == {*CELLS}


def test_smoke_makes_one_ramp_and_no_more(make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]) -> None:
    kind = make_kind(profile="smoke")
    assert len(kind.steps(0, make_standing())) == len(NEWEST)
    assert kind.steps(TURNS_A_RAMP, make_standing()) == ()


def test_the_order_is_another_in_each_turn_and_the_same_for_the_same_seed(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    def orders(seed: int) -> list[list[Cell]]:
        return [cells_of(make_kind(seed=seed).steps(turn, make_standing())) for turn in (0, TURNS_A_RAMP)]

    assert orders(1) == orders(1) != orders(2)
    assert orders(1)[0] != orders(1)[1]


@pytest.mark.parametrize(
    ("ramps", "needs"),
    [
        ((ramp(40.0), ramp(44.0)), False),
        ((ramp(44.0), ramp(40.0)), False),
        ((ramp(40.0), ramp(48.4)), True),
        ((ramp(48.4), ramp(40.0)), True),
        ((ramp(40.0), ramp(None)), True),
        ((ramp(None), ramp(None)), False),
        ((ramp(40.0),), True),
        ((), True),
        ((ramp(40.0), ramp(60.0), ramp(50.0)), False),
    ],
)
def test_a_third_ramp_is_made_where_two_differ_by_more_than_what_matters(
    ramps: tuple[Ramp, ...], needs: object
) -> None:
    assert needs_another(ramps) == needs


def test_in_the_turn_after_only_cells_that_need_it_are_ramped_by_their_valid_ramps(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    agree, differ, half, *_ = sorted(NEWEST)
    known = [result(cell, ramp(40.0), ramp(40.0)) for cell in NEWEST - {agree, differ, half}]
    known += [result(agree, ramp(40.0), ramp(41.0), spoilt(80.0)), result(differ, ramp(40.0), ramp(60.0))]
    known += [result(half, ramp(40.0), spoilt(40.0))]
    steps = make_kind().steps(2 * TURNS_A_RAMP, make_standing(known))
    assert {*cells_of(steps)} == {differ, half}
    assert {step.number for step in steps} == {2}


def test_a_cell_with_three_valid_ramps_in_its_file_needs_no_more_and_invalid_ones_do_not_count(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    enough, few, *_ = sorted(NEWEST)
    known = [result(enough, ramp(40.0), ramp(41.0), ramp(60.0)), result(few, ramp(40.0), ramp(41.0), spoilt(42.0))]
    chosen = cells_of(make_kind().steps(0, make_standing(known)))
    assert enough not in chosen
    assert few in chosen


def test_a_cell_that_has_failed_twice_is_left_out(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    once, twice, *_ = sorted(NEWEST)
    chosen = cells_of(make_kind().steps(2, make_standing(failed=(once, twice, twice))))
    assert once in chosen
    assert twice not in chosen


def test_what_later_turns_take_shrinks_with_the_turns(
    make_kind: Callable[..., Ramps], make_standing: Callable[..., Any]
) -> None:
    kind, standing, left_s = make_kind(), make_standing(), []
    for turn in range(4):
        kind.steps(turn, standing)
        left_s.append(kind.later_s(standing))
    assert left_s[0] == left_s[1] > left_s[2] == left_s[3] == 0


@pytest.fixture
def perform(make_kind: Callable[..., Ramps], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Performs a step whose attempts give these ramps."""

    def perform(*ramps: Ramp | TrialError) -> Any:
        left = list(ramps)

        def attempt(_: Ramps, _cell: Cell, _number: int, made: list[Any], _show: object) -> Ramp:
            made.append(SimpleNamespace(environment="served", loop_ms=12.5))
            if isinstance(one := left.pop(0), TrialError):
                raise one
            return one

        monkeypatch.setattr(Ramps, "_ramp", attempt)
        outcome = make_kind().perform(Step("one", (ONE,), 1), lambda _: None)
        return outcome, left

    return perform


def test_a_valid_ramp_is_the_block_of_its_cell(perform: Callable[..., Any]) -> None:
    outcome, left = perform(ramp(40.0), ramp(50.0))
    assert outcome.blocks == {ONE: ramp(40.0)}
    assert outcome.environments == {ONE: "served"}
    assert outcome.loops_ms == {ONE: 12.5}
    assert len(left) == 1


def test_an_invalid_ramp_is_made_once_more_in_a_fresh_process_and_noted(perform: Callable[..., Any]) -> None:
    outcome, _ = perform(spoilt(40.0), ramp(50.0))
    (block,) = outcome.blocks.values()
    assert (block.holds, block.is_valid) == (50.0, True)
    assert [one.code for one in block.findings] == [Code.SECOND_ATTEMPT]


def test_a_ramp_that_is_invalid_twice_is_kept_with_its_findings(perform: Callable[..., Any]) -> None:
    outcome, left = perform(spoilt(40.0), spoilt(50.0), ramp(60.0))
    (block,) = outcome.blocks.values()
    assert (block.holds, block.is_valid, len(left)) == (50.0, False, 1)
    assert outcome.words == "invalid: The generator was late."


def test_a_target_that_ends_fails_the_step(perform: Callable[..., Any]) -> None:
    with pytest.raises(TrialError, match="it ended"):
        perform(TrialError("it ended"))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (ramp(46.7), "holds 47/s, stopped by target-cpu"),
        (ramp(None, limiter="slots"), "holds less than 16.5/s, stopped by slots"),
        (ramp(390.0, limiter=None), "holds 390/s"),
        (
            ramp(46.7, recovery=Recovery(rate=20, before_p50_ms=610, seconds=1.5, watched_s=15)),
            "holds 47/s, stopped by target-cpu, back 1.5 s after the load dropped",
        ),
        (
            ramp(46.7, recovery=Recovery(rate=20, before_p50_ms=610, seconds=None, watched_s=15)),
            "holds 47/s, stopped by target-cpu, not back within 15 s",
        ),
    ],
)
def test_a_ramp_is_described_by_what_it_holds_what_stopped_it_and_whether_it_is_back(one: Ramp, words: str) -> None:
    assert describe(one) == words
