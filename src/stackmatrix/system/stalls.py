"""How long this process was kept from looking within a window: it was stopped, or the whole machine slept."""

import time
from collections.abc import Callable
from dataclasses import dataclass

TICK_S = 2.0
"""May lie between two ticks by itself: they come every fraction of a second, and reading many targets takes time."""


def asleep_s() -> float:
    """Seconds that this machine slept, since some moment in the past: a clock that goes on then less one that does not.

    See clock_gettime(2): on Linux the monotonic clock stands still in suspension, on macOS Python's own one does.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    goes_on_s = time.clock_gettime(time.CLOCK_MONOTONIC if boot is None else boot)
    return goes_on_s - time.monotonic()


@dataclass
class Stalls:
    """Watches a window: :meth:`tick` often between :meth:`begin` and :meth:`end`.

    ``longest_s`` is what was lost at once, beside what may lie between two ticks.
    """

    clock_s: Callable[[], float] = time.monotonic
    slept_s: Callable[[], float] = asleep_s
    longest_s: float = 0.0
    _ticked_s: float | None = None
    _asleep_s: float = 0.0

    def begin(self) -> None:
        self.longest_s, self._ticked_s, self._asleep_s = 0.0, self.clock_s(), self.slept_s()

    def tick(self) -> None:
        if self._ticked_s is None:
            return
        now_s = self.clock_s()
        self.longest_s = max(self.longest_s, now_s - self._ticked_s - TICK_S)
        self._ticked_s = now_s

    def end(self) -> None:
        self.tick()
        self._ticked_s = None
        self.longest_s = max(self.longest_s, self.slept_s() - self._asleep_s)
