"""What a ramp says of a target: served by queues whose limits are known, so that what comes out is, too."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.latency import REQUEST_TIMEOUT_S
from stackmatrix.analysis.level.requests import Floats, Rows, decode_rows
from stackmatrix.analysis.ramp import steps as ramp_steps
from stackmatrix.analysis.ramp.assess import RampFacts, assess_hold, assess_ramp, before_overload
from stackmatrix.analysis.ramp.steps import last_held, name_limiter, second_by_second, share_between, windowed
from stackmatrix.analysis.ramp.watch import back_ms, is_overloaded, most_under_way, recovered_after_s
from stackmatrix.matrix.arrivals import arrivals, climbing
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.profiles import RampLengths
from stackmatrix.matrix.ramp import RampPlan, plan_hold, plan_ramp
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.results import rows
from stackmatrix.results.findings import Code, note
from stackmatrix.results.ramps import RampStep

FLOOR_S = 0.6
START_S = 1_000.0
WAITS = Workload("waits", "", one_page("/"), (300, 600, 150))
MIXED = Workload("own", "", (Page("quick", "/a/", 9.0), Page("slow", "/b/")), (), calls_known=False).with_measured(
    {"quick": 20.0, "slow": 1500.0}
)
"""Nine of ten requests are for a page of 20 ms, and one for a page of 1.5 s."""
LENGTHS = RampLengths(step_s=3.0, reference_s=10.0, recovery_s=15.0)
PLAN = plan_ramp(20.0, FLOOR_S, None, LENGTHS)
STAMP = {"run": "run", "round": 1, "started": "2026-11-25T10:00:00+00:00", "duration_s": 60.0}

type Pack = Callable[..., bytes]
type Facts = Callable[..., LevelFacts]


def serve(arrived_s: Floats | Sequence[float], rate_at: Callable[[float], float]) -> Floats:
    """When each is answered by a server that begins one request after the other, at that rate, and takes the floor."""
    answered, next_s = [], 0.0
    for at_s in arrived_s:
        begin_s = max(at_s, next_s)
        next_s = begin_s + 1 / rate_at(begin_s)
        answered.append(begin_s + FLOOR_S)
    return np.array(answered)


def planned(plan: RampPlan, seed: str = "seed") -> Floats:
    return np.array([*climbing(plan.rates, plan.seconds, START_S, seed)])


def recorded(arrived_s: Floats | Sequence[float], answered_s: Floats, pack: Pack, until_s: float = np.inf) -> Rows:
    """The rows of all that had been answered until a moment."""
    pairs = zip(arrived_s, answered_s, strict=True)
    return decode_rows(b"".join(pack(arrived, answered) for arrived, answered in pairs if answered <= until_s))


def overloaded_at(plan: RampPlan, rate_at: Callable[[float], float], pack: Pack, seed: str) -> float | None:
    """When the climb is seen to have overloaded its target, from its start on; looked at as the harness does."""
    arrived_s = planned(plan, seed)
    answered_s = serve(arrived_s, rate_at)
    for look_s in np.arange(START_S + 0.5, START_S + plan.starts_s[-1], 0.5):
        known = recorded(arrived_s, answered_s, pack, look_s)
        if is_overloaded(arrived_s, known, look_s, lambda at_s: plan.rate_at(at_s - START_S), FLOOR_S):
            return float(look_s) - START_S
    return None


# Overload


@pytest.mark.parametrize("holds", [30.0, 60.0])
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_an_overload_is_seen_soon_after_more_comes_than_is_answered_and_not_before(
    holds: float, seed: str, make_row: Pack
) -> None:
    at_s = overloaded_at(PLAN, lambda _: holds, make_row, seed)
    assert at_s is not None
    assert holds * 0.95 < PLAN.rate_at(at_s) < holds * 1.8


@pytest.mark.parametrize("seed", ["a", "b", "c", "d", "e"])
def test_poisson_bursts_and_a_stall_of_half_a_second_are_no_overload(seed: str, make_row: Pack) -> None:
    plan = RampPlan((20.0,), (120.0,), None, 0)
    arrived_s = planned(plan, seed)
    answered_s = serve(arrived_s, lambda _: 400.0)
    stalled = (answered_s > START_S + 60) & (answered_s < START_S + 60.5)
    answered_s[stalled] = START_S + 60.5
    known = recorded(arrived_s, answered_s, make_row)
    looks_s = np.arange(START_S + 0.5, START_S + 119, 0.5)
    assert not any(is_overloaded(arrived_s, known, at_s, lambda _: 20.0, FLOOR_S) for at_s in looks_s)


def test_requests_that_fail_at_once_are_an_overload_though_none_is_under_way(make_row: Pack) -> None:
    arrived_s = planned(RampPlan((40.0,), (10.0,), None, 0))
    failed = decode_rows(b"".join(make_row(at_s, at_s + 0.01, outcome=rows.CONNECTION) for at_s in arrived_s))
    assert is_overloaded(arrived_s, failed, START_S + 9, lambda _: 40.0, FLOOR_S)


def overloaded_with_failures(share: float, rate: float, unloaded_s: float, pack: Pack, lasts_s: float = 60.0) -> bool:
    """Whether a target is ever seen to be overloaded that answers all at once, but for a share that fails at once."""
    arrived_s = planned(RampPlan((rate,), (lasts_s,), None, 0))
    draws = np.random.default_rng(1).random(len(arrived_s))
    outcomes = np.where(draws < share, rows.STATUS, rows.OK)
    known = decode_rows(
        b"".join(pack(at_s, at_s + unloaded_s, outcome=int(one)) for at_s, one in zip(arrived_s, outcomes, strict=True))
    )
    looks_s = np.arange(START_S + 0.5, START_S + lasts_s, 0.5)
    return any(is_overloaded(arrived_s, known, at_s, lambda _: rate, unloaded_s) for at_s in looks_s)


@pytest.mark.parametrize(
    ("share", "rate", "unloaded_s"),
    [(0.005, 100.0, 0.005), (0.01, 400.0, 0.005), (0.03, 300.0, 0.005), (0.03, 60.0, 0.6)],
)
def test_a_few_failures_are_no_overload_however_many_they_add_up_to(
    make_row: Pack, share: float, rate: float, unloaded_s: float
) -> None:
    assert not overloaded_with_failures(share, rate, unloaded_s, make_row)


@pytest.mark.parametrize(("rate", "unloaded_s"), [(100.0, 0.005), (60.0, 0.6)])
def test_a_target_that_refuses_whom_it_cannot_serve_is_overloaded(
    make_row: Pack, rate: float, unloaded_s: float
) -> None:
    assert overloaded_with_failures(1 / 2, rate, unloaded_s, make_row, 10.0)


def test_failures_of_a_moment_that_is_over_are_no_overload(make_row: Pack) -> None:
    arrived_s = planned(RampPlan((100.0,), (30.0,), None, 0))
    failed = (arrived_s > START_S + 10) & (arrived_s < START_S + 11)
    outcomes = np.where(failed, rows.CONNECTION, rows.OK)
    known = decode_rows(
        b"".join(make_row(at_s, at_s + 0.005, outcome=int(one)) for at_s, one in zip(arrived_s, outcomes, strict=True))
    )
    looks_s = np.arange(START_S + 0.5, START_S + 29, 0.5)
    assert not any(is_overloaded(arrived_s, known, at_s, lambda _: 100.0, 0.005) for at_s in looks_s)


def test_where_few_arrive_an_overload_takes_longer_to_be_one(make_row: Pack) -> None:
    # From the first moment on twenty are under way.
    arrived_s = np.array([START_S] * 20 + [START_S + each / 2 for each in range(1, 20)])
    known = recorded(arrived_s, arrived_s + 100, make_row)
    assert not is_overloaded(arrived_s, known, START_S + 4, lambda _: 2.0, FLOOR_S)
    assert is_overloaded(arrived_s, known, START_S + 5, lambda _: 2.0, FLOOR_S)


def test_a_backlog_is_half_as_many_again_as_usual_and_three_standard_deviations() -> None:
    assert most_under_way(50.0, 0.6) == pytest.approx(45 + 3 * 30**0.5)
    assert most_under_way(2.0, 0.6) == pytest.approx(1.2 + 10)  # and ten requests, where there are hardly any


# Recovery


@pytest.mark.parametrize(("before_ms", "back"), [(600.0, 660.0), (100.0, 110.0), (5.0, 15.0)])
def test_a_median_is_back_within_a_tenth_or_ten_milliseconds(before_ms: float, back: float) -> None:
    assert back_ms(before_ms) == pytest.approx(back)


def back_after(capacity_at: Callable[[float], float], waiting: int, pack: Pack, within_s: float = 15.0) -> float | None:
    """Of a target on which so many wait when the load drops to 20/s."""
    after_s = [*islice(arrivals(20.0, START_S, "drop"), 400)]
    answered_s = serve([START_S - 1e-3] * waiting + after_s, capacity_at)[waiting:]
    known = recorded(after_s, answered_s, pack)
    return recovered_after_s(np.array(after_s), known, START_S, after_s[-1], 20.0, (605.0,), within_s)


def test_a_target_is_back_as_soon_as_it_has_worked_off_what_waits(make_row: Pack) -> None:
    assert back_after(lambda _: 60.0, 0, make_row) == 0.0
    # 200 wait, and are worked off by 40 a second more than come.
    assert back_after(lambda _: 60.0, 200, make_row) == pytest.approx(5.0, abs=1.0)


def test_a_target_that_answers_fewer_than_come_is_never_back(make_row: Pack) -> None:
    assert back_after(lambda _: 15.0, 200, make_row) is None


def test_a_target_that_is_back_only_later_than_it_was_watched_is_not_back(make_row: Pack) -> None:
    assert back_after(lambda _: 60.0, 280, make_row, within_s=15.0) == pytest.approx(7.0, abs=1.0)
    assert back_after(lambda _: 60.0, 280, make_row, within_s=4.0) is None


def test_a_target_that_is_well_for_a_moment_only_is_not_back(make_row: Pack) -> None:
    """It serves all who come within a second and a half at once, then stands still for longer, again and again."""
    after_s = np.array([*islice(arrivals(20.0, START_S, "drop"), 400)])
    cycle_s = (after_s - START_S) % 4
    answered_s = after_s + FLOOR_S + np.where(cycle_s < 1.5, 0.0, 4 - cycle_s)
    known = recorded(after_s, answered_s, make_row)
    assert recovered_after_s(after_s, known, START_S, after_s[-1], 20.0, (605.0,), 10.0) is None


def test_recovery_is_not_known_before_it_has_lasted(make_row: Pack) -> None:
    after_s = np.array([*islice(arrivals(20.0, START_S, "drop"), 400)])
    known = recorded(after_s, after_s + FLOOR_S, make_row)

    def known_at(until_s: float) -> float | None:
        return recovered_after_s(after_s, known, START_S, START_S + until_s, 20.0, (605.0,), 15.0)

    assert known_at(3.5) is None
    assert known_at(3.7) == 0.0


def test_where_few_arrive_recovery_is_judged_over_a_longer_time(make_row: Pack) -> None:
    after_s = np.array([*islice(arrivals(2.0, START_S, "drop"), 60)])
    known = recorded(after_s, after_s + FLOOR_S, make_row)
    assert recovered_after_s(after_s, known, START_S, START_S + 5.5, 2.0, (605.0,), 15.0) is None
    assert recovered_after_s(after_s, known, START_S, START_S + 5.7, 2.0, (605.0,), 15.0) == 0.0


def test_a_mix_of_pages_is_back_when_each_is_as_before_and_not_before(make_row: Pack) -> None:
    """Half of the requests are for a page of 20 ms: the median of all is now of one page and now of the other."""
    after_s = np.array([*islice(arrivals(20.0, START_S, "drop"), 400)])
    pages = np.arange(len(after_s)) % 2

    def seconds(quick_s: float, slow_s: float) -> float | None:
        took_s = np.where(pages == 0, quick_s, slow_s)
        packed = [
            make_row(at_s, at_s + each_s, page=int(page))
            for at_s, each_s, page in zip(after_s, took_s, pages, strict=True)
        ]
        known = decode_rows(b"".join(packed))
        return recovered_after_s(after_s, known, START_S, after_s[-1], 20.0, (20.0, 1500.0), 10.0)

    assert seconds(0.02, 1.5) == 0.0
    assert seconds(1.4, 1.8) is None  # the quick ones are not late for the slower page


# Steps


def step(rate: float, *, held: bool) -> RampStep:
    return RampStep(
        rate=rate, seconds=3, requests=60, answered=60, p50_ms=600, p95_ms=610, in_flight=12, cpu_share=0.5, held=held
    )


@pytest.mark.parametrize(
    ("held", "last"),
    [
        ("hhhhxx", 3),
        ("hhxhhx", 4),  # the third was disturbed: higher ones were held
        ("hhxhxx", 1),  # one alone beyond it is chance
        ("hxxxxx", 0),
        ("hxhxxx", 0),
        ("xhhxxx", 2),
        ("xxxxxx", None),
        ("xhxxxx", None),
        ("", None),
    ],
)
def test_the_last_held_rate_is_one_that_was_held_together_with_the_one_below_it(held: str, last: int | None) -> None:
    assert last_held([step(20.0, held=one == "h") for one in held]) == last


def test_a_first_step_in_which_hardly_anybody_came_is_not_held_by_itself() -> None:
    few = msgspec.structs.replace(step(2.0, held=True), requests=4)
    assert last_held([few, step(2.4, held=False)]) is None
    assert last_held([few, step(2.4, held=True)]) == 1


@pytest.fixture
def judge(make_row: Pack, make_facts: Facts) -> Callable[..., RampStep]:
    """The one step of 20/s for five seconds, with times of its requests in ms."""

    def judge(times_ms: Sequence[float], outcome: int = rows.OK, from_s: float = 0.0) -> RampStep:
        at_s = START_S + from_s + np.linspace(0, 0.4 if from_s else 4, len(times_ms))
        packed = [make_row(at, at + ms / 1000, outcome=outcome) for at, ms in zip(at_s, times_ms, strict=True)]
        plan = RampPlan((20.0,), (5.0,), None, 0)
        use = make_facts().uses["target"]
        (one,) = ramp_steps.judge_steps(plan, decode_rows(b"".join(packed)), START_S, START_S + 5, WAITS, use)
        return one

    return judge


@pytest.mark.parametrize(
    ("count", "late", "held"), [(100, 5, True), (100, 6, False), (10, 1, True), (10, 2, False), (40, 2, True)]
)
def test_a_step_is_held_with_a_p95_within_a_quarter_above_the_floor_and_not_lost_with_one_late_request(
    judge: Callable[..., RampStep], count: int, late: int, *, held: bool
) -> None:
    one = judge([605.0] * (count - late) + [751.0] * late)
    assert one.held == held
    assert judge([749.0] * count).held
    assert (one.requests, one.answered, one.seconds, one.in_flight) == (count, count, 5.0, 0)
    if count >= 20:
        assert one.p95_ms == pytest.approx(605.0 if held else 751.0)
    else:
        assert one.p95_ms is None


@pytest.mark.parametrize(
    ("quick_ms", "slow_ms", "held"),
    [(20.0, 1500.0, True), (119.0, 1870.0, True), (121.0, 1500.0, False), (20.0, 1880.0, False)],
)
def test_each_request_is_late_by_what_its_own_page_takes(
    make_row: Pack, make_facts: Facts, quick_ms: float, slow_ms: float, *, held: bool
) -> None:
    took_ms = [slow_ms if place % 10 == 0 else quick_ms for place in range(100)]
    packed = [
        make_row(START_S + place / 50, START_S + place / 50 + ms / 1000, page=int(place % 10 == 0))
        for place, ms in enumerate(took_ms)
    ]
    plan, use = RampPlan((20.0,), (5.0,), None, 0), make_facts().uses["target"]
    known = decode_rows(b"".join(packed))
    (one,) = ramp_steps.judge_steps(plan, known, START_S, START_S + 5, MIXED, use)
    assert one.held == held


def test_a_rate_was_served_where_half_of_the_requests_came_in_time_for_their_page(make_row: Pack) -> None:
    """Six of ten are for the slower page: their median is later than what both take on average."""
    mixed = replace(MIXED, pages=(replace(MIXED.pages[0], weight=4.0), replace(MIXED.pages[1], weight=6.0)))
    plan = RampPlan((20.0,), (5.0,), None, 0)

    def before(slow_s: float) -> Any:
        packed = [
            make_row(
                START_S + place / 20, START_S + place / 20 + (slow_s if place % 10 < 6 else 0.02), page=place % 10 < 6
            )
            for place in range(100)
        ]
        return before_overload(plan, decode_rows(b"".join(packed)), START_S, mixed)

    assert before(1.5).p50_ms == pytest.approx(1500.0)
    assert before(1.5).by_page_ms == pytest.approx((20.0, 1500.0))
    assert before(2.0) is None


def test_a_page_that_nobody_asked_for_takes_what_it_takes_without_load(make_row: Pack) -> None:
    known = decode_rows(b"".join(make_row(START_S + place / 20, START_S + place / 20 + 0.03) for place in range(100)))
    found = before_overload(RampPlan((20.0,), (5.0,), None, 0), known, START_S, MIXED)
    assert found is not None
    assert found.by_page_ms == pytest.approx((30.0, 1500.0))


def test_a_request_that_fails_is_late_in_its_step(judge: Callable[..., RampStep]) -> None:
    one = judge([10.0] * 40, outcome=rows.CONNECTION)
    assert not one.held
    assert (one.answered, one.p50_ms) == (0, REQUEST_TIMEOUT_S * 1000)


def test_a_step_at_whose_end_a_backlog_is_there_is_not_held_though_nobody_was_late_yet(
    judge: Callable[..., RampStep],
) -> None:
    assert judge([605.0] * 28, from_s=4.5).held
    one = judge([605.0] * 60, from_s=4.5)
    assert (one.in_flight, one.held) == (60, False)


def test_the_cpu_share_of_a_span_is_taken_from_the_readings_around_it(make_facts: Facts) -> None:
    use = replace(make_facts().uses["target"], cpu_readings=((10.0, 1.0), (12.0, 2.0), (14.0, 4.0)))
    assert share_between(use, 10.0, 14.0) == pytest.approx(0.75)
    assert share_between(use, 11.0, 13.0) == pytest.approx(0.75)
    assert share_between(use, 12.0, 14.0) == pytest.approx(1.0)
    assert share_between(use, 13.0, 20.0) == pytest.approx(1.0)  # as far as it was read
    assert share_between(use, 20.0, 22.0) is None
    assert share_between(replace(use, cpu_readings=()), 10.0, 14.0) is None


@pytest.mark.parametrize(
    ("rate", "slots", "cpu", "limiter"),
    [(33.0, 20, 0.3, "slots"), (33.0, 20, 1.0, "slots"), (20.0, 20, 0.9, "target-cpu"), (20.0, 20, 0.3, "unknown"),
     (33.0, None, 0.3, "unknown"), (33.0, None, 0.9, "target-cpu")],
)  # fmt: skip
def test_the_slots_stop_a_climb_at_their_bound_and_else_a_busy_target(
    make_row: Pack, make_facts: Facts, rate: float, slots: int | None, cpu: float, limiter: str
) -> None:
    arrived_s = START_S + np.arange(0, 9, 1 / rate)
    use = replace(make_facts().uses["target"], cpu_readings=((START_S, 0.0), (START_S + 9, 9 * cpu)))
    known = recorded(arrived_s, arrived_s + FLOOR_S, make_row)
    assert name_limiter(known, START_S + 1, START_S + 9, use, slots, FLOOR_S) == limiter


def test_slots_that_a_long_tail_fills_are_not_named_before_they_are_full(make_row: Pack, make_facts: Facts) -> None:
    """A hundred slots let 98/s through whose requests take 1,014 ms on average."""
    use, unloaded_s = make_facts().uses["target"], WORKLOADS["slow_tail"].unloaded_ms / 1000

    def named(rate: float) -> str:
        arrived_s = START_S + np.arange(0, 9, 1 / rate)
        known = recorded(arrived_s, arrived_s + unloaded_s, make_row)
        return name_limiter(known, START_S + 2, START_S + 9, use, 100, unloaded_s)

    assert (named(60.0), named(97.0)) == ("unknown", "slots")


# The whole


def facts_of(make_row: Pack, make_facts: Facts, *, down: float | None = None, holds: float = 40.0) -> RampFacts:
    """A ramp to an overload of a server that holds so many a second, and after it only ``down``, if that is given."""
    arrived_s = planned(PLAN)
    overload_s = overloaded_at(PLAN, lambda _: holds, make_row, "seed")
    assert overload_s is not None
    dropped_s = START_S + overload_s
    after_s = np.array([at_s for at_s in islice(arrivals(20.0, dropped_s, "drop"), 1_000) if at_s < dropped_s + 19])
    every_s = np.concatenate([arrived_s[arrived_s < dropped_s], after_s])
    answered_s = serve(list(every_s), lambda at_s: holds if at_s < dropped_s or down is None else down)
    stopped_s = dropped_s + 19.5
    packed = [
        make_row(at_s, min(done_s, stopped_s), outcome=rows.OK if done_s < stopped_s else rows.UNFINISHED, opened=1)
        for at_s, done_s in zip(every_s, answered_s, strict=True)
    ]
    every = decode_rows(b"".join(packed))
    seconds = np.arange(START_S, stopped_s)
    facts = make_facts(packed)
    use = replace(
        facts.uses["target"], cpu_readings=tuple((float(at), float(at - START_S) * 0.9) for at in seconds),
        pss_bytes=60_000_000, threads_started=800,
    )  # fmt: skip
    climb = replace(
        facts, rows=windowed(every, START_S, dropped_s), uses={**facts.uses, "target": use},
        planned=int((arrived_s < dropped_s).sum()), api_after=at_once(facts), stack=replace(facts.stack, slots=None),
    )  # fmt: skip
    return RampFacts(PLAN, climb, dropped_s, after_s, stopped_s, use)


def at_once(facts: LevelFacts) -> ApiFigures:
    """The external API's figures after the load, of which no time is known."""
    assert facts.api_before is not None
    assert facts.api_after is not None
    return replace(facts.api_after, at_s=facts.api_before.at_s)


def assess(facts: RampFacts) -> Any:
    return assess_ramp(facts, STAMP, seed=3, recovery_s=15.0)


def test_a_ramp_says_what_was_held_what_stopped_it_and_that_it_is_back(make_row: Pack, make_facts: Facts) -> None:
    facts = facts_of(make_row, make_facts)
    ramp = assess(facts)
    assert ramp.holds == pytest.approx(40, rel=0.2)
    assert ramp.holds in PLAN.rates
    assert (ramp.ended, ramp.limiter, ramp.seed, ramp.run, ramp.round) == ("backlog", "target-cpu", 3, "run", 1)
    assert ramp.recovery.rate == 20.0
    assert 1 < ramp.recovery.seconds < 15
    assert ramp.recovery.before_p50_ms == pytest.approx(600, rel=0.05)
    assert [one.rate for one in ramp.steps] == list(PLAN.rates[: len(ramp.steps)])
    assert sum(one.seconds for one in ramp.steps) == pytest.approx(facts.end_s - START_S)
    assert ramp.steps[-1].seconds <= PLAN.seconds[len(ramp.steps) - 1]


def test_what_stopped_a_climb_is_seen_at_its_end_and_not_where_the_first_request_was_late(
    make_row: Pack, make_facts: Facts
) -> None:
    facts = facts_of(make_row, make_facts)
    few = replace(facts.climb.stack, slots=24)  # 40/s, which is what it holds
    assert assess(replace(facts, climb=replace(facts.climb, stack=few))).limiter == "slots"
    late = facts.rows.copy()
    late["done_s"][late["intended_s"] < facts.end_s - 6] += 0.4  # of a time when fewer came than it holds
    climb = replace(facts.climb, rows=windowed(late, START_S, facts.end_s), stack=few)
    assert assess(replace(facts, climb=climb)).limiter == "slots"


def test_a_climb_that_nothing_else_stopped_was_stopped_by_the_database_that_failed_requests(
    make_row: Pack, make_facts: Facts
) -> None:
    facts = facts_of(make_row, make_facts)
    locked = note(Code.DATABASE_LOCKED, "SQLite was locked by another writer.")
    failed = facts.rows.copy()
    failed["outcome"][::10] = rows.STATUS
    resting = replace(facts.climb.uses["target"], cpu_readings=())
    climb = replace(facts.climb, uses={**facts.climb.uses, "target": resting}, named=(locked,))
    spoilt = replace(climb, rows=windowed(failed, START_S, facts.end_s))
    assert assess(replace(facts, climb=climb)).limiter == "unknown"
    ramp = assess(replace(facts, climb=spoilt))
    assert ramp.limiter == "database"
    assert locked in ramp.findings
    assert assess(replace(facts, climb=replace(spoilt, named=()))).limiter == "unknown"


def test_a_metastable_target_holds_the_same_and_is_not_back(make_row: Pack, make_facts: Facts) -> None:
    honest, metastable = assess(facts_of(make_row, make_facts)), assess(facts_of(make_row, make_facts, down=18.0))
    assert metastable.holds == honest.holds
    assert metastable.recovery.seconds is None
    assert metastable.recovery.watched_s == 15.0
    assert metastable.seconds.in_flight[-1] > 50


def test_the_reference_load_has_everything_of_its_own_step(make_row: Pack, make_facts: Facts) -> None:
    facts = facts_of(make_row, make_facts)
    first_s, last_s = (START_S + at_s for at_s in PLAN.span_s(2))
    arrived_s = facts.rows["intended_s"]
    count = int(((arrived_s >= first_s) & (arrived_s < last_s)).sum())
    reference = assess(facts).reference
    assert (reference.rate, reference.window_s, reference.requests) == (20.0, pytest.approx(10.0), count)
    assert reference.latency_ms.p50 == pytest.approx(600, rel=0.05)
    assert reference.latency_histogram
    assert reference.in_flight_mean == pytest.approx(count * 0.06, rel=0.15)
    assert (reference.pss_bytes, reference.threads_peak) == (60_000_000, 1)
    assert reference.threads_per_request == pytest.approx(800 / count)
    assert reference.switches_per_request == pytest.approx(1 / count)
    assert reference.connections_per_request == 1.0


def test_a_failure_at_the_reference_rate_is_as_late_as_the_time_out(make_row: Pack, make_facts: Facts) -> None:
    facts = facts_of(make_row, make_facts)
    marked = facts.rows.copy()
    first_s = START_S + PLAN.span_s(2)[0]
    marked["outcome"][np.flatnonzero(marked["intended_s"] >= first_s)[0]] = rows.STATUS
    climb = replace(facts.climb, rows=windowed(marked, START_S, facts.end_s))
    reference = assess(replace(facts, climb=climb)).reference
    assert reference.failures == {"status 200": 1}
    assert reference.latency_ms.max == REQUEST_TIMEOUT_S * 1000


def test_a_target_that_never_served_the_reference_rate_has_nothing_to_come_back_to(
    make_row: Pack, make_facts: Facts
) -> None:
    facts = facts_of(make_row, make_facts)
    late = facts.rows.copy()
    late["done_s"] += 0.4
    assert before_overload(PLAN, facts.rows, START_S, WAITS) is not None
    assert before_overload(PLAN, late, START_S, WAITS) is None
    ramp = assess(replace(facts, climb=replace(facts.climb, rows=windowed(late, START_S, facts.end_s))))
    assert ramp.recovery is None
    assert ramp.holds is None


def test_a_ramp_that_ends_without_an_overload_has_no_limiter_and_no_recovery(make_row: Pack, make_facts: Facts) -> None:
    plan = replace(PLAN, rates=PLAN.rates[:4], seconds=PLAN.seconds[:4])
    arrived_s = planned(plan)
    known = recorded(arrived_s, arrived_s + FLOOR_S, make_row)
    facts = facts_of(make_row, make_facts)
    end_s = START_S + plan.starts_s[-1]
    climb = replace(facts.climb, rows=windowed(known, START_S, end_s), planned=len(arrived_s))
    ramp = assess(RampFacts(plan, climb, None, np.empty(0), end_s + 1.2, facts.reference_use))
    assert (ramp.ended, ramp.limiter, ramp.recovery) == ("highest rate", None, None)
    assert ramp.holds == plan.rates[-1]
    assert ramp.is_unstopped
    assert ramp.seconds.dropped_s is None
    late = msgspec.structs.replace(ramp.steps[-1], held=False)
    assert not msgspec.structs.replace(ramp, holds=plan.rates[-2], steps=(*ramp.steps[:-1], late)).is_unstopped
    assert not assess(facts).is_unstopped


def test_a_generator_that_is_late_makes_a_ramp_invalid_and_is_named_for_it(make_row: Pack, make_facts: Facts) -> None:
    facts = facts_of(make_row, make_facts)
    assert assess(facts).validity == "valid", assess(facts).findings
    late = facts.rows.copy()
    overload = late["intended_s"] > facts.end_s - 2
    late["sent_s"][overload] += 0.2
    ramp = assess(replace(facts, climb=replace(facts.climb, rows=windowed(late, START_S, facts.end_s))))
    assert (ramp.validity, ramp.limiter) == ("invalid", "generator")


def test_a_generator_that_is_late_at_the_reference_rate_alone_makes_a_ramp_invalid(
    make_row: Pack, make_facts: Facts
) -> None:
    facts = facts_of(make_row, make_facts, holds=150.0)
    late = facts.rows.copy()
    first_s = START_S + PLAN.span_s(2)[0]
    few = np.flatnonzero(late["intended_s"] >= first_s)[:5]
    late["sent_s"][few] += 0.05  # of two hundred at the reference rate, and of more than a thousand in all
    ramp = assess(replace(facts, climb=replace(facts.climb, rows=windowed(late, START_S, facts.end_s))))
    assert ramp.validity == "invalid"
    assert [one.code for one in ramp.findings if one.severity == "invalid"] == ["generator-lag"]


def test_a_load_that_changes_on_purpose_is_not_noted_as_unsteady(make_row: Pack, make_facts: Facts) -> None:
    assert "not-steady" not in {one.code for one in assess(facts_of(make_row, make_facts)).findings}


def test_second_by_second_every_request_is_counted_once(make_row: Pack) -> None:
    packed = [
        make_row(START_S + 0.1, START_S + 0.7),
        make_row(START_S + 0.2, START_S + 1.2),
        make_row(START_S + 1.5, START_S + 2.4),
        make_row(START_S + 1.6, START_S + 2.9, outcome=rows.UNFINISHED),
        make_row(START_S + 1.7, START_S + 2.9, outcome=rows.UNFINISHED),
    ]
    seconds = second_by_second(decode_rows(b"".join(packed)), START_S, START_S + 3.4, START_S + 1.5)
    assert seconds.offered == (2, 3, 0)
    assert seconds.answered == (1, 1, 1)
    assert seconds.in_flight == (1, 3, 0)
    assert seconds.p50_us[0] == pytest.approx(600_000, abs=1)
    assert seconds.p50_us[1:] == (None, None)  # more than half were not answered, and nobody came
    assert seconds.dropped_s == pytest.approx(1.5)


# Hold


def hold(make_row: Pack, make_facts: Facts, *, down: float | None = None, window_s: float = 60.0) -> Any:
    """30/s at a server that holds 40, and after a stall of a second in the middle only ``down``, if that is given."""
    plan = plan_hold(30.0, window_s)
    arrived_s = planned(plan)
    stalled_s, stopped_s = START_S + window_s / 2, START_S + window_s + 1.2
    answered_s = serve(list(arrived_s), lambda at_s: 40.0 if at_s < stalled_s or down is None else down)
    answered_s += np.where((answered_s > stalled_s) & (answered_s < stalled_s + 1), stalled_s + 1 - answered_s, 0)
    packed = [
        make_row(at_s, min(done_s, stopped_s), outcome=rows.OK if done_s < stopped_s else rows.UNFINISHED)
        for at_s, done_s in zip(arrived_s, answered_s, strict=True)
    ]
    facts = make_facts(packed)
    every = windowed(decode_rows(b"".join(packed)), START_S, START_S + window_s)
    climb = replace(facts, rows=every, planned=len(arrived_s), api_after=at_once(facts))
    ramp = RampFacts(plan, climb, None, arrived_s, stopped_s)
    return assess_hold(ramp, STAMP, seed=3, held=37.5, stalled_at_s=window_s / 2, stall_s=1.0)


def test_a_hold_is_sustained_where_no_backlog_is_left_and_the_target_is_back_after_the_stall(
    make_row: Pack, make_facts: Facts
) -> None:
    one = hold(make_row, make_facts)
    assert one.sustained
    assert one.recovery.seconds < 5
    assert (one.rate, one.held, one.window_s, one.stalled_at_s, one.stall_s) == (30.0, 37.5, 60.0, 30.0, 1.0)
    assert one.recovery.watched_s == pytest.approx(29.0)
    assert one.requests == len(planned(plan_hold(30.0, 60.0)))
    # Of the requests before the stall, which no stall has delayed.
    assert one.latency_ms.max < 1_000
    assert one.seconds.dropped_s is None


def test_a_hold_from_whose_stall_the_target_does_not_come_back_is_not_sustained(
    make_row: Pack, make_facts: Facts
) -> None:
    one = hold(make_row, make_facts, down=25.0)
    assert not one.sustained
    assert one.recovery.seconds is None
    assert one.failures.keys() == {"unfinished"}
