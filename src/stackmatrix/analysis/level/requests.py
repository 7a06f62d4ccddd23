"""From recorded rows to the requests of one level and its window. Pure, on numpy arrays.

A request belongs to the window in which it was meant to start. What was under way at a moment is another question, so
the rows of a level's other phases are kept beside it.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stackmatrix.results import rows

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

ROW_TYPE = np.dtype(list(rows.FIELDS))
assert ROW_TYPE.itemsize == rows.ROW.size


def decode_rows(data: bytes) -> Rows:
    """All rows of a file; a last row that was cut off is left out."""
    whole = len(data) - len(data) % ROW_TYPE.itemsize
    return np.frombuffer(data[:whole], dtype=ROW_TYPE)


def _where(recorded: Rows, field: str, value: int) -> Rows:
    chosen: Rows = recorded[recorded[field] == value]
    return chosen


@dataclass(frozen=True)
class LevelRows:
    """The rows of one level, and the span of its window in seconds of the monotonic clock."""

    all: Rows
    start_s: float
    end_s: float

    @classmethod
    def select(cls, recorded: Rows, level: int, start_s: float, end_s: float) -> "LevelRows":
        """The rows that were recorded for ``level``."""
        return cls(_where(recorded, "level", level), start_s, end_s)

    def of_target(self, target: int) -> "LevelRows":
        """The rows of one of several targets."""
        return LevelRows(_where(self.all, "target", target), self.start_s, self.end_s)

    def of_page(self, page: int) -> "LevelRows":
        """The rows of one of several pages."""
        return LevelRows(_where(self.all, "page", page), self.start_s, self.end_s)

    @property
    def window_s(self) -> float:
        return self.end_s - self.start_s

    @cached_property
    def window(self) -> Rows:
        """Requests that were meant to start within the window."""
        return _where(self.all, "phase", rows.WINDOW)

    @cached_property
    def correct(self) -> Rows:
        """Those of the window that were answered correctly."""
        return _where(self.window, "outcome", rows.OK)

    @cached_property
    def answered(self) -> Rows:
        """Requests that were answered correctly within the window, whenever they were meant to start.

        They are the throughput: of an open level beyond capacity, those meant for the window are all answered later.
        """
        done_s = self.all["done_s"]
        within = (done_s >= self.start_s) & (done_s < self.end_s)
        answered: Rows = self.all[(self.all["outcome"] == rows.OK) & within]
        return answered

    def under_way(self, at_s: float) -> int:
        """Number of requests under way at a moment."""
        return int(((self.all["intended_s"] <= at_s) & (self.all["done_s"] > at_s)).sum())

    @cached_property
    def response_ms(self) -> Floats:
        """Response times of correct responses, from the intended start."""
        return np.asarray((self.correct["done_s"] - self.correct["intended_s"]) * 1000, dtype=np.float64)

    @cached_property
    def service_ms(self) -> Floats:
        """The same responses from when they were really sent, as a closed loop would measure them."""
        return np.asarray((self.correct["done_s"] - self.correct["sent_s"]) * 1000, dtype=np.float64)

    @cached_property
    def lag_ms(self) -> Floats:
        """How late each request of the window was sent."""
        sent = self.window[self.window["outcome"] != rows.NO_SLOT]
        return np.asarray((sent["sent_s"] - sent["intended_s"]) * 1000, dtype=np.float64)

    @cached_property
    def in_flight_mean(self) -> float:
        """Mean number of requests under way within the window, whenever they started: an integral over time."""
        starts = np.maximum(self.all["intended_s"], self.start_s)
        ends = np.minimum(self.all["done_s"], self.end_s)
        return float(np.clip(ends - starts, 0, None).sum() / self.window_s)

    def failures(self) -> dict[str, int]:
        """Requests of the window that failed, by class; a status class names the status."""
        failed = self.window[self.window["outcome"] != rows.OK]
        names = (
            f"status {row['status']}" if row["outcome"] == rows.STATUS else rows.OUTCOMES[row["outcome"]]
            for row in failed
        )
        return dict(sorted(Counter(names).items()))
