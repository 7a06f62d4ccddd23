"""Which cells are held at what rate, and what becomes of a hold."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import PROFILES, TURNS_A_RAMP
from stackmatrix.measurements.hold import Holds, describe, held_by
from stackmatrix.measurements.request import Step
from stackmatrix.results.findings import Code, invalid, note
from stackmatrix.results.holds import Hold
from stackmatrix.results.model import FORMAT_VERSION, Result, Status
from stackmatrix.results.ramps import Ramp, Recovery

ONE, TWO, THREE = CELLS = tuple(
    Cell(stack=stack, python="3.13", workload="fanout") for stack in ("uvicorn", "gunicorn_gevent", "uwsgi_2_threads")
)
TWIN = Cell(stack="uvicorn", python="3.13", workload="fanout", control="twin")
AFTER_RAMPS = TURNS_A_RAMP * PROFILES["deep"].ramps + 1
BACK = Recovery(rate=32, before_p50_ms=610, seconds=1.5, watched_s=89)
NEVER = Recovery(rate=32, before_p50_ms=610, seconds=None, watched_s=89)


def result(cell: Cell, *holds: float | None, validity: Any = "valid") -> Result:
    ramps = tuple(
        Ramp(
            run="run", round=number, started="2026-11-25T10:00:00+00:00", duration_s=60, validity=validity, seed=1,
            steps=(), reference=None, holds=each, limiter=None, ended="backlog", recovery=None, seconds=None,
        )
        for number, each in enumerate(holds)
    )  # fmt: skip
    return Result(format_version=FORMAT_VERSION, cell=cell, status=Status(state="ok"), ramps=ramps)


def hold(**changed: Any) -> Hold:
    made = Hold(
        run="run", round=0, started="2026-11-25T10:00:00+00:00", duration_s=200, validity="valid", seed=1, rate=32.0,
        held=40.0, window_s=180, stall_s=1, stalled_at_s=90, requests=5_000, failures={}, latency_ms=None,
        recovery=BACK, seconds=None, sustained=True,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


@pytest.fixture
def kind(make_setup: Callable[..., Any]) -> Holds:
    made = Holds()
    made.begin(make_setup((*CELLS, TWIN), profile=PROFILES["deep"]))
    return made


def test_after_the_ramps_every_cell_that_holds_anything_is_held_once(
    kind: Holds, make_standing: Callable[..., Any]
) -> None:
    standing = make_standing([result(ONE, 40.0), result(TWO, 50.0), result(THREE, None), result(TWIN, 40.0)])
    assert [len(kind.steps(turn, standing)) for turn in range(AFTER_RAMPS)] == [0] * AFTER_RAMPS
    steps = kind.steps(AFTER_RAMPS, standing)
    assert {step.cells for step in steps} == {(ONE,), (TWO,)}
    assert {step.number for step in steps} == {0}
    assert all(step.estimate_s > PROFILES["deep"].hold_s for step in steps)
    assert kind.steps(AFTER_RAMPS + 1, standing) == ()


def test_a_cell_that_was_never_ramped_or_has_failed_twice_is_left_out(
    kind: Holds, make_standing: Callable[..., Any]
) -> None:
    standing = make_standing([result(ONE, 40.0), result(THREE, 3.0)], failed=(THREE, THREE))
    assert [step.cells for step in kind.steps(AFTER_RAMPS, standing)] == [(ONE,)]


def test_what_a_cell_held_is_the_median_of_its_valid_ramps_that_held_anything() -> None:
    assert held_by(result(ONE, 40.0, 60.0, 44.0)) == 44.0
    assert held_by(result(ONE, 40.0, None)) == 40.0
    assert held_by(result(ONE, None)) is None
    assert held_by(result(ONE, 40.0, validity="invalid")) is None
    assert held_by(None) is None


def test_an_invalid_hold_is_made_once_more_and_noted(kind: Holds, monkeypatch: pytest.MonkeyPatch) -> None:
    late = invalid(Code.GENERATOR_LAG, "The generator was late.")
    left = [hold(validity="invalid", findings=(late,)), hold()]

    def attempt(_: Holds, _cell: Cell, _number: int, made: list[object], _show: object) -> Hold:
        made.append(SimpleNamespace(environment="served", loop_ms=None))
        return left.pop(0)

    monkeypatch.setattr(Holds, "_hold", attempt)
    outcome = kind.perform(Step("one", (ONE,), 0), lambda _: None)
    (block,) = outcome.blocks.values()
    assert block.is_valid
    assert [one.code for one in block.findings] == [Code.SECOND_ATTEMPT]
    assert left == []


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (hold(), "32/s sustained, back 1.5 s after a stall of 1 s"),
        (hold(sustained=False, recovery=NEVER), "32/s not sustained, not back after a stall of 1 s"),
        (
            hold(validity="invalid", findings=(invalid(Code.GENERATOR_LAG, "The generator was late."),)),
            "invalid: The generator was late.",
        ),
        (
            hold(findings=(note(Code.DATABASE_LOCKED, "SQLite was locked."),)),
            "32/s sustained, back 1.5 s after a stall of 1 s. SQLite was locked.",
        ),
    ],
)
def test_a_hold_is_described_by_its_rate_whether_it_was_sustained_and_how_it_came_back(one: Hold, words: str) -> None:
    assert describe(one) == words
