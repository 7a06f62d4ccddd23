"""What process trees and cores used between readings of them."""

from collections.abc import Sequence

import pytest

from stackmatrix.analysis.level.usage import (
    CoreReading,
    Reading,
    Unexplained,
    Use,
    between,
    busiest_share,
    known_cores,
    longest_busy_share,
    most_unexplained,
    stolen_share,
    switches_between,
    together,
)


def test_cpu_is_the_difference_of_the_ends_and_peaks_are_of_all_readings() -> None:
    use = between(
        [
            Reading(10.0, 5.0, threads=3, fds=9, switches={1: 10, 2: 20}, fds_share=0.1),
            Reading(12.0, 9.0, threads=2, fds=30, fds_share=0.3),
            Reading(14.0, 6.0, threads=5, fds=10, switches={1: 15, 2: 27}, pss_bytes=200),
        ],
        threads_started=4,
    )
    assert (use.wall_s, use.cpu_s, use.cpu_share) == (4, 1, 0.25)
    assert (use.threads_peak, use.fds_peak) == (5, 30)
    assert (use.pss_bytes, use.threads_started) == (200, 4)
    assert use.cpu_readings == ((10, 5), (12, 9), (14, 6))
    assert (use.context_switches, use.fds_share_peak) == (12, 0.3)
    assert use.busiest_share == 2  # four seconds of it in the first two


def test_where_no_limit_on_open_files_is_told_there_is_no_share_of_it() -> None:
    assert between([Reading(0, 1, 1, 1), Reading(1, 2, 1, 1)]).fds_share_peak is None


def test_cpu_time_is_never_negative_when_a_process_of_the_tree_has_ended() -> None:
    assert between([Reading(0, 5, 1, 1), Reading(1, 3, 1, 1)]).cpu_s == 0


def test_what_several_trees_use_together_is_their_sum() -> None:
    one = Use(10.0, 2.0, 3, 9, 5, 0.5, 0.1, pss_bytes=100, threads_started=2, cpu_readings=((1.0, 1.0),))
    use = together([one, Use(10.0, 1.0, 2, 4, None, pss_bytes=50, threads_started=7)])
    assert (use.wall_s, use.cpu_s, use.threads_peak, use.fds_peak) == (10, 3, 5, 13)
    assert (use.context_switches, use.busiest_share, use.fds_share_peak) == (None, None, 0.1)
    assert (use.pss_bytes, use.threads_started) == (150, 9)


def test_what_is_unknown_of_one_tree_is_unknown_of_all() -> None:
    use = together([Use(1, 1, 1, 1, 1, pss_bytes=100, threads_started=2), Use(1, 1, 1, 1, 1)])
    assert (use.pss_bytes, use.threads_started) == (None, None)


@pytest.mark.parametrize(
    ("first", "last"),
    [({1: 10}, {1: 10, 2: 5}), ({1: 10, 2: 5}, {1: 10}), ({1: 10}, {2: 10}), ({}, {}), ({}, {1: 1})],
    ids=["came", "went", "replaced", "not told", "told late"],
)
def test_context_switches_are_unknown_when_threads_have_changed(first: dict[int, int], last: dict[int, int]) -> None:
    assert switches_between(first, last) is None


def totals(*spans: tuple[float, float]) -> list[tuple[float, float]]:
    """Readings of ``(at_s, cpu_s)`` with these walls and CPU shares in between."""
    found = [(100.0, 7.0)]
    for wall_s, share in spans:
        at_s, cpu_s = found[-1]
        found.append((at_s + wall_s, cpu_s + wall_s * share))
    return found


@pytest.mark.parametrize(
    ("spans", "share"),
    [
        ([(1, 0.3)], 0.3),
        ([(1, 0.3), (1, 0.9), (1, 0.1)], 0.9),  # of three, a quarter is one
        ([(1, 0.2), (1, 1.0), (1, 0.2), (1, 0.2), (1, 0.6), (1, 0.2), (1, 0.2), (1, 0.2)], 0.8),  # two of eight
        ([(1, 0.0), (3, 1.0), (1, 0.0), (1, 0.8), *[(1, 0.1)] * 4], (3 + 0.8) / 4),  # each counts as long as it lasted
    ],
)
def test_the_busiest_share_is_of_the_busiest_quarter_of_the_time_between_readings(
    spans: Sequence[tuple[float, float]], share: float
) -> None:
    assert busiest_share(totals(*spans)) == pytest.approx(share)


def test_one_reading_or_two_at_the_same_moment_tell_no_share() -> None:
    assert busiest_share([]) is None
    assert busiest_share([(1.0, 1.0)]) is None
    assert busiest_share([(1.0, 1.0), (1.0, 2.0)]) is None
    assert busiest_share([(1.0, 1.0), (1.0, 2.0), (2.0, 2.5)]) == pytest.approx(0.5)


def cores(seconds: int, *shares_of_core: Sequence[float]) -> list[CoreReading]:
    """A reading each second of cores 0, 1 ... that were busy for these shares of each; a tenth of it was stolen."""
    readings = []
    for second in range(seconds + 1):
        busy_s = {core: 50 + sum(shares[:second]) for core, shares in enumerate(shares_of_core)}
        readings.append(CoreReading(1000.0 + second, busy_s, {core: busy / 10 for core, busy in busy_s.items()}))
    return readings


IDLE = [0.1] * 12


def test_the_longest_busy_share_is_over_the_busiest_five_seconds() -> None:
    readings = cores(12, [*[0.1] * 4, *[1.0] * 5, *[0.1] * 3])
    assert longest_busy_share(readings, [0]) == pytest.approx(1.0)


def test_a_core_that_was_busy_for_a_moment_is_not_busy_for_long() -> None:
    readings = cores(12, [*[0.1] * 4, *[1.0] * 2, *[0.1] * 6])
    assert longest_busy_share(readings, [0]) == pytest.approx((2 * 1.0 + 3 * 0.1) / 5)


def test_the_busiest_of_the_cores_counts_and_no_other_core_of_the_machine() -> None:
    readings = cores(12, IDLE, [0.6] * 12, [1.0] * 12)
    assert longest_busy_share(readings, [0, 1]) == pytest.approx(0.6)


def test_one_core_after_the_other_is_not_one_core_for_long() -> None:
    readings = cores(6, [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])
    assert longest_busy_share(readings, [0, 1]) == pytest.approx(3 / 5)


def test_a_window_that_is_shorter_than_five_seconds_counts_as_a_whole() -> None:
    assert longest_busy_share(cores(3, [0.5, 1.0, 0.9]), [0]) == pytest.approx(0.8)


def test_readings_that_come_a_little_early_still_make_five_seconds() -> None:
    readings = [CoreReading(0.995 * second, {0: float(second >= 5)}, {0: 0.0}) for second in range(11)]
    # Between the fourth and the fifth, a second of work was noted: spread over 4.975 s, not over the next longer span.
    assert longest_busy_share(readings, [0]) == pytest.approx(1 / 4.975)


def test_the_stolen_share_is_of_the_core_that_lost_most_over_the_whole_window() -> None:
    readings = cores(10, [0.0] * 5 + [1.0] * 5, IDLE, [1.0] * 10)
    assert stolen_share(readings, [0, 1]) == pytest.approx(0.05)
    assert stolen_share(readings, [2, 0]) == pytest.approx(0.1)


@pytest.mark.parametrize("readings", [[], cores(0, IDLE)], ids=["none", "one"])
def test_without_two_readings_of_a_core_nothing_is_told(readings: list[CoreReading]) -> None:
    assert longest_busy_share(readings, [0]) is None
    assert stolen_share(readings, [0]) is None


def test_where_nothing_is_pinned_there_is_no_core_to_tell_of() -> None:
    assert longest_busy_share(cores(12, IDLE), []) is None
    assert stolen_share(cores(12, IDLE), []) is None


def test_what_our_processes_do_not_explain_is_what_a_core_was_busy_beyond_them() -> None:
    readings = cores(10, [0.5] * 10, [0.7] * 10)
    assert most_unexplained(readings, {(0,): 0.45, (1,): 0.69}) == approx_share((0,), 0.05)
    assert most_unexplained(readings, {(0,): 0.5, (1,): 0.4}) == approx_share((1,), 0.3)


def test_roles_that_share_cores_explain_them_together() -> None:
    readings = cores(10, [0.5] * 10, [0.7] * 10, [0.9] * 10)
    assert most_unexplained(readings, {(0, 1): 1.1, (2,): 0.89}) == approx_share((0, 1), 0.1)


def test_a_core_that_is_less_busy_than_our_processes_say_has_less_than_nothing_unexplained() -> None:
    assert most_unexplained(cores(10, [0.5] * 10), {(0,): 0.52}) == approx_share((0,), -0.02)


def test_without_two_readings_or_a_pinned_role_nothing_is_unexplained() -> None:
    assert most_unexplained(cores(0, IDLE), {(0,): 0.1}) is None
    assert most_unexplained(cores(10, IDLE), {}) is None


def approx_share(group: tuple[int, ...], share: float) -> Unexplained:
    return Unexplained(group, pytest.approx(share))  # type: ignore[arg-type]


def without(core: int, reading: CoreReading) -> CoreReading:
    return CoreReading(
        reading.at_s,
        {each: value for each, value in reading.busy_s.items() if each != core},
        {each: value for each, value in reading.steal_s.items() if each != core},
    )


@pytest.mark.parametrize("missing", [0, 6, 12], ids=["from the beginning", "in the middle", "at the end"])
def test_a_core_that_some_reading_does_not_have_is_unknown_and_the_others_are_told(missing: int) -> None:
    every = cores(12, [0.9] * 12, IDLE)
    readings = [without(0, one) if place == missing else one for place, one in enumerate(every)]
    assert known_cores(readings, [0, 1, 7]) == (1,)
    assert longest_busy_share(readings, [0]) is None
    assert longest_busy_share(readings, [0, 1]) == pytest.approx(0.1)
    assert stolen_share(readings, [0]) is None
    assert stolen_share(readings, [0, 1]) == pytest.approx(0.01)
    assert most_unexplained(readings, {(0,): 0.0, (1,): 0.02}) == approx_share((1,), 0.08)
    assert most_unexplained(readings, {(0, 1): 0.0}) is None


def test_cores_of_which_nothing_is_known_explain_nothing() -> None:
    assert longest_busy_share(cores(12, IDLE), [8, 9]) is None
    assert stolen_share(cores(12, IDLE), [8, 9]) is None
    assert most_unexplained(cores(12, IDLE), {(8,): 0.1, (9, 24): 0.2}) is None
