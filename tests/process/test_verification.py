"""A target that is not what it should be is caught before any load, by what the external API saw of one request."""

import platform
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.testbed import external_api, verification

SOUND = Workload("sound", "", one_page("/calls/150,300,75/parallel"), (150, 300, 75))

type Wait = Callable[[Callable[[], object]], None]


def alive() -> None:
    return None


def test_a_target_that_makes_its_calls_in_parallel_is_taken(target_port: int, api_port: int) -> None:
    verification.verify_workload(target_port, api_port, SOUND)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/calls/150,300/parallel", r"saw the calls \[.*\] ms for one request, expected \[150, 300, 75\]"),
        ("/calls/150,300,75,75/parallel", r"saw the calls \[.*\] ms for one request, expected"),
        ("/calls/150,150,75/parallel", r"saw the calls \[.*\] ms for one request, expected"),
        ("/calls/300,300,300/none", r"saw the calls \[\] ms for one request, expected"),
        ("/calls/150,300,75/sequence", "^At most 1 of the 3 calls of one request overlapped: they are not made in"),
        ("/calls/150,300,75/early", r"^A page came after \d+ ms, faster than the slowest call \(300 ms\)"),
        ("/calls/150,300,75/late", r"^A single request took \d+ ms at best: .* which takes 300 ms \(one .*: 525 ms\)"),
        ("/calls/150,300,75/wrong", "^/calls/.* is not the page that was expected. It begins 'wrong'"),
        ("/wrong/", "^/wrong/ is not the page that was expected. It begins '<p>It works!</p>'"),
        ("/status/503/", "^/status/503/ answered 503 where 200 is right. It begins "),
        ("/close/", "^/close/ was not answered: RemoteDisconnected: "),
        ("/cut/", "^/cut/ was not answered: IncompleteRead: "),
        ("/garbage/", "^/garbage/ was not answered: BadStatusLine: "),
    ],
)
def test_any_other_target_is_caught_with_what_is_wrong(target_port: int, api_port: int, path: str, told: str) -> None:
    with pytest.raises(TrialError, match=told):
        verification.verify_workload(target_port, api_port, replace(SOUND, pages=one_page(path)))


IN_SEQUENCE = replace(SOUND, order="in sequence", pages=one_page("/calls/150,300,75/sequence"))


def test_a_target_that_makes_its_calls_in_sequence_is_taken_where_the_workload_does(
    target_port: int, api_port: int
) -> None:
    verification.verify_workload(target_port, api_port, IN_SEQUENCE)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/calls/150,300,75/parallel", r"^3 of the 3 calls of one request overlapped: they are not made in sequence"),
        ("/calls/150,300/sequence", r"saw the calls \[.*\] ms for one request, expected \[150, 300, 75\]"),
    ],
)
def test_a_target_that_makes_them_otherwise_is_caught(target_port: int, api_port: int, path: str, told: str) -> None:
    with pytest.raises(TrialError, match=told):
        verification.verify_workload(target_port, api_port, replace(IN_SEQUENCE, pages=one_page(path)))


def test_a_target_without_calls_is_taken_and_one_that_makes_a_call_is_caught(target_port: int, api_port: int) -> None:
    no_calls = replace(SOUND, delays_ms=(), pages=one_page("/after/1/"))
    verification.verify_workload(target_port, api_port, no_calls)
    with pytest.raises(TrialError, match=r"saw the calls \[150\] ms for one request, expected \[\]"):
        verification.verify_workload(target_port, api_port, replace(no_calls, pages=one_page("/calls/150/parallel")))


def test_a_page_that_does_not_say_which_of_its_calls_failed_is_caught(target_port: int, api_port: int) -> None:
    # The stand-in asks for steady calls, and its page says of none that it failed.
    flaky = replace(SOUND, answers="flaky")
    with pytest.raises(TrialError, match=r"^The page says of 0 calls that they failed, and 1 of its calls did\.$"):
        verification.verify_workload(target_port, api_port, flaky)


def test_a_target_that_is_not_there_is_told(free_port: Callable[[], int], api_port: int) -> None:
    with pytest.raises(TrialError, match=r"^/calls/\S+ was not answered: ConnectionRefusedError: "):
        verification.verify_workload(free_port(), api_port, SOUND)


def test_a_target_that_calls_another_api_is_caught(
    target_port: int,
    start_child: Callable[..., object],
    free_port: Callable[[], int],
) -> None:
    other = free_port()
    start_child((sys.executable, "-m", "slow_api", "--port", str(other)))
    external_api.wait_ready(other, alive)
    with pytest.raises(TrialError, match=r"saw the calls \[\] ms for one request"):
        verification.verify_workload(target_port, other, SOUND)


def test_a_target_is_waited_for_until_it_answers_and_tells_of_itself(
    start_child: Callable[..., object], standin_command: Callable[..., tuple[str, ...]], free_port: Callable[[], int]
) -> None:
    port = free_port()
    child = start_child(standin_command(port))
    told = verification.wait_for_identity(port, alive)
    assert told.pid == child.pid  # type: ignore[attr-defined]
    assert told.python.version == platform.python_version()
    stack = Stack("one", "", "standin", (), "ASGI", "event loop", None, ())
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert verification.verify_identity(told, stack, minor).version == platform.python_version()
    with pytest.raises(TrialError, match=r"^The target is not what the cell names: it has not loaded 'another', which"):
        verification.verify_identity(told, replace(stack, server="another"), minor)


def test_a_target_that_tells_nothing_of_itself_is_waited_for_by_its_page(
    start_child: Callable[..., object], standin_command: Callable[..., tuple[str, ...]], free_port: Callable[[], int]
) -> None:
    port = free_port()
    start_child(standin_command(port))
    verification.wait_for_page(port, replace(SOUND, pages=one_page("/after/1/")), alive)
    with pytest.raises(TrialError, match=r"^/wrong/ is not the page that was expected"):
        verification.wait_for_page(port, replace(SOUND, pages=one_page("/wrong/")), alive)
    verification.wait_for_page(port, replace(SOUND, pages=one_page("/wrong/", "<p>It works!</p>")), alive)


def test_what_answers_but_tells_nothing_of_itself_is_no_target(api_port: int) -> None:
    with pytest.raises(TrialError, match=r"^The target did not say what serves it: status 404, "):
        verification.wait_for_identity(api_port, alive)


def wait_for_identity(port: int, why_gone: Callable[[], str | None]) -> object:
    return verification.wait_for_identity(port, why_gone)


def wait_for_page(port: int, why_gone: Callable[[], str | None]) -> object:
    return verification.wait_for_page(port, SOUND, why_gone)  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("wait", "what"),
    [(external_api.wait_ready, "The external API"), (wait_for_identity, "The target"), (wait_for_page, "The target")],
)
def test_waiting_ends_with_the_reason_when_the_process_is_gone(
    wait: Callable[[int, Callable[[], str | None]], object], what: str, free_port: Callable[[], int]
) -> None:
    with pytest.raises(TrialError, match=rf"^{what} did not start: it ended by itself: no module\.$"):
        wait(free_port(), lambda: "it ended by itself: no module")


def test_how_fast_a_targets_python_is_is_asked_for_apart_and_unknown_where_it_is_not_told(
    target_port: int, api_port: int, free_port: Callable[[], int]
) -> None:
    assert verification.read_loop_ms(target_port) == 5.5
    assert verification.read_loop_ms(api_port) is None
    assert verification.read_loop_ms(free_port()) is None


def test_as_many_processes_answer_as_a_stack_has_workers_and_no_others(target_port: int) -> None:
    verification.verify_workers(target_port, 1)
    told = r"^The target is not what the cell names: 1 processes answer, expected 2\.$"
    with pytest.raises(TrialError, match=told):
        verification.verify_workers(target_port, 2)
