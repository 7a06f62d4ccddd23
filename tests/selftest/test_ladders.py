"""A fault in one part of a real ladder is caught, named, and kept out of what may be compared."""

import re
import resource
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.ladder import rates, users
from stackmatrix.results.findings import Severity
from stackmatrix.results.levels import Level
from stackmatrix.results.types import Limiter
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout

type RunLadder = Callable[..., Any]

BUSY_GENERATOR = {"generator-lag", "generator-busy", "offered-rate"}
"""What a machine with other work may add to any level; it then also names the limiter."""
FIGURES = "requests throughput_rps latency_ms service_ms target generator external_api machine"
needs_linux = pytest.mark.skipif(
    not psutil.LINUX, reason="only Linux lets limits be set and queues be read from outside"
)


def need(level: Level, code: str, severity: Severity) -> str:
    """The sentence of a finding that has to be there."""
    found = {finding.code: finding for finding in level.findings}
    assert code in found, level.findings
    assert found[code].severity == severity
    return found[code].sentence


def need_invalid_twice(level: Level, code: str, words: str) -> None:
    """A level that was driven twice, and each time found invalid for this reason."""
    assert level.validity == "invalid"
    assert words in need(level, code, "invalid")
    assert words in need(level, "second-attempt", "note")


def need_limiter(level: Level, limiter: Limiter) -> None:
    busy = BUSY_GENERATOR & {finding.code for finding in level.findings}
    assert level.limiter == ("generator" if busy else limiter)


def test_a_healthy_ladder_gives_every_figure_and_finds_no_fault(run_ladder: RunLadder) -> None:
    climbed = run_ladder(*users(1, 5), *rates(10))
    assert climbed.failure is None
    assert [(level.users, level.rate) for level in climbed.levels] == [(1, None), (5, None), (None, 10)]
    for level in climbed.levels:
        for figure in FIGURES.split():
            assert getattr(level, figure)
        assert level.latency_ms is not None
        assert level.latency_ms.p50 >= 600
        assert level.failures == {}
        ours = {"wrong-body", "too-fast", "conservation", "recorder", "target-changed", "littles-law", "api-gone"}
        assert not ours & {finding.code for finding in level.findings}
    need_limiter(climbed.levels[0], "users")


# What verification finds before any load.


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            {"target": "two_calls"},
            r"The external API saw the calls \[\d+, \d+\] ms for one request, expected \[300, 600, ",
        ),
        (
            {"target": "in_sequence"},
            r"At most 1 of the 3 calls of one request overlapped: they are not made in parallel\.",
        ),
        ({"target": "wrong_page"}, r"/shared-client/ is not the page that was expected\. It begins 'It works!'\."),
        ({"api": ["--factor", "2"]}, r"took 12\d\d ms at best: the calls are not made in parallel, which takes 600 ms"),
    ],
    ids=["two calls", "calls in sequence", "a wrong page", "an API that sleeps twice as long"],
)
def test_a_ladder_of_what_is_not_the_workload_fails_before_any_load(
    run_ladder: RunLadder, fault: dict[str, Any], reason: str
) -> None:
    climbed = run_ladder(*users(1, 2), **fault)
    assert climbed.failure is not None
    assert re.search(reason, climbed.failure)
    assert climbed.load_s == 0
    assert [need(level, "not-reached", "invalid") for level in climbed.levels] == [climbed.failure] * 2


# Faults of the external API under load.


def test_an_api_that_oversleeps_under_load_is_the_limiter(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(5), api=["--more-ms", "30", "--after", "60"]).levels
    need_invalid_twice(level, "api-overshoot", "The external API slept too long")
    need_limiter(level, "external-api")


def test_an_api_that_needs_its_whole_core_is_the_limiter(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(10), api=["--burn-ms", "25", "--after", "60"]).levels
    need_invalid_twice(level, "api-busy", "The external API kept its core ")
    need_limiter(level, "external-api")


@needs_linux
def test_calls_that_are_lost_to_a_full_listen_queue_of_the_api_are_not_the_targets(
    run_ladder: RunLadder, stop: Callable[..., Any]
) -> None:
    # The warm-up's connections are kept, and the other users need new ones, all while nobody takes them.
    (level,) = run_ladder(*users(20), api=["--backlog", "1"], during=stop("api", -0.9, 2)).levels
    assert re.search(r"The external API's full listen queue lost \d+ calls\.", need(level, "second-attempt", "note"))


def test_an_api_that_loses_two_per_cent_of_the_calls_breaks_their_conservation(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(10), api=["--lose-every", "50"]).levels
    need_invalid_twice(level, "conservation", "The external API saw ")


# Faults of the target under load.


def test_a_wrong_page_under_load_is_found(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(5), target="wrong_page_under_load").levels
    need_invalid_twice(level, "wrong-body", "pages were not the expected one")
    assert level.failures["wrong body"] > 0


def test_pages_that_come_before_their_calls_could_end_are_found(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(5), target="cached_under_load").levels
    need_invalid_twice(level, "too-fast", "pages came faster than their calls take")


def test_a_target_that_gets_ever_slower_is_not_steady(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*rates(20), target="ever_slower").levels
    assert "The mean response went from " in need(level, "not-steady", "note")


def test_a_target_that_starts_a_worker_again_is_not_the_one_that_was_verified(
    run_ladder: RunLadder, kill: Callable[[str], Any]
) -> None:
    (level,) = run_ladder(*users(5), options=["--workers", "2"], during=kill("worker")).levels
    need_invalid_twice(level, "target-changed", "it restarted")


@needs_linux
def test_a_full_listen_queue_of_the_target_is_told_and_is_a_result(
    run_ladder: RunLadder, stop: Callable[..., Any]
) -> None:
    # Until the level's first requests have come, each on a connection of its own.
    (level,) = run_ladder(*users(10), options=["--backlog", "1"], during=stop("target", -1, 2)).levels
    assert "The target's listen queue was full" in need(level, "listen-queue", "note")


def test_a_level_that_follows_an_overload_is_driven_once_the_target_has_come_back(run_ladder: RunLadder) -> None:
    # A page every 40 ms at most.
    levels = run_ladder(*users(1, 30), *rates(60), target="one_at_a_time").levels
    assert [level.name for level in levels] == ["users=1", "users=30", "rate=60"]
    assert levels[1].throughput_rps < 30
    assert levels[2].requests
    assert "recovery" not in {finding.code for finding in levels[2].findings}


def test_a_level_that_follows_an_overload_is_invalid_where_the_target_stays_down(run_ladder: RunLadder) -> None:
    levels = run_ladder(*users(1, 30), *rates(60), target="stays_down").levels
    assert re.search(r"after users=30 it did not come back within 16 s at 5 ", need(levels[2], "recovery", "invalid"))
    assert levels[2].requests is None


@pytest.mark.parametrize("role", ["target", "api"])
def test_a_part_that_is_killed_ends_its_ladder_and_the_next_one_is_sound(
    run_ladder: RunLadder, equip: Callable[..., Subject], kill: Callable[[str], Any], role: str
) -> None:
    name = equip().name if role == "target" else role
    climbed = run_ladder(*users(1, 2, 3), during=kill(role), at="level 2 of")
    assert climbed.failure is not None
    assert climbed.failure.startswith(f"Under load, the process of {name!r} ended by itself")
    driven, *rest = climbed.levels
    assert driven.throughput_rps
    assert [need(level, "not-reached", "invalid") for level in rest] == [climbed.failure] * 2

    following = run_ladder(*users(1))
    assert following.failure is None
    assert following.levels[0].throughput_rps


# Faults of the machine and the load generator.


def test_work_on_the_generators_core_makes_it_the_limiter(
    run_ladder: RunLadder, burn: Callable[[int], int], pinned: Layout
) -> None:
    (level,) = run_ladder(*users(2), during=lambda _: burn(pinned.generator[0])).levels
    need_invalid_twice(level, "generator-busy", "The generator's core was ")
    assert level.limiter == "generator"


def test_a_generator_that_stands_still_for_a_moment_is_late(run_ladder: RunLadder, stop: Callable[..., Any]) -> None:
    (level,) = run_ladder(*rates(20), during=stop("generator", 1, 0.3)).levels
    need_invalid_twice(level, "generator-lag", "The generator was late: p99 ")
    assert level.limiter == "generator"


def test_arrivals_that_are_sent_after_their_window_are_not_what_was_offered(
    run_ladder: RunLadder, stop: Callable[..., Any]
) -> None:
    (level,) = run_ladder(*rates(20), during=stop("generator", 4.2, 2)).levels
    need_invalid_twice(level, "offered-rate", "arrivals within the window")


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("rows_that_are_lost", "littles-law", "requests x the time of their calls are"),
        ("a_recorder_that_fails", "recorder", "The recorder kept "),
        ("a_listener_that_fails", "recorder", "unhandled exception"),
    ],
)
def test_a_generator_that_does_not_do_or_record_what_it_should_is_found_out(
    run_ladder: RunLadder, fault: str, code: str, words: str
) -> None:
    (level,) = run_ladder(*users(5), generator=fault).levels
    need_invalid_twice(level, code, words)


@pytest.mark.usefixtures("stolen_time")
def test_time_that_the_hypervisor_gives_to_others_is_found(run_ladder: RunLadder) -> None:
    (level,) = run_ladder(*users(2)).levels
    need_invalid_twice(level, "steal", "The hypervisor gave ")


def test_work_on_the_targets_core_is_found_and_named(
    run_ladder: RunLadder, burn: Callable[[int], int], pinned: Layout
) -> None:
    core = pinned.target[0]
    (level,) = run_ladder(*users(2), during=lambda _: burn(core)).levels
    need_invalid_twice(level, "foreign-load", f"(process {burn(core)})")


def test_a_targets_core_that_becomes_slower_is_told_by_its_pace(
    run_ladder: RunLadder, burn: Callable[..., int], pinned: Layout
) -> None:
    core = pinned.target[0]
    book = PaceBook([core])
    # What lasts is told until it has become a twentieth of a run's readings, and the first attempt makes some.
    for _ in range(4):
        book.begin()

    def slow_down(_: Any) -> None:
        # One would do where a core keeps a pace of its own: some vary by a factor of two while nothing runs.
        for number in range(4):
            burn(core, number)

    (level,) = run_ladder(*users(2), pace=book, during=slow_down).levels
    assert re.search(r"A fixed CPU loop (before|after) the level was \d+% slower", need(level, "pace", "note"))


def test_a_machine_that_runs_out_of_ports_is_told(run_ladder: RunLadder, few_ports: int) -> None:
    (level,) = run_ladder(*users(10)).levels
    need_invalid_twice(level, "ports", "of the machine's local ports were in use")
    assert level.failures == {}, f"{few_ports} ports are enough for the requests themselves"


@needs_linux
@pytest.mark.parametrize(("role", "words"), [("generator", "The generator used "), ("api", "The external API used ")])
def test_files_that_are_nearly_exhausted_are_told(
    run_ladder: RunLadder, leave_few_files: Callable[[str], Any], role: str, words: str
) -> None:
    (level,) = run_ladder(*users(10), during=leave_few_files(role)).levels
    need_invalid_twice(level, "open-files", words)


@needs_linux
def test_a_generator_without_files_is_the_limiter_and_the_target_is_not_blamed(run_ladder: RunLadder) -> None:
    def take_files(stage: Any) -> None:
        locust = stage.process("generator")
        locust.rlimit(resource.RLIMIT_NOFILE, (locust.num_fds() + 3, locust.rlimit(resource.RLIMIT_NOFILE)[1]))

    (level,) = run_ladder(*rates(20), during=take_files).levels
    need_invalid_twice(level, "generator-exhausted", "The generator had no file or port left for ")
    assert level.limiter == "generator"
    assert level.failures.keys() == {"generator exhausted"}
