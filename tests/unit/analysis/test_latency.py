"""What is computed of one level, against definitions that are written another way."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level import external_api, latency, throughput
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.results import rows

TIMES_MS = st.lists(st.floats(0.001, 3_000_000), min_size=1, max_size=200)
SHOWN = sorted(latency.NEEDED)
FLOOR_MS = 600.0


def smallest_that_enough_do_not_exceed(times_ms: list[float], tenths_of_per_cent: int) -> float:
    """The definition itself, in whole numbers: at least q per cent of all times are not above it."""
    for candidate in sorted(times_ms):
        if 1000 * sum(time <= candidate for time in times_ms) >= tenths_of_per_cent * len(times_ms):
            return candidate
    raise AssertionError


@given(TIMES_MS, st.sampled_from(SHOWN))
def test_a_percentile_is_the_smallest_time_that_enough_others_do_not_exceed(times_ms: list[float], q: float) -> None:
    wanted = smallest_that_enough_do_not_exceed(times_ms, round(10 * q))
    assert latency.percentile(np.sort(times_ms), q) == wanted


@pytest.mark.parametrize("q", SHOWN)
@pytest.mark.parametrize("count", [1, 2, 19, 20, 99, 100, 101, 999, 1_000, 1_001, 10_000, 100_000])
def test_the_rank_of_a_percentile_is_exact_for_every_count(q: float, count: int) -> None:
    ranks = np.arange(1, count + 1, dtype=np.float64)
    assert latency.percentile(ranks, q) == -(-round(10 * q) * count // 1000)


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no times"):
        latency.percentile(np.array([]), 50)
    assert latency.p99(np.array([])) is None


def test_p99_takes_times_in_any_order() -> None:
    assert latency.p99(np.array([3.0, 1.0, 2.0])) == 3.0


type MakeRow = Callable[..., bytes]
type MakeLevel = Callable[..., LevelRows]


@pytest.fixture
def times_of(make_row: MakeRow, make_level: MakeLevel) -> Callable[..., latency.Latencies]:
    """Of a level with these response times in ms, each sent so late."""

    def take(response_ms: Sequence[float], lag_ms: float = 0.0) -> latency.Latencies:
        packed = [make_row(100, 100 + ms / 1000, sent_s=100 + lag_ms / 1000) for ms in response_ms]
        return latency.latencies(make_level(packed))

    return take


type TimesOf = Callable[..., latency.Latencies]


def test_a_thousand_responses_have_every_percentile_but_the_p99_9(times_of: TimesOf) -> None:
    times = times_of(range(1_000, 0, -1))
    assert times.latency is not None
    shown = (times.latency.p50, times.latency.p90, times.latency.p95, times.latency.p99)
    assert shown == pytest.approx((500, 900, 950, 990))
    assert (times.latency.max, times.latency.mean) == pytest.approx((1_000, 500.5))
    assert times.absent == {
        "latency_ms.p99_9": "needs 10000 responses, had 1000", "service_ms.p99_9": "needs 10000 responses, had 1000",
    }  # fmt: skip


def test_ten_thousand_responses_have_a_p99_9_too_and_nothing_is_absent(times_of: TimesOf) -> None:
    times = times_of(range(10_000, 0, -1))
    assert times.latency is not None
    assert times.latency.p99_9 == pytest.approx(9_990)
    assert times.absent == {}


def test_p99_is_left_out_below_a_thousand_responses_and_the_reason_has_both_counts(times_of: TimesOf) -> None:
    times = times_of(np.linspace(600, 700, 999))
    assert times.latency is not None
    assert times.latency.p99 is None
    assert times.latency.p95 is not None
    for figure in ("latency_ms.p99", "service_ms.p99"):
        assert times.absent[figure] == "needs 1000 responses, had 999"


def test_p90_and_p95_are_left_out_below_twenty_responses(times_of: TimesOf) -> None:
    times = times_of(np.linspace(600, 700, 19))
    assert times.latency is not None
    assert (times.latency.p90, times.latency.p95) == (None, None)
    assert {"latency_ms.p90", "latency_ms.p95", "latency_ms.p99"} <= set(times.absent)


def test_a_failed_request_counts_as_late_as_the_time_out(make_row: MakeRow, make_level: MakeLevel) -> None:
    packed = [make_row(100, 100.7)] * 30
    packed += [make_row(100, 100.01, outcome=outcome) for outcome in (rows.STATUS, rows.CONNECTION, rows.WRONG_BODY)]
    packed += [make_row(99, 99.01, outcome=rows.STATUS, phase=rows.SETTLE)]
    level = make_level(packed)
    assert sorted(latency.visitor_ms(level)) == pytest.approx([700] * 30 + [60_000] * 3)
    times = latency.latencies(level)
    assert times.latency is not None
    assert times.service is not None
    assert (times.latency.p50, times.latency.p95, times.service.max) == pytest.approx((700, 60_000, 700))
    assert times.histogram is not None
    assert HdrHistogram.decode(times.histogram.encode()).get_total_count() == 33


def test_a_level_whose_every_request_failed_has_failures_and_no_time(make_row: MakeRow, make_level: MakeLevel) -> None:
    times = latency.latencies(make_level([make_row(100, 100.1, outcome=rows.STATUS)] * 30))
    assert (times.latency, times.histogram, times.absent["latency_ms"]) == (None, None, latency.NO_RESPONSE)


def histogram_of(*times_ms: float) -> str:
    return latency.encode_histogram(np.array(sorted(times_ms)))


def test_overhead_is_what_is_later_than_the_null_target_with_an_interval_over_blocks_of_both() -> None:
    null = [histogram_of(*[601.0] * 60, *[604.0] * 40), histogram_of(*[602.0] * 100)]
    some = [histogram_of(*[611.0] * 90, *[640.0] * 110), histogram_of(*[612.0] * 200)]
    found = latency.pooled_overhead(some, null, 50.0)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    # Blocks have their median at 640 or 612 and at 601 or 602.
    assert found.ms == pytest.approx(612 - 602, abs=1.5)
    assert (found.low, found.high) == pytest.approx((612 - 602, 640 - 601), abs=1.5)


def test_overhead_has_no_interval_from_one_block_and_none_is_told_from_too_few_responses() -> None:
    many, few = histogram_of(*[650.0] * 250), histogram_of(*[601.0] * 30)
    found = latency.pooled_overhead([many], [few, few], 50.0)
    assert found is not None
    assert found.ms == pytest.approx(49, abs=1.5)
    assert (found.low, found.high) == (None, None)
    assert latency.pooled_overhead([many], [few, few], 95.0) is None
    assert latency.pooled_overhead([many], [], 50.0) is None


def test_service_time_is_what_is_left_of_the_response_when_the_lag_is_taken_away(times_of: TimesOf) -> None:
    times = times_of(range(601, 1601), lag_ms=250)
    assert times.service is not None
    assert times.latency is not None
    assert (times.service.p50, times.service.p99, times.service.max) == pytest.approx((850, 1340, 1350))
    assert (times.latency.p50, times.latency.p99, times.latency.max) == pytest.approx((1100, 1590, 1600))


def test_the_histogram_is_of_the_response_and_not_of_the_service(times_of: TimesOf) -> None:
    histogram = times_of([700.0], lag_ms=300).histogram
    assert histogram is not None
    assert HdrHistogram.decode(histogram.encode()).get_max_value() == pytest.approx(700_000, rel=1e-3)


@pytest.mark.parametrize("count", [0, 1, 19, 20, 999, 1_000])
def test_whatever_is_left_out_of_latency_has_its_reason(times_of: TimesOf, count: int) -> None:
    times = times_of([650.0] * count)
    left_out = set()
    for name, part in (("latency_ms", times.latency), ("service_ms", times.service)):
        if part is None:
            left_out.add(name)
        else:
            left_out |= {f"{name}.{field}" for field in part.__struct_fields__ if getattr(part, field) is None}
    if times.histogram is None:
        left_out.add("latency_histogram")
    assert set(times.absent) == left_out


@given(TIMES_MS)
def test_the_histogram_decodes_to_the_same_times_within_a_thousandth(times_ms: list[float]) -> None:
    decoded = HdrHistogram.decode(latency.encode_histogram(np.array(times_ms)).encode())
    assert decoded.get_total_count() == len(times_ms)
    ordered = sorted(times_ms)
    for rank in range(1, len(ordered) + 1):
        time_us = max(1, round(ordered[rank - 1] * 1000))
        found_us = decoded.get_value_at_percentile(100 * rank / len(ordered))
        assert found_us == pytest.approx(time_us, rel=1e-3, abs=1)


def test_a_time_beyond_the_histogram_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ValueError, match="out of the histogram's range"):
        latency.encode_histogram(np.array([1e10]))


@pytest.mark.parametrize(
    ("users", "slots", "bound"),
    [(1, 100, 1 / 0.6), (100, 2, 2 / 0.6), (100, None, 100 / 0.6), (100, 100, 100 / 0.6)],
)
def test_a_closed_loop_is_bounded_by_its_users_and_the_servers_slots(
    users: int, slots: int | None, bound: float
) -> None:
    assert throughput.bound_rps(users, slots, FLOOR_MS) == pytest.approx(bound)


def test_throughput_counts_correct_responses_that_came_within_the_window(
    make_row: MakeRow, make_level: MakeLevel
) -> None:
    packed = [make_row(101, 102), make_row(99, 100, phase=rows.SETTLE), make_row(109, 109.99)]
    others = [
        make_row(101, 102, outcome=rows.STATUS, status=500),
        make_row(98, 99, phase=rows.SETTLE),
        make_row(109, 110),
        make_row(111, 112, phase=rows.TAIL),
    ]
    assert throughput.throughput_rps(make_level(packed + others)) == 0.3


def test_connections_are_counted_per_request_of_the_window(make_row: MakeRow, make_level: MakeLevel) -> None:
    packed = [make_row(101, 102, opened=1), *[make_row(103, 104)] * 3, make_row(99, 100, opened=1, phase=rows.SETTLE)]
    assert throughput.connections_per_request(make_level(packed)) == 0.25
    assert throughput.connections_per_request(make_level([])) is None


def test_overshoot_is_of_the_calls_between_two_readings(make_api_figures: Callable[..., ApiFigures]) -> None:
    before = make_api_figures(1000, {"1": 500, "400": 500})
    after = make_api_figures(1200, {"1": 500, "5": 197, "20": 3, "400": 500})
    overshoot = external_api.overshoot_ms(before, after)
    assert overshoot is not None
    mean, p99 = overshoot
    assert mean == pytest.approx((197 * 0.5 + 3 * 2.0) / 200)
    assert p99 == pytest.approx(2.1)  # rank 198 of 200, the upper edge of its bucket


def test_one_slow_call_in_a_hundred_is_not_yet_the_p99(make_api_figures: Callable[..., ApiFigures]) -> None:
    overshoot = external_api.overshoot_ms(make_api_figures(0, {}), make_api_figures(100, {"1": 99, "300": 1}))
    assert overshoot is not None
    assert overshoot[1] == pytest.approx(0.2)


def test_there_is_no_overshoot_without_a_finished_call(make_api_figures: Callable[..., ApiFigures]) -> None:
    reading = make_api_figures(50)
    assert external_api.overshoot_ms(reading, replace(reading, calls_started=55)) is None


def test_nearest_rank_never_makes_up_a_time() -> None:
    assert latency.percentile(np.array([1.0, 1000.0]), 50) == 1.0
    assert not math.isclose(latency.percentile(np.array([1.0, 1000.0]), 90), 900.1)


def test_a_timeline_counts_answers_by_the_second_in_which_they_came_whatever_their_phase(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]
) -> None:
    level = make_level([
        make_row(98.2, 98.8, phase=rows.SETTLE), make_row(98.3, 98.85, phase=rows.SETTLE),
        make_row(100.0, 101.0), make_row(100.5, 101.2), make_row(100.9, 101.7),
        make_row(101.5, 101.9, outcome=rows.STATUS),
        make_row(109.9, 110.5, phase=rows.WINDOW), make_row(110.1, 111.0, phase=rows.TAIL),
    ])  # fmt: skip
    told = latency.timeline(level)
    assert told is not None
    assert told.from_s == -2
    assert told.answered == (2, 0, 0, 3, *[0] * 8, 1, 1)
    assert (told.p50_us[0], told.p95_us[0], told.p50_us[1]) == (550_000, 600_000, None)
    assert (told.p50_us[3], told.p95_us[3]) == (800_000, 1_000_000)
    assert sum(told.answered[2:12]) == len(level.answered)


def test_a_level_without_an_answer_has_no_timeline(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]
) -> None:
    assert latency.timeline(make_level([make_row(100, 101, outcome=rows.STATUS)])) is None


def encoded(*blocks: Sequence[float]) -> list[str]:
    return [latency.encode_histogram(np.array(block)) for block in blocks]


def test_blocks_are_pooled_into_one_histogram_that_has_every_response() -> None:
    pooled = latency.pool(encoded([600.0] * 3, [700.0] * 2, [60_000.0]))
    assert pooled.get_total_count() == 6
    assert pooled.get_value_at_percentile(50) == pytest.approx(600_000, rel=1e-3)


@given(st.lists(st.lists(st.floats(0.1, 60_000), min_size=1, max_size=80), min_size=1, max_size=6))
def test_a_pooled_percentile_is_that_of_all_times_together(blocks: list[list[float]]) -> None:
    together = [time for block in blocks for time in block]
    found = latency.pooled_percentiles(encoded(*blocks))
    assert found is not None
    assert found.p50 == pytest.approx(smallest_that_enough_do_not_exceed(together, 500), rel=2e-3, abs=0.002)
    assert found.max == pytest.approx(max(together), rel=2e-3, abs=0.002)
    assert found.mean == pytest.approx(sum(together) / len(together), rel=2e-3, abs=0.002)


def test_the_worst_block_is_in_the_pooled_p95_and_no_percentile_is_below_a_lower_one() -> None:
    found = latency.pooled_percentiles(encoded(*[[600.0] * 240] * 4, [900.0] * 240))
    assert found is not None
    assert (found.p50, found.p90, found.p95, found.p99) == pytest.approx((600, 900, 900, 900), rel=1e-3)


@pytest.mark.parametrize(("count", "shown"), [(99, 50), (100, 90), (199, 90), (200, 95), (999, 95), (1_000, 99)])
def test_a_pooled_percentile_needs_ten_slower_responses_in_all(count: int, shown: int) -> None:
    found = latency.pooled_percentiles(encoded([600.0] * (count // 2), [600.0] * (count - count // 2)))
    assert found is not None
    assert [q for q in (50, 90, 95, 99) if getattr(found, f"p{q}") is not None][-1] == shown


def test_without_one_response_nothing_is_pooled() -> None:
    assert latency.pooled_percentiles([]) is None
    assert latency.pooled_percentiles(encoded([])) is None
    assert latency.pooled_interval(encoded([], []), 50) is None


def test_the_interval_of_a_pooled_percentile_is_by_the_blocks_and_not_by_their_requests() -> None:
    alike, unlike = encoded(*[[600.0] * 500] * 6), encoded(*[[600.0 + 10 * block] * 500 for block in range(6)])
    assert latency.pooled_interval(alike, 50) == pytest.approx((600, 600), rel=1e-3)
    low, high = latency.pooled_interval(unlike, 50) or (0, 0)
    assert 600 * 0.999 <= low < 620
    assert 630 < high <= 650 * 1.001
    assert latency.pooled_interval(unlike, 50) == (low, high)  # the same files give the same pages


def test_one_block_or_too_few_responses_have_no_interval() -> None:
    assert latency.pooled_interval(encoded([600.0] * 500), 50) is None
    assert latency.pooled_interval(encoded([600.0] * 99, [600.0] * 100), 95) is None
    assert latency.pooled_interval(encoded([600.0] * 100, [600.0] * 100), 95) is not None
