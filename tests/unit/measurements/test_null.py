"""What the null target is asked beside the ramps, and what becomes of it."""

import platform
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.profiles import PROFILES, TURNS_A_RAMP
from stackmatrix.matrix.ramp import RampPlan
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.measurements.ramp import null
from stackmatrix.measurements.ramp.kind import ENOUGH
from stackmatrix.measurements.ramp.null import NullRamps
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.model import FORMAT_VERSION, Result, Status
from stackmatrix.results.ramps import Ramp, ReferenceLoad
from stackmatrix.testbed import null_target

THIS_PYTHON = ".".join(platform.python_version_tuple()[:2])
NULLS = tuple(
    Cell(stack="null_target", python=THIS_PYTHON, workload=name, control="null")
    for name in ("fanout_shared_client", "fanout")
)
CELLS = tuple(
    Cell(stack=stack, python="3.13", workload=one.workload) for one in NULLS for stack in ("uvicorn", "uwsgi_2_threads")
)
ANSWER = PROFILES["answer"]


def reference_load(p50_ms: float, p95_ms: float | None) -> ReferenceLoad:
    times = LatencyMs(mean=p50_ms, p50=p50_ms, p90=None, p95=p95_ms, p99=None, max=610.0)
    return ReferenceLoad(
        rate=20.0, window_s=10.0, requests=200, failures={}, latency_ms=times, latency_histogram=None,
        in_flight_mean=12.0, cpu_ms_per_request=0.1, pss_bytes=None, threads_peak=None, threads_per_request=None,
        switches_per_request=None, connections_per_request=None,
    )  # fmt: skip


def ramp(p95_ms: float | None = 602.5) -> Ramp:
    return Ramp(
        run="run", round=0, started="2026-11-25T10:00:00+00:00", duration_s=20, validity="valid", seed=1, steps=(),
        reference=reference_load(600.8, p95_ms), holds=20.0, limiter=None, ended="highest rate", recovery=None,
        seconds=None,
    )  # fmt: skip


@pytest.fixture
def kind(make_setup: Callable[..., Any]) -> NullRamps:
    made = NullRamps()
    made.begin(make_setup(CELLS))
    return made


def cells_of(steps: Any) -> list[Cell]:
    return [cell for step in steps for cell in step.cells]


def test_it_is_asked_once_for_each_workload_in_every_turn_of_ramps(
    kind: NullRamps, make_standing: Callable[..., Any]
) -> None:
    assert tuple(subject.cell for subject in kind.beside()) == NULLS
    for number in range(ANSWER.ramps):
        steps = kind.steps(TURNS_A_RAMP * number, make_standing())
        assert cells_of(steps) == [*NULLS]
        assert {step.number for step in steps} == {number}
        assert all(10 < step.estimate_s < 40 for step in steps)
    assert [kind.steps(turn, make_standing()) for turn in (1, TURNS_A_RAMP * ANSWER.ramps)] == [(), ()]


def test_with_enough_in_its_file_or_too_many_failures_it_is_not_asked_again(
    kind: NullRamps, make_standing: Callable[..., Any]
) -> None:
    enough = Result(format_version=FORMAT_VERSION, cell=NULLS[0], status=Status(state="ok"), ramps=(ramp(),) * ENOUGH)
    assert cells_of(kind.steps(0, make_standing([enough]))) == [NULLS[1]]
    assert cells_of(kind.steps(0, make_standing(failed=[NULLS[1]] * 2))) == [NULLS[0]]


def test_what_later_turns_take_is_known(kind: NullRamps, make_standing: Callable[..., Any]) -> None:
    kind.steps(0, make_standing())
    assert kind.later_s(make_standing()) == sum(step.estimate_s for step in kind.steps(0, make_standing()))
    kind.steps(TURNS_A_RAMP, make_standing())
    assert kind.later_s(make_standing()) == 0


def test_where_no_cell_has_the_slots_for_the_reference_rate_it_is_not_asked(make_setup: Callable[..., Any]) -> None:
    kind = NullRamps()
    kind.begin(make_setup([cell for cell in CELLS if cell.stack == "uwsgi_2_threads"]))
    assert kind.beside() == ()


@pytest.mark.parametrize("name", ["slow_tail", "api_errors"])
def test_beside_delays_and_failures_that_are_drawn_it_is_not_asked(name: str, make_setup: Callable[..., Any]) -> None:
    kind = NullRamps()
    kind.begin(make_setup([Cell(stack="uvicorn", python="3.13", workload=one) for one in (name, "single_call")]))
    assert [subject.cell.workload for subject in kind.beside()] == ["single_call"]


def test_beside_pages_of_ones_own_it_answers_at_once_and_is_asked_for_its_own_page() -> None:
    own = Workload(
        "own", "", (*one_page("/a/"), *one_page("/b/")), (), compare_rate=5.0, calls_known=False, measured_ms=(80.0,)
    )
    waits = null_target.null_control(own).workload
    assert ([page.path for page in waits.pages], waits.floor_ms, waits.calls) == (["/0/"], 0, 0)
    assert (waits.name, waits.compare_rate, waits.measured_ms) == ("own", 5.0, ())


def test_it_gets_the_beginning_of_the_ramp_and_what_it_holds_is_not_told(
    kind: NullRamps, monkeypatch: pytest.MonkeyPatch, make_standing: Callable[..., Any]
) -> None:
    asked: list[tuple[Subject, RampPlan]] = []

    def climb(_setup: object, subject: Subject, plan: RampPlan, *_: object) -> Any:
        asked.append((subject, plan))
        return SimpleNamespace(facts=None, started="2026-11-25T10:00:00+00:00", duration_s=20.0)

    monkeypatch.setattr(null, "climb", climb)
    monkeypatch.setattr(null, "assess_ramp", lambda *_, **__: ramp())
    step = next(step for step in kind.steps(0, make_standing()) if step.cells == (NULLS[1],))
    outcome = kind.perform(step, lambda _: None)
    ((subject, plan),) = asked
    assert (subject.workload.pages[0].path, subject.workload.floor_ms, subject.workload.calls) == ("/600/", 600, 0)
    assert plan.reference is not None
    assert plan.rates[plan.reference] == plan.rates[-1] == WORKLOADS["fanout"].compare_rate
    block = outcome.blocks[NULLS[1]]
    assert isinstance(block, Ramp)
    assert (block.holds, block.limiter, block.ended) == (None, None, None)
    assert outcome.environments[NULLS[1]].python.version == platform.python_version()
    assert outcome.words == "p50 600.8 ms, p95 602.5 ms"
    assert null.describe(ramp(None)) == "p50 600.8 ms"
