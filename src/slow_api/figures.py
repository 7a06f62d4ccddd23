"""What the external API says of itself, as JSON: written by its ledger, read by the harness. Standard library only."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class ApiFigures:
    """Totals since the start; differences of two readings belong to the time between them.

    ``in_flight_s`` is the number of calls in flight added up over time, in call-seconds until ``at_s`` of the monotonic
    clock: its difference over that of the clock is the mean number in flight. ``beyond_s`` of them were meant beyond
    what was asked for: by delays that are drawn, and by calls that hang. ``calls_failed`` and ``calls_hung`` were meant
    to. ``overshoot_histogram`` counts calls by how much longer than meant they slept, in buckets of so many ms; the
    keys of all three histograms are whole numbers as text, as JSON has it.
    """

    calls_started: int
    calls_finished: int
    calls_refused: int
    in_flight: int
    max_in_flight: int
    at_s: float
    in_flight_s: float
    overshoot_sum_ms: float
    overshoot_max_ms: float
    overshoot_bucket_ms: float
    overshoot_histogram: dict[str, int]
    view_requests_by_calls: dict[str, int]
    view_requests_by_overlap: dict[str, int]
    calls_failed: int = 0
    calls_hung: int = 0
    beyond_s: float = 0.0

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """The calls of one request of the view, of which ``failed`` were meant to fail or to hang."""

    calls: int
    asked_ms: list[int]
    max_in_flight: int
    in_flight: int
    failed: int = 0

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))
