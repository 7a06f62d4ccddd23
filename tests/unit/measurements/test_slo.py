"""When a latency objective is met, when it is missed, and when a probe has to go on."""

from collections.abc import Callable, Iterable

import pytest
from scipy import stats

from stackmatrix.analysis.level.requests import LevelRows, decode_rows
from stackmatrix.matrix import objectives
from stackmatrix.matrix.arrivals import arrivals
from stackmatrix.matrix.objectives import SLOS_MS
from stackmatrix.measurements.capacity import slo
from stackmatrix.measurements.capacity.slo import Watch, bootstrap_median, judge, judge_window
from stackmatrix.results import rows
from stackmatrix.results.capacity import Objective

type MakeRow = Callable[..., bytes]
type MakeLevel = Callable[[Iterable[bytes]], LevelRows]


def word(one: Objective) -> str:
    said = {True: "met", False: "missed", None: "open"}[one.met]
    return said if one.sure or one.met is None else f"{said} as seen"


@pytest.mark.parametrize(
    ("requests", "late", "said"),
    [
        # 459 requests in time are improbable (0.99^459 < 1 %) where one in a hundred is late; 458 are not yet.
        (458, 0, "open"),
        (459, 0, "met"),
        (661, 1, "open"),
        (662, 1, "met"),
        # Of ten requests, two late ones have a chance of 0.4 %.
        (10, 1, "open"),
        (10, 2, "missed"),
        (1000, 10, "open"),
        (1000, 19, "missed"),
        (0, 0, "open"),
    ],
)
def test_a_probe_is_decided_as_soon_as_so_few_or_so_many_late_requests_are_improbable(
    requests: int, late: int, said: str
) -> None:
    assert word(judge(750, requests, late, 0, final=False)) == said


def test_the_least_requests_are_those_of_the_binomial_rule() -> None:
    for late in range(8):
        met = next(n for n in range(1, 5000) if judge(750, n, late, 0, final=False).met)
        assert stats.binom.cdf(late, met, 0.01) <= 0.01 < stats.binom.cdf(late, met - 1, 0.01)


@pytest.mark.parametrize(
    ("requests", "late", "failed", "said"),
    [
        (1000, 10, 0, "met as seen"),
        (1000, 11, 0, "missed as seen"),
        (99, 1, 0, "missed as seen"),
        (100, 1, 0, "met as seen"),
        (0, 0, 0, "open"),
        # A failure in a thousand is allowed, and it is late as well.
        (1000, 1, 1, "met"),
        (999, 1, 1, "missed as seen"),
        (999, 2, 2, "missed as seen"),
        (999, 6, 6, "missed"),
    ],
)
def test_at_the_end_the_share_that_was_seen_decides_where_nothing_is_sure(
    requests: int, late: int, failed: int, said: str
) -> None:
    assert word(judge(750, requests, late, failed, final=True)) == said


def test_too_many_failures_miss_an_slo_however_quick_the_rest_is() -> None:
    assert word(judge(1200, 2000, 9, 9, final=False)) == "missed"
    assert word(judge(1200, 2000, 4, 4, final=False)) == "open"


def test_a_window_is_judged_by_the_times_and_failures_of_its_own_requests(
    make_row: MakeRow, make_level: MakeLevel
) -> None:
    packed = [make_row(105, 105.65)] * 90 + [make_row(105, 105.8)] * 10
    packed += [make_row(105, 109, phase=rows.TAIL)] * 50 + [make_row(105, 105.1, outcome=rows.STATUS)]
    found = judge_window(make_level(packed))
    assert [(one.slo_ms, one.requests, one.late) for one in found] == [
        (660, 101, 11), (750, 101, 11), (900, 101, 1), (1200, 101, 1),
    ]  # fmt: skip
    assert [one.met for one in found] == [False, False, False, False]
    assert [one.met for one in judge_window(make_level(packed[:-1]))] == [False, False, True, True]


RATE, SETTLE_S, SEED = 50.0, 2.0, "1:2"
START_S = 100.0


def plan(until_s: float) -> list[float]:
    """The arrivals of the plan from the settle on."""
    starts: list[float] = []
    for at_s in arrivals(RATE, START_S - SETTLE_S, SEED):
        if at_s >= until_s:
            return starts
        starts.append(at_s)
    raise AssertionError


def seen(at_s: float, took_s: Callable[[float], float], make_row: MakeRow) -> LevelRows:
    """What has been answered by a moment, of a target that takes so long for who came then."""
    packed = [
        make_row(came_s, came_s + took_s(came_s), phase=rows.SETTLE if came_s < START_S else rows.WINDOW)
        for came_s in plan(at_s)
        if came_s + took_s(came_s) <= at_s
    ]
    return LevelRows.select(decode_rows(b"".join(packed)), 0, START_S, at_s)


def looks(
    took_s: Callable[[float], float], make_row: MakeRow, wanted_ms: tuple[float, ...] = SLOS_MS
) -> tuple[float, str]:
    """When a watch has seen enough, looking every second for a minute, and what has ended it."""
    watch = Watch(RATE, SETTLE_S, SEED, wanted_ms)
    for at_s in range(101, 160):
        if watch(seen(at_s, took_s, make_row)):
            return at_s - START_S, watch.ended
    return 60.0, watch.ended


def test_a_target_that_keeps_an_slo_ends_when_enough_requests_can_tell(make_row: MakeRow) -> None:
    ended_s, why = looks(lambda _: 0.61, make_row, (660.0,))
    assert why == "decided"
    due = [came_s for came_s in plan(160) if START_S <= came_s < START_S + ended_s - 0.66]
    assert len(due) >= 459
    assert ended_s == slo.LEAST_S, "459 requests were there before"


def test_who_is_owed_an_answer_for_longer_than_the_slo_is_late_before_it_comes(make_row: MakeRow) -> None:
    # Everything from the window's start on takes two seconds: by then, only sound requests of the settle were answered.
    ended_s, why = looks(lambda came_s: 0.61 if came_s < START_S else 1.15, make_row, (660.0,))
    assert (ended_s, why) == (1, "decided")


def test_quick_answers_do_not_count_before_slow_ones_could(make_row: MakeRow) -> None:
    # One in ten is late; at any moment most of the newest answers are quick ones.
    slow = set(plan(160)[::10])
    watch = Watch(RATE, SETTLE_S, SEED, (900.0,))
    level = seen(108.0, lambda came_s: 1.1 if came_s in slow else 0.61, make_row)
    judged = watch._judge(level, 900.0)
    due = [came_s for came_s in plan(108.0 - 0.9) if came_s >= START_S]
    assert (judged.requests, judged.late) == (len(due), sum(came_s in slow for came_s in due))


def test_a_backlog_that_grows_ends_a_probe_whatever_it_wanted(make_row: MakeRow) -> None:
    ended_s, why = looks(lambda came_s: 0.61 if came_s < 103 else 10.0, make_row, ())
    assert (ended_s, why) == (1, "decided"), "nothing wanted is nothing to wait for"
    ended_s, why = looks(lambda came_s: 0.61 if came_s < 120 else 10.0, make_row, (1200.0, 750.0))
    assert (ended_s, why) != (60.0, "time")
    watch = Watch(RATE, SETTLE_S, SEED, (1200.0,))
    assert watch(seen(103.0, lambda _: 10.0, make_row))
    assert watch.ended == "backlog"


def test_a_backlog_is_more_than_can_be_under_way_within_the_longest_slo(make_row: MakeRow) -> None:
    level = seen(110.0, lambda _: 1.19, make_row)
    assert not Watch(RATE, SETTLE_S, SEED, ())._has_backlog(level)
    assert Watch(RATE, SETTLE_S, SEED, ())._has_backlog(seen(110.0, lambda _: 2.0, make_row))


def test_a_medians_interval_needs_six_blocks_and_lies_within_them() -> None:
    assert bootstrap_median((50.0,) * 5) is None
    assert bootstrap_median((50.0,) * 6) == (50.0, 50.0)
    low, high = bootstrap_median((40.0, 45.0, 50.0, 51.0, 55.0, 60.0)) or (0, 0)
    assert 40 <= low < 50.5 < high <= 60
    assert bootstrap_median((40.0, 45.0, 50.0, 51.0, 55.0, 60.0)) == (low, high)


def test_the_headline_is_one_of_the_slos() -> None:
    assert objectives.HEADLINE_MS in SLOS_MS
