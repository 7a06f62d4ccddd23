"""Real stops of targets whose end is known: who is answered, who is cut off, what is left, and what is cleaned up."""

import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.results.stops import StopTrial, Visitors
from stackmatrix.system import processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.stopping import IN_FLIGHT, Stopping
from stackmatrix.testbed.visitors import KeptConnection, Visitor, count
from under_test import held

pytestmark = pytest.mark.alone

pytestmark = pytest.mark.alone

HERE = Path(__file__).parent
THIS_PYTHON = ".".join(platform.python_version_tuple()[:2])
FLOOR_S = 0.6
WORKLOAD = Workload("waits", "", one_page("/calls/600/parallel"), (600,))
DEADLINE_S = 3.0
PAGE = "<!doctype html><ul><li>A (AA)</li><li>B (BB)</li><li>C (CC)</li></ul><p>It took 0.601 s.</p>"
ALL = Visitors(answered=IN_FLIGHT)


def nothing(*_: object) -> None:
    pass


def standin(*options: str, slots: int | None = None) -> Subject:
    """A stand-in that does not say what it is, so that nobody asks."""
    command = ("{bin}/python", str(HERE / "standin.py"), "--port", "{port}", *options)
    stack = Stack(
        name="standin", summary="", port=0, server="standin", requirements=(), interface="ASGI",
        waits_with="event loop", slots=slots, command=command,
    )  # fmt: skip
    app = App(name="standin", wsgi="", asgi="", requirements=(), wrapped=False)
    cell = Cell(stack=stack.name, python=THIS_PYTHON, workload=WORKLOAD.name)
    return Subject(cell, stack, WORKLOAD, app, Installation(Path(sys.prefix), "no lock"))


def stop(subject: Subject) -> StopTrial:
    """One stop, which leaves nothing of the target behind and makes nobody complain that it is gone."""
    with testbed.start([subject], divide_cores(), None, nothing) as bed:
        bed.verify()
        trial = Stopping(bed, DEADLINE_S).run()
        bed.tick()
    assert not any(processes.is_running(pid) for pid in bed.circus._seen)
    return trial


def test_a_graceful_target_answers_all_in_flight_refuses_later_ones_and_is_gone_then() -> None:
    trial = stop(standin("--graceful"))
    assert (trial.inside, trial.queued) == (ALL, Visitors())
    assert trial.late.refused == trial.late.all > 0
    assert trial.gone_s is not None
    assert trial.gone_s < FLOOR_S + 1.0
    assert trial.first_gone_s == trial.gone_s
    assert trial.left == ()
    assert trial.kept
    assert trial.kept_closed_s is not None


def test_a_target_that_ends_at_once_cuts_all_off() -> None:
    trial = stop(standin())
    assert (trial.inside, trial.queued) == (Visitors(cut_off=IN_FLIGHT), Visitors())
    assert trial.late.answered == 0
    assert trial.gone_s is not None
    assert trial.gone_s < FLOOR_S


def test_requests_that_wait_for_a_slot_are_told_from_those_inside_the_view() -> None:
    trial = stop(standin("--slots", "2", slots=2))
    assert (trial.inside, trial.queued) == (Visitors(cut_off=2), Visitors(cut_off=IN_FLIGHT - 2))


def test_a_target_that_ignores_the_signal_goes_on_serving_and_is_killed_at_the_deadline() -> None:
    trial = stop(standin("--stubborn"))
    assert trial.inside == ALL
    assert trial.late.answered > 0
    assert (trial.first_gone_s, trial.gone_s) == (None, None)
    assert len(trial.left) == 1
    assert trial.left[0].startswith("python")
    assert (trial.kept, trial.kept_closed_s) == (True, None)


def test_a_child_that_outlives_the_process_which_got_the_signal_is_found_named_and_killed() -> None:
    trial = stop(standin("--graceful", "--with-child"))
    assert trial.inside == ALL
    assert trial.first_gone_s is not None
    assert trial.gone_s is None
    assert len(trial.left) == 1


def test_ctrl_c_in_the_middle_of_a_stop_leaves_nothing_running(wait_for: Callable[..., None]) -> None:
    subject = standin("--stubborn", "--with-child")
    beds: list[testbed.Testbed] = []

    def interrupt() -> None:
        wait_for(lambda: beds and beds[0].discarded)  # when the signal is about to be sent
        time.sleep(FLOOR_S)
        os.kill(os.getpid(), signal.SIGINT)

    def start_and_stop() -> None:
        with testbed.start([subject], divide_cores(), None, nothing) as bed:
            beds.append(bed)
            bed.verify()
            Stopping(bed, 60.0).run()

    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            start_and_stop()
    finally:
        signal.signal(signal.SIGINT, heard)
    seen = beds[0].circus._seen
    assert len(seen) >= 3
    assert not any(processes.is_running(pid) for pid in seen)


QUICK = Workload("quick", "", one_page("/", "<p>Here it is.</p>"), ())
HELD_MS = 600


def quick(*options: str) -> Subject:
    """Uvicorn of this environment with a page that comes at once."""
    stack = STACKS["uvicorn"]
    stack = replace(stack, command=(*stack.command, "--app-dir", str(HERE), *options))
    app = App(name="quick", wsgi="", asgi="quick_app:application", requirements=())
    cell = Cell(stack=stack.name, python=THIS_PYTHON, workload=QUICK.name)
    return Subject(cell, stack, QUICK, app, Installation(Path(sys.prefix), "no lock"))


def test_a_server_whose_page_comes_at_once_is_stopped_with_requests_that_the_harness_holds() -> None:
    with testbed.start([quick()], divide_cores(), None, nothing, holds=True) as bed:
        bed.verify()
        trial = Stopping(bed, DEADLINE_S, HELD_MS).run()
    assert (trial.inside, trial.queued) == (ALL, Visitors())
    assert trial.gone_s is not None
    (served,) = bed.environments.values()
    assert "STACKMATRIX_APPLICATION" in served.variables
    assert held.VARIABLE not in served.variables, "other blocks of the cell would be of other conditions"


def test_held_requests_that_a_server_does_not_wait_for_are_cut_off() -> None:
    with testbed.start([quick("--timeout-graceful-shutdown", "0")], divide_cores(), None, nothing, holds=True) as bed:
        bed.verify()
        trial = Stopping(bed, DEADLINE_S, HELD_MS).run()
    assert trial.inside.answered == 0
    assert trial.inside.all == IN_FLIGHT


def test_a_target_holds_no_request_unless_it_was_started_so() -> None:
    with testbed.start([quick()], divide_cores(), None, nothing) as bed:
        bed.verify()
        with pytest.raises(TrialError, match=r"^Of 5 requests at once, only 0 were answered right\.$"):
            Stopping(bed, DEADLINE_S, HELD_MS).run()


def test_a_target_that_ends_before_the_signal_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Stopping._wait_until_inside

    def kill(self: Stopping, visitors: list[Visitor]) -> frozenset[str]:
        inside = wait(self, visitors)
        processes.end_all(processes.tree(self._pid), timeout_s=0.0)
        for visitor in visitors:
            visitor.wait(time.monotonic() + FLOOR_S)
        return inside

    monkeypatch.setattr(Stopping, "_wait_until_inside", kill)
    with pytest.raises(TrialError, match=r"^5 of 5 requests ended before the signal \(cut off\): "):
        stop(standin())


@pytest.mark.parametrize(
    ("path", "fate"),
    [
        ("/after/1/", "answered"),
        ("/wrong/", "wrong"),
        ("/status/503/", "wrong"),
        ("/close/", "cut_off"),
        ("/cut/", "cut_off"),
        ("/garbage/", "cut_off"),
        ("/never/", None),
    ],
)
def test_what_becomes_of_a_visitor_is_told_from_how_the_answer_came(
    target_port: int, path: str, fate: str | None
) -> None:
    visitor = Visitor(target_port, one_page(path)[0], timeout_s=1.0).start()
    visitor.wait(time.monotonic() + 10.0)
    assert visitor.fate == fate


def test_a_visitor_whom_nobody_listens_to_is_refused_and_one_who_waits_is_unanswered(
    free_port: Callable[[], int], target_port: int
) -> None:
    refused = Visitor(free_port(), WORKLOAD.pages[0], timeout_s=1.0).start()
    waiting = Visitor(target_port, one_page("/never/")[0], timeout_s=5.0).start()
    refused.wait(time.monotonic() + 10.0)
    assert count([refused, waiting]) == Visitors(refused=1, unanswered=1)


def test_a_connection_is_open_until_the_server_closes_it(wait_for: Callable[..., None]) -> None:
    page = PAGE.encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = threading.Event()

        def answer_once() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
            end.wait(10.0)
            connection.close()

        threading.Thread(target=answer_once, daemon=True).start()
        kept = KeptConnection(listener.getsockname()[1], one_page("/")[0], timeout_s=5.0)
        assert kept.is_open()
        end.set()
        wait_for(lambda: not kept.is_open())
        kept.close()


def test_a_connection_on_which_no_page_comes_is_a_failure(target_port: int) -> None:
    with pytest.raises(TrialError, match=r"^A single request was not answered: RemoteDisconnected"):
        KeptConnection(target_port, one_page("/close/")[0], timeout_s=5.0)
