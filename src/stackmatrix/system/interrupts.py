"""Ctrl-C and its relatives: the first signal raises ``KeyboardInterrupt``, and further ones change nothing.

What is done in a body of :func:`held` is done whole: stopping servers, or writing a block to the files of its cells.
That a stubborn server does not hold up the end is the care of :mod:`.guard`, which a second Ctrl-C tells to kill.
"""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from stackmatrix.system.guard import FIRST_CODE

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "told to end", signal.SIGHUP: "its terminal was closed"}
"""The signals, and what is said of the one that came."""


@dataclass
class _State:
    received: int | None = None
    depth: int = 0
    is_due: bool = False


_state = _State()


def listen() -> None:
    """Take the signals from now on, as if there had been none; those that this process was started to ignore stay so.

    ``nohup`` ignores a closed terminal, and a shell Ctrl-C for what it runs in the background.
    """
    _state.received, _state.is_due = None, False
    for number in WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _state.received is not None:
        return
    _state.received = number
    if _state.depth:
        _state.is_due = True
        return
    raise KeyboardInterrupt


def exit_code() -> int:
    """What a process that a signal has ended exits with, as shells count it."""
    return FIRST_CODE + received()


def received() -> signal.Signals:
    """The signal that interrupted this process."""
    return signal.Signals(_state.received or signal.SIGINT)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let the body end before an interrupt that comes within it.

    Raises:
        KeyboardInterrupt: at its end, where one came.

    """
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
        if _state.is_due and not _state.depth:
            _state.is_due = False
            raise KeyboardInterrupt
