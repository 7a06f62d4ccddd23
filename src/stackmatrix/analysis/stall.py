"""What a stall of the target did to the responses of one window. Pure."""

from dataclasses import dataclass

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.level.requests import Floats
from stackmatrix.matrix.ladder import LoadLevel

DELAYED_MS = 100.0
"""A response this much above the floor was delayed by the stall: without one they are a few ms above."""


@dataclass(frozen=True, slots=True)
class StallWindow:
    """Response times in ms of one window with a stall in it, sorted."""

    name: str
    plan: LoadLevel
    floor_ms: float
    response_ms: Floats

    def percentile(self, q: float) -> float:
        """The nearest-rank percentile in ms."""
        return latency.percentile(self.response_ms, q)

    @property
    def delayed(self) -> int:
        """The number of responses that the stall delayed."""
        return int((self.response_ms > self.floor_ms + DELAYED_MS).sum())
