"""What a process tree used between readings of it."""

import pytest

from stackmatrix.usage import Reading, between, switches_between


def test_cpu_is_the_difference_of_the_ends_and_peaks_are_of_all_readings() -> None:
    use = between(
        [
            Reading(10.0, 5.0, rss_bytes=100, threads=3, fds=9, switches={1: 10, 2: 20}),
            Reading(12.0, 9.0, rss_bytes=300, threads=2, fds=30),
            Reading(14.0, 6.0, rss_bytes=200, threads=5, fds=10, switches={1: 15, 2: 27}),
        ]
    )
    assert (use.wall_s, use.cpu_s, use.cpu_share) == (4, 1, 0.25)
    assert (use.rss_bytes_peak, use.threads_peak, use.fds_peak) == (300, 5, 30)
    assert use.context_switches == 12


def test_cpu_time_is_never_negative_when_a_process_of_the_tree_has_ended() -> None:
    assert between([Reading(0, 5, 1, 1, 1), Reading(1, 3, 1, 1, 1)]).cpu_s == 0


@pytest.mark.parametrize(
    ("first", "last"),
    [({1: 10}, {1: 10, 2: 5}), ({1: 10, 2: 5}, {1: 10}), ({1: 10}, {2: 10}), ({}, {}), ({}, {1: 1})],
    ids=["came", "went", "replaced", "not told", "told late"],
)
def test_context_switches_are_unknown_when_threads_have_changed(first: dict[int, int], last: dict[int, int]) -> None:
    assert switches_between(first, last) is None
