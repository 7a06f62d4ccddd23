"""Waiting for a condition, and the end of a log; with real children, tests/process/test_processes.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix import processes
from stackmatrix.errors import TrialError


class Clock:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(processes, "time", clock)
    return clock


def fine() -> None:
    return None


def looks(*values: object) -> Iterator[object]:
    yield from values
    while True:
        yield None


def test_waiting_ends_with_the_first_thing_that_is_seen(clock: Clock) -> None:
    seen = looks(None, None, "it", "later")
    assert processes.wait_until(lambda: next(seen), timeout_s=10, alive=fine) == "it"
    assert clock.now_s == pytest.approx(2 * processes.POLL_S)


@pytest.mark.parametrize("seen", [0, "", [], False])
def test_whatever_is_not_none_has_been_seen(clock: Clock, seen: object) -> None:
    assert processes.wait_until(lambda: seen, timeout_s=10, alive=fine) == seen
    assert clock.now_s == 0


def test_waiting_ends_as_soon_as_it_is_pointless_with_the_reason(clock: Clock) -> None:
    reasons = looks(None, "it died of hunger")

    def alive() -> str | None:
        reason = next(reasons)
        return None if reason is None else str(reason)

    with pytest.raises(TrialError, match=r"^it died of hunger$"):
        processes.wait_until(fine, timeout_s=10, alive=alive)
    assert clock.now_s == pytest.approx(processes.POLL_S)


def test_what_is_there_is_seen_even_if_its_owner_has_just_died() -> None:
    assert processes.wait_until(lambda: "it", timeout_s=10, alive=lambda: "dead") == "it"


def test_waiting_ends_when_the_time_is_over(clock: Clock) -> None:
    with pytest.raises(TrialError, match=r"not ready within 1.5 s"):
        processes.wait_until(fine, timeout_s=1.5, alive=fine)
    assert clock.now_s > 1.5


def test_the_tail_of_a_log_is_its_last_lines_on_one_line(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n\ntwo  \n\tthree\nf\xffur\n\n")
    assert processes.tail(log) == "two | three | f\ufffdur"
    assert processes.tail(log, lines=1) == "f\ufffdur"


def test_of_a_crash_the_line_that_tells_of_it_is_shown_and_not_the_end_of_its_backtrace(tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    told = "!!! uWSGI process 42 got Segmentation Fault !!!"
    log.write_text(f"starting\n{told}\n*** backtrace of 42 ***\nuwsgi(main+0x1)\n*** end of backtrace ***\n")
    assert processes.tail(log) == told


def test_a_log_that_is_not_there_or_empty_has_no_tail(tmp_path: Path) -> None:
    assert processes.tail(tmp_path / "none.log") == ""
    (tmp_path / "empty.log").write_text("\n \n")
    assert processes.tail(tmp_path / "empty.log") == ""


def test_a_child_gets_of_the_users_environment_only_what_is_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    monkeypatch.setenv("LOCUST_HEADLESS", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    environment = processes.child_environment(EXTRA="1", HOME="/elsewhere")
    assert environment["HOME"] == "/elsewhere"
    assert environment["EXTRA"] == "1"
    assert environment["PYTHONPATH"] == str(processes.SOURCE)
    assert environment.keys() <= {*processes.PASSED_ON, "PYTHONPATH", "PYTHONUNBUFFERED", "EXTRA"}


def test_a_process_that_is_gone_has_no_tree() -> None:
    assert processes.tree(2**22 + 1) == []
