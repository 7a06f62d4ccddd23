"""The estimate of what is left, on a clock that the test sets."""

import io

import pytest
from rich.console import Console

from stackmatrix.measurements import progress
from stackmatrix.measurements.progress import RunProgress


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def shown(output: io.StringIO) -> RunProgress:
    return RunProgress(Console(file=output, width=200), trials=3, estimate_s=100.0)


def test_before_a_trial_was_timed_the_estimate_counts_and_what_has_passed_is_taken_off(
    clock: Clock, shown: RunProgress
) -> None:
    shown.begin("a")
    assert shown.left_s() == 300
    clock.now_s += 30
    assert shown.left_s() == 270


def test_a_trial_that_takes_longer_than_expected_leaves_the_others_whole(clock: Clock, shown: RunProgress) -> None:
    shown.begin("a")
    clock.now_s += 500
    assert shown.left_s() == 200


def test_after_a_trial_what_is_left_is_the_mean_of_those_timed_for_each_that_is_left(
    clock: Clock, shown: RunProgress
) -> None:
    shown.begin("a")
    clock.now_s += 40
    shown.end("fine")
    assert shown.left_s() == 80
    shown.begin("b")
    clock.now_s += 20
    assert shown.left_s() == 60
    clock.now_s += 40
    shown.end("fine")
    assert shown.left_s() == 50


def test_when_all_are_done_nothing_is_left(clock: Clock, shown: RunProgress) -> None:
    for label in "abc":
        shown.begin(label)
        clock.now_s += 40
        shown.end("fine")
    assert shown.left_s() == 0


def test_without_a_terminal_each_trial_is_one_line_with_what_is_left(
    clock: Clock, shown: RunProgress, output: io.StringIO
) -> None:
    with shown:
        for label in ("[a]", "b", "c"):
            shown.begin(label)
            shown.show("users=1")
            clock.now_s += 40
            shown.end("fine")
    assert output.getvalue().splitlines() == [
        "[1/3] [a]: fine, about 80 s left",
        "[2/3] b: fine, about 40 s left",
        "[3/3] c: fine",
    ]
