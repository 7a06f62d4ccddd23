"""How long the harness was held up in a window."""

import pytest

from stackmatrix.system.stalls import Stalls, asleep_s


class Clock:
    """Moments that a test sets."""

    def __init__(self) -> None:
        self.now_s = self.asleep_s = 100.0

    def stalls(self) -> Stalls:
        return Stalls(lambda: self.now_s, lambda: self.asleep_s)


def test_ticks_that_come_in_time_are_no_stall() -> None:
    clock = Clock()
    stalls = clock.stalls()
    stalls.begin()
    for _ in range(100):
        clock.now_s += 0.2
        stalls.tick()
    stalls.end()
    assert stalls.longest_s == 0.0


def test_a_minute_without_a_tick_is_one() -> None:
    clock = Clock()
    stalls = clock.stalls()
    stalls.begin()
    clock.now_s += 60.0
    stalls.tick()
    clock.now_s += 0.2
    stalls.end()
    assert stalls.longest_s == pytest.approx(58.0)


def test_a_machine_that_slept_while_the_clock_stood_still_is_one() -> None:
    clock = Clock()
    stalls = clock.stalls()
    stalls.begin()
    clock.now_s += 0.2
    clock.asleep_s += 3600.0
    stalls.end()
    assert stalls.longest_s == 3600.0
    stalls.begin()
    stalls.end()
    assert stalls.longest_s == 0.0


def test_what_comes_outside_of_a_window_is_none() -> None:
    clock = Clock()
    stalls = clock.stalls()
    stalls.tick()
    clock.now_s += 60.0
    stalls.tick()
    assert stalls.longest_s == 0.0


def test_a_machine_that_does_not_sleep_has_not_slept() -> None:
    assert asleep_s() == pytest.approx(asleep_s(), abs=0.5)
