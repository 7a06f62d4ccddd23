"""What the API saw: calls and their overlap, in all and per view request, and how much longer it slept than asked.

Everything is bounded: a fixed histogram of overshoot, and the last ``REQUESTS_KEPT`` view requests one by one. Older
ones are folded into tallies, so the totals stay exact however long the API runs.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from slow_api.figures import ApiFigures, RequestFigures
from slow_api.law import Meant

REQUESTS_KEPT = 4096
OVERSHOOT_BUCKET_MS = 0.1
OVERSHOOT_BUCKETS = 20_000
"""Two seconds in all; the last bucket also holds everything longer."""


@dataclass(slots=True)
class ViewRequest:
    """The calls made for one request of the view, by the id that the view sends along."""

    asked_ms: list[int] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0
    failed: int = 0


class Ledger:
    """Counts calls while they run. Used from one event loop, so it needs no lock.

    ``clock`` gives seconds of the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_s = clock()
        self._in_flight_s = self._beyond_s = 0.0
        self._hanging = 0
        self.calls_started = 0
        self.calls_finished = 0
        self.calls_refused = 0
        self.calls_failed = 0
        self.calls_hung = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.overshoot_sum_ms = 0.0
        self.overshoot_max_ms = 0.0
        self._overshoot = [0] * OVERSHOOT_BUCKETS
        self._requests: OrderedDict[str, ViewRequest] = OrderedDict()
        self._calls_per_request: Counter[int] = Counter()
        self._overlap_per_request: Counter[int] = Counter()

    def start(self, request_id: str | None, meant: Meant) -> ViewRequest | None:
        """Note that a call begins; hand the answer to :meth:`finish`."""
        self._count_time()
        if meant.fate == "hangs":
            self.calls_hung += 1
            self._hanging += 1
            # Its time is counted while it hangs, and is in place of the one that was asked for.
            self._beyond_s -= meant.asked_ms / 1000
        self.calls_started += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        if request_id is None:
            return None
        request = self._requests.get(request_id)
        if request is None:
            request = self._requests[request_id] = ViewRequest()
            if len(self._requests) > REQUESTS_KEPT:
                self._fold(self._requests.popitem(last=False)[1])
        request.asked_ms.append(meant.asked_ms)
        request.failed += meant.fate != "answers"
        request.in_flight += 1
        request.max_in_flight = max(request.max_in_flight, request.in_flight)
        return request

    def finish(self, request: ViewRequest | None, meant: Meant, overshoot_ms: float | None) -> None:
        """Note that a call has ended; ``overshoot_ms`` is ``None`` when it was cancelled before its time."""
        self._count_time()
        self.in_flight -= 1
        self._hanging -= meant.fate == "hangs"
        if request is not None:
            request.in_flight -= 1
        if overshoot_ms is None:
            return
        self.calls_finished += 1
        self.calls_failed += meant.fate == "fails"
        self._beyond_s += meant.beyond_ms / 1000
        self.overshoot_sum_ms += overshoot_ms
        self.overshoot_max_ms = max(self.overshoot_max_ms, overshoot_ms)
        bucket = int(overshoot_ms / OVERSHOOT_BUCKET_MS)
        self._overshoot[bucket if bucket < OVERSHOOT_BUCKETS else OVERSHOOT_BUCKETS - 1] += 1

    def refuse(self) -> None:
        """Note a call that was answered with an error."""
        self.calls_refused += 1

    def _count_time(self) -> None:
        """Add what was in flight until now, before that changes."""
        now_s = self._clock()
        self._in_flight_s += self.in_flight * (now_s - self._at_s)
        self._beyond_s += self._hanging * (now_s - self._at_s)
        self._at_s = now_s

    def _fold(self, request: ViewRequest) -> None:
        self._calls_per_request[len(request.asked_ms)] += 1
        self._overlap_per_request[request.max_in_flight] += 1

    def figures(self) -> ApiFigures:
        """All totals since the start."""
        self._count_time()
        calls, overlap = self._calls_per_request.copy(), self._overlap_per_request.copy()
        for request in self._requests.values():
            calls[len(request.asked_ms)] += 1
            overlap[request.max_in_flight] += 1
        return ApiFigures(
            calls_started=self.calls_started,
            calls_finished=self.calls_finished,
            calls_refused=self.calls_refused,
            calls_failed=self.calls_failed,
            calls_hung=self.calls_hung,
            in_flight=self.in_flight,
            max_in_flight=self.max_in_flight,
            at_s=self._at_s,
            in_flight_s=self._in_flight_s,
            beyond_s=self._beyond_s,
            overshoot_sum_ms=self.overshoot_sum_ms,
            overshoot_max_ms=self.overshoot_max_ms,
            overshoot_bucket_ms=OVERSHOOT_BUCKET_MS,
            overshoot_histogram={str(index): count for index, count in enumerate(self._overshoot) if count},
            view_requests_by_calls={str(count): number for count, number in sorted(calls.items())},
            view_requests_by_overlap={str(count): number for count, number in sorted(overlap.items())},
        )

    def request_figures(self, request_id: str) -> RequestFigures | None:
        """What one view request did, or ``None`` when it is unknown or was folded away."""
        request = self._requests.get(request_id)
        if request is None:
            return None
        return RequestFigures(
            calls=len(request.asked_ms),
            asked_ms=request.asked_ms,
            max_in_flight=request.max_in_flight,
            in_flight=request.in_flight,
            failed=request.failed,
        )
