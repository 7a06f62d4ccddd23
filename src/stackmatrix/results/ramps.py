"""How much a cell holds, and whether it comes back, in a result file: one climb in a fresh process."""

from typing import Literal

from stackmatrix.results.blocks import Block
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.types import Count, Limiter, NonNegative, Share, Struct, Whole

Ended = Literal["backlog", "highest rate"]


class RampStep(Struct, frozen=True):
    """One rate of the climb, in Poisson arrivals per second, for some seconds.

    ``answered`` are correct responses to the requests that were meant for the step; times count from the intended
    start, and a failed request is as late as the time-out. ``in_flight`` is the number of requests under way at its
    end. It was ``held`` when no backlog was there then, and no more than one request in twenty
    was late: beyond 1.25 times what a response of its page takes without load, or 100 ms more.
    """

    rate: NonNegative
    seconds: NonNegative
    requests: Count
    answered: Count
    p50_ms: NonNegative | None
    p95_ms: NonNegative | None
    in_flight: Count
    cpu_share: Share | None
    held: bool


class PageLoad(Struct, frozen=True):
    """One page of several at the reference rate, by its name; times and failures as in :class:`ReferenceLoad`."""

    page: str
    requests: Count
    failures: dict[str, Count]
    latency_ms: LatencyMs | None
    latency_histogram: str | None


class ReferenceLoad(Struct, frozen=True):
    """The longer step at the workload's reference rate: what a visitor feels, and what the target uses then.

    Times count from the intended start; a failed request counts as late as the time-out. ``latency_histogram`` is an
    HdrHistogram of microseconds, V2, compressed, base64. ``pss_bytes`` is the proportional set size of the process
    tree at the end of the step. ``threads_per_request`` are threads that were started. ``pages`` are those of a
    workload with several.
    """

    rate: NonNegative
    window_s: NonNegative
    requests: Count
    failures: dict[str, Count]
    latency_ms: LatencyMs | None
    latency_histogram: str | None
    in_flight_mean: NonNegative
    cpu_ms_per_request: NonNegative | None
    pss_bytes: Count | None
    threads_peak: Count | None
    threads_per_request: NonNegative | None
    switches_per_request: NonNegative | None
    connections_per_request: NonNegative | None
    pages: tuple[PageLoad, ...] = ()


class Recovery(Struct, frozen=True):
    """What happened when the load dropped from the overload to ``rate``.

    ``seconds`` is the time until the p50 was back within a tenth of ``before_p50_ms``, and stayed; ``None`` where it
    was not within ``watched_s``. Of several pages, requests are held against the p50 of their own page.
    """

    rate: NonNegative
    before_p50_ms: NonNegative
    seconds: NonNegative | None
    watched_s: NonNegative


class RampSeconds(Struct, frozen=True):
    """A whole ramp or hold second by second, from its start; by the second in which requests were meant to start.

    ``offered`` requests, ``answered`` correct responses by the second in which they came, ``p50_us`` of the requests
    of that second in microseconds (``None`` where more than half were not answered, or there were none), and
    ``in_flight`` at its end. The load dropped at ``dropped_s``.
    """

    offered: tuple[Count, ...]
    answered: tuple[Count, ...]
    p50_us: tuple[Count | None, ...]
    in_flight: tuple[Count, ...]
    dropped_s: NonNegative | None


class Ramp(Block, frozen=True, kw_only=True):
    """One climb of a fresh process, from low rates up, until a backlog grew; then the drop.

    ``holds`` is the last rate that was held together with the one below it, in arrivals per second; ``None`` where
    there is none, as where the very first was not held. Where that is the highest rate that is ever tried, nothing has
    stopped it, and what it holds is not known. ``limiter`` is what stopped it. A ramp that never served the rate to
    which the load would drop has no ``recovery``, and neither has one that met no overload.
    """

    seed: Whole
    steps: tuple[RampStep, ...]
    reference: ReferenceLoad | None
    holds: NonNegative | None
    limiter: Limiter | None
    ended: Ended | None
    recovery: Recovery | None
    seconds: RampSeconds | None

    @property
    def is_unstopped(self) -> bool:
        """Whether the highest rate was held: what it holds is then more than ``holds``, and nobody knows how much."""
        return self.ended == "highest rate" and bool(self.steps) and self.holds == self.steps[-1].rate
