"""Signals: the first one interrupts, at the end of what must be whole, and others change nothing."""

import os
import signal
from collections.abc import Iterator

import pytest

from stackmatrix.system import interrupts


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the test run come back; meanwhile none is ignored, as nohup or a shell's background has it."""
    before = {number: signal.getsignal(number) for number in interrupts.WORDS}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_each_signal_interrupts_and_has_a_code_of_its_own(number: signal.Signals, code: int) -> None:
    interrupts.listen()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert (interrupts.received(), interrupts.exit_code()) == (number, code)


def test_what_is_held_ends_before_it_is_interrupted() -> None:
    interrupts.listen()
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts.held():  # noqa: PT012 - both are what is tested
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_a_second_signal_cannot_break_off_the_stopping() -> None:
    interrupts.listen()
    stopped = False
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            stopped = True
    assert stopped
    assert interrupts.exit_code() == 130


def test_an_error_of_what_is_held_does_not_swallow_the_interrupt() -> None:
    interrupts.listen()
    with pytest.raises(KeyboardInterrupt), interrupts.held():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError


def test_what_this_process_was_started_to_ignore_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    interrupts.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    assert interrupts.received() == signal.SIGINT  # that is, none
