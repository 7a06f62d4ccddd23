"""Validity: every check has facts that pass and facts that fire, with its code and its figure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from stackmatrix import checks, rows
from stackmatrix.checks import LevelFacts
from stackmatrix.model import Finding, Limiter
from stackmatrix.plan import LevelPlan
from stackmatrix.usage import Use
from stackmatrix.workloads import Workload

type Make[T] = Callable[..., T]

WAITS = Workload("waits", "", "/", (300, 600, 150))
BUSY = Use(wall_s=10.0, cpu_s=9.1, rss_bytes_peak=1, threads_peak=1, fds_peak=1, context_switches=1)
IDLE = replace(BUSY, cpu_s=1.0)


@dataclass(frozen=True)
class Case:
    """Facts that make one check fire: rows in place of the steady ones, or other facts changed."""

    check: Callable[[LevelFacts], Finding | None]
    code: str
    figures: str
    severity: str = "invalid"
    changed: dict[str, Any] = field(default_factory=dict)
    spoil: Callable[[list[bytes], Make[bytes]], list[bytes]] = lambda packed, _: packed

    def __str__(self) -> str:
        return f"{self.code}: {self.figures}"


def uses(**busy: Use) -> dict[str, Use]:
    return {"target": IDLE, "generator": IDLE, "external_api": IDLE, **busy}


def figures(calls: int, buckets: dict[str, int], **more: float) -> dict[str, Any]:
    return {
        "calls_started": calls,
        "calls_finished": calls,
        "overshoot_sum_ms": sum(int(bucket) * 0.1 * count for bucket, count in buckets.items()),
        "overshoot_bucket_ms": 0.1,
        "overshoot_histogram": buckets,
        **more,
    }


NOTHING_SEEN = figures(0, {})
STEADY_ROWS = 50  # of two users with 600 ms each from 5 s before a window of 10 s until its end

CASES = (
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 250.0 ms, at most 250.0 ms",
        spoil=lambda packed, row: [*packed, row(105, 105.6, sent_s=105.25)],
    ),
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 0.0 ms, at most 101.0 ms",  # one in many, too late by itself
        spoil=lambda packed, row: packed * 4 + [row(105, 105.9, sent_s=105.101)],
    ),
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 11.0 ms, at most 11.0 ms",  # all a little too late
        spoil=lambda _, row: [row(105, 105.7, sent_s=105.011)] * 20,
    ),
    Case(checks.check_generator_core, "generator-busy", "91%", changed={"uses": uses(generator=BUSY)}),
    Case(checks.check_api_core, "api-busy", "91%", changed={"uses": uses(external_api=BUSY)}),
    Case(
        checks.check_overshoot,
        "api-overshoot",
        "by 3.5 ms on average, p99 3.6 ms",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"35": 150})},
    ),
    Case(
        checks.check_overshoot,
        "api-overshoot",
        "by 0.6 ms on average, p99 15.1 ms",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"3": 147, "150": 3})},
    ),
    Case(checks.check_overshoot, "api-gone", "did not give its figures", changed={"api_after": None}),
    Case(checks.check_overshoot, "api-gone", "did not give its figures", changed={"api_before": None}),
    Case(
        checks.check_conservation,
        "conservation",
        f"saw 100 calls for {STEADY_ROWS} pages, expected 150",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(100, {"3": 100})},
    ),
    Case(
        checks.check_conservation,
        "conservation",
        f"saw 155 calls for {STEADY_ROWS} pages, expected 150",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(155, {"3": 155})},
    ),
    Case(
        checks.check_semantics,
        "wrong-body",
        "2 pages",
        spoil=lambda packed, row: [*packed, *[row(105, 105.6, outcome=rows.WRONG_BODY)] * 2],
    ),
    Case(
        checks.check_semantics,
        "too-fast",
        "1 pages",
        spoil=lambda packed, row: [*packed, row(105, 105.598)],
    ),
    Case(
        checks.check_littles_law,
        "littles-law",
        "1.00 requests were in flight on average, throughput x latency is 2.00",  # one user's rows are lost
        spoil=lambda packed, _: packed[:25],
    ),
    Case(
        checks.check_littles_law,
        "littles-law",
        "5.06 requests were in flight on average, throughput x latency is 0.06",  # five that never end, of before
        changed={"plan": LevelPlan("open", 0.1)},
        spoil=lambda _, row: [row(90, 190, phase=rows.SETTLE)] * 5 + [row(105, 105.6)],
    ),
    Case(checks.check_target_processes, "target-changed", "it restarted", changed={"target_pids_now": (10, 12)}),
    Case(
        checks.check_retries,
        "client-retries",
        "1 requests",
        severity="note",
        spoil=lambda packed, row: [*packed, row(105, 105.6, attempts=2)],
    ),
)


def test_every_check_has_a_case_that_fires() -> None:
    assert {case.check for case in CASES} == set(checks.CHECKS)
    assert len(checks.CHECKS) == len(set(checks.CHECKS))


def test_every_function_that_is_called_a_check_is_in_the_list() -> None:
    named = {value for name, value in vars(checks).items() if name.startswith("check_")}
    assert named == set(checks.CHECKS)


def test_every_code_that_is_found_has_a_case() -> None:
    assert set(checks._OUTSIDE) <= {case.code for case in CASES}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_level_as_it_should_be_passes(
    check: Callable[[LevelFacts], Finding | None], make_facts: Make[LevelFacts]
) -> None:
    assert check(make_facts()) is None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_check_fires_on_what_it_is_for_and_tells_the_figure(
    case: Case, make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    finding = case.check(make_facts(case.spoil(make_steady(), make_row), **case.changed))
    assert finding is not None
    assert (finding.code, finding.severity) == (case.code, case.severity)
    assert case.figures in finding.sentence


def test_all_findings_come_in_the_order_of_the_checks(make_facts: Make[LevelFacts]) -> None:
    found = checks.find_all(make_facts(uses=uses(generator=BUSY), target_pids_now=()))
    assert [finding.code for finding in found] == ["generator-busy", "target-changed"]
    assert checks.find_all(make_facts()) == ()


@pytest.mark.parametrize("outcome", [rows.STATUS, rows.TIMED_OUT, rows.CONNECTION])
@pytest.mark.parametrize("calls_made", [0, 1, 3])
def test_a_failed_request_may_have_made_any_number_of_its_calls(
    make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes], outcome: int, calls_made: int
) -> None:
    packed = [*make_steady(), *[make_row(105, 105.6, outcome=outcome)] * 10]
    calls = 3 * STEADY_ROWS + 10 * calls_made
    facts = make_facts(packed, api_before=NOTHING_SEEN, api_after=figures(calls, {"3": calls}))
    assert checks.check_conservation(facts) is None


def test_the_clocks_of_two_processes_may_differ_by_a_millisecond(
    make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    assert checks.check_semantics(make_facts([*make_steady(), make_row(105, 105.5995)])) is None


def test_waves_of_a_saturated_closed_loop_are_within_littles_law(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    """A hundred users are answered at once, every 3.3 s: four of their cycles begin in the window, three fit in it."""
    packed = []
    for begins in range(-2, 4):
        at = 100.02 + 3.3 * begins
        packed += [make_row(at, at + 3.3, phase=rows.SETTLE if at < 100 else rows.WINDOW)] * 100
    assert checks.check_littles_law(make_facts(packed, plan=LevelPlan("closed", 100))) is None


def overloaded(make_row: Make[bytes], rate: float, capacity: float) -> list[bytes]:
    """An open level of a server that takes one after the other, from 2 s before the window until all are answered."""
    packed, free_s = [], 98.0
    for arrival in range(int(12 * rate)):
        at = 98.0 + arrival / rate
        free_s = max(at, free_s) + 1 / capacity
        packed.append(make_row(at, free_s + 0.6, phase=rows.SETTLE if at < 100 else rows.WINDOW))
    return packed


@pytest.mark.parametrize("rate", [30, 50, 55, 100, 500])
def test_a_queue_that_grows_at_the_target_is_a_result_and_not_invalid(
    make_facts: Make[LevelFacts], make_row: Make[bytes], rate: float
) -> None:
    packed = overloaded(make_row, rate, capacity=50)
    assert checks.check_littles_law(make_facts(packed, plan=LevelPlan("open", rate))) is None


def test_an_open_level_beyond_capacity_is_saturated_though_all_its_requests_are_answered_later(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(overloaded(make_row, rate=100, capacity=50), plan=LevelPlan("open", 100), uses=uses(target=BUSY))
    assert checks.name_limiter(facts, ()) == "target-cpu"


@pytest.mark.parametrize(
    ("codes", "limiter"),
    [
        (["generator-lag"], "generator"),
        (["generator-busy"], "generator"),
        (["api-busy"], "external-api"),
        (["api-overshoot"], "external-api"),
        (["api-gone"], "external-api"),
        (["client-retries", "api-busy", "generator-busy"], "external-api"),
        (["littles-law"], "users"),  # about the figures, not about what bounded them
    ],
)
def test_a_finding_about_the_generator_or_the_api_names_the_limiter(
    make_facts: Make[LevelFacts], codes: list[str], limiter: Limiter
) -> None:
    findings = tuple(Finding(code=code, severity="invalid", sentence="") for code in codes)
    assert checks.name_limiter(make_facts(), findings) == limiter


def test_below_saturation_the_users_are_the_limiter_however_busy_the_target_is(make_facts: Make[LevelFacts]) -> None:
    assert checks.name_limiter(make_facts(uses=uses(target=BUSY)), ()) == "users"


def slow(make_row: Make[bytes], each_s: float, users: int) -> list[bytes]:
    """A closed loop that begins with the window: each user is answered after ``each_s``, again and again."""
    steps = int(10 / each_s)
    return [make_row(100 + i * each_s, 100 + (i + 1) * each_s - 1e-6) for i in range(steps)] * users


def test_saturated_with_all_slots_in_use_the_slots_are_the_limiter(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(slow(make_row, 6 * 0.6 / 2, 6), slots=2, plan=LevelPlan("closed", 6), uses=uses(target=BUSY))
    assert checks.name_limiter(facts, ()) == "slots"


def test_saturated_below_its_slots_a_busy_target_is_its_own_limiter(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(slow(make_row, 2.0, 6), slots=100, plan=LevelPlan("closed", 6), uses=uses(target=BUSY))
    assert checks.name_limiter(facts, ()) == "target-cpu"


@pytest.mark.parametrize("slots", [100, None])
def test_saturated_by_nothing_that_is_known_the_limiter_is_unknown(
    make_facts: Make[LevelFacts], make_row: Make[bytes], slots: int | None
) -> None:
    facts = make_facts(slow(make_row, 2.0, 6), slots=slots, plan=LevelPlan("closed", 6))
    assert checks.name_limiter(facts, ()) == "unknown"


@pytest.mark.parametrize(
    ("plan", "throughput_rps", "saturated"),
    [
        (LevelPlan("closed", 6), 10.0, False),
        (LevelPlan("closed", 6), 9.01, False),
        (LevelPlan("closed", 6), 8.99, True),
        (LevelPlan("open", 20), 18.1, False),
        (LevelPlan("open", 20), 17.9, True),
    ],
)
def test_a_level_is_saturated_below_nine_tenths_of_what_was_offered(
    plan: LevelPlan, throughput_rps: float, *, saturated: bool
) -> None:
    assert checks.is_saturated(plan, throughput_rps, WAITS) is saturated


def test_the_bound_of_a_closed_level_is_physical_and_of_an_open_one_what_is_offered(
    make_facts: Make[LevelFacts],
) -> None:
    assert make_facts(slots=2, plan=LevelPlan("closed", 100)).bound_rps == pytest.approx(2 / 0.6)
    assert make_facts(slots=2, plan=LevelPlan("open", 7)).bound_rps == 7
