"""How fast a core is at a moment: the time of a fixed loop of pure Python, run on that core by this process."""

import time
from collections.abc import Sequence
from statistics import median

from stackmatrix.analysis.level.facts import unrest
from stackmatrix.system.cores import pinned

TURNS = 100_000
"""Of the loop in one piece: some milliseconds."""
PIECES = 15
"""Single pieces vary by a tenth and more on a virtual machine; their median is what counts."""
READINGS_AT_REST = 24
"""Before the first trial: they tell the run's median, and how much readings differ when nothing is the matter."""
PAUSE_AT_REST_S = 0.2
"""Between them: a neighbour on the same physical core comes and goes within half a second."""


def read_pace(cores: Sequence[int]) -> float:
    """Seconds that one piece of the loop takes on these cores; empty: wherever the kernel likes."""
    with pinned(cores):
        return median(_piece() for _ in range(PIECES))


def _piece() -> float:
    started_s = time.perf_counter()
    turns = 0
    while turns < TURNS:
        turns += 1
    return time.perf_counter() - started_s


class PaceBook:
    """All readings of a run, on the target's cores."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._cores = cores
        self._readings: list[float] = []

    def begin(self) -> None:
        """Make the first readings, spread over some seconds."""
        for _ in range(READINGS_AT_REST):
            self.read()
            time.sleep(PAUSE_AT_REST_S)

    def read(self) -> float:
        """One more reading; the target must have nothing to do."""
        self._readings.append(read_pace(self._cores))
        return self._readings[-1]

    def read_surely(self) -> float:
        """A reading, or the middle one of three where the first is unusual: a moment's trouble is none."""
        first, usual = self.read(), median(self._readings)
        if abs(first / usual - 1) <= unrest(self._readings):
            return first
        others = []
        for _ in range(2):
            time.sleep(PAUSE_AT_REST_S)
            others.append(self.read())
        return median([first, *others])

    @property
    def readings(self) -> tuple[float, ...]:
        """All of them, in the order in which they were made."""
        return tuple(self._readings)
