"""The load of a count: exactly so many requests, so many at once, each page checked."""

import json
import signal
import threading
from collections.abc import Callable

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.measurements.counts.clients import ask_many
from stackmatrix.measurements.counts.counting import MANY, SLOW_MS, loads_of
from stackmatrix.system import http


def page(path: str) -> Workload:
    return Workload("page", "", one_page(path), (1,))


def seen(port: int, path: str) -> int:
    """How many requests a path has had."""
    return int(json.loads(http.get(port, "/seen/").body).get(path, 0))


@pytest.mark.parametrize(("in_flight", "requests"), [(1, 7), (5, 23), (20, 20), (20, 3)])
def test_exactly_so_many_pages_are_asked_for(target_port: int, in_flight: int, requests: int) -> None:
    before = seen(target_port, "/after/3/")
    ask_many(target_port, page("/after/3/"), in_flight, requests)
    assert seen(target_port, "/after/3/") - before == requests


def test_a_server_that_closes_a_kept_connection_is_asked_again_on_a_new_one(target_port: int) -> None:
    before = seen(target_port, "/turns/")
    ask_many(target_port, page("/turns/"), 1, 4)
    # Each second request of a connection is dropped.
    assert seen(target_port, "/turns/") - before == 4 + 3


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/wrong/", "/wrong/ is not the page that was expected. It begins"),
        ("/status/502/", "/status/502/ answered 502 where 200 is right"),
        ("/close/", "A request was not answered: RemoteDisconnected"),
        ("/cut/", "A request was not answered: IncompleteRead"),
        ("/garbage/", "A request was not answered: BadStatusLine"),
    ],
)
def test_what_is_not_the_page_ends_the_count_with_the_reason(target_port: int, path: str, reason: str) -> None:
    with pytest.raises(TrialError, match=reason):
        ask_many(target_port, page(path), 3, 30)
    assert seen(target_port, path) < 30


@pytest.mark.parametrize("path", ["/after/20/", "/never/"])
def test_an_interrupt_ends_the_asking_even_of_a_server_that_does_not_answer(
    target_port: int, wait_for: Callable[[Callable[[], object]], None], path: str
) -> None:
    before = seen(target_port, path)
    # A shell's background jobs are born deaf to it.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        wait_for(lambda: seen(target_port, path) >= before + 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    with pytest.raises(KeyboardInterrupt):
        ask_many(target_port, page(path), 2, 1_000_000)
    other.join()
    signal.signal(signal.SIGINT, heard)


def test_a_page_that_waits_for_nothing_is_counted_as_it_is() -> None:
    assert {load.ms for load in loads_of(WORKLOADS["no_calls"], 100)} == {None}


@pytest.mark.parametrize("stack", STACKS.values(), ids=list(STACKS))
@pytest.mark.parametrize("workload", [one for one in WORKLOADS.values() if one.delays_ms], ids=lambda one: one.name)
def test_requests_wait_for_longer_the_more_of_them_can_be_in_the_view(stack: Stack, workload: Workload) -> None:
    slots = stack.slots
    alone, many = loads_of(workload, slots)
    assert (alone.in_flight, many.in_flight) == (1, MANY)
    assert alone.ms is not None
    assert many.ms is not None
    assert alone.ms < many.ms <= SLOW_MS
    assert many.ms == (SLOW_MS if slots is None or slots >= MANY else SLOW_MS * slots // MANY)
    assert many.requests >= MANY
    assert alone.warm > 0
    other = WORKLOADS[workload.name].with_delays(many.ms)
    assert other.delays_ms == (many.ms, 2 * many.ms, many.ms // 2)[: workload.calls]
    assert other.calls == workload.calls
