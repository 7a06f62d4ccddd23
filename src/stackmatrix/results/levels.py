"""One load level of one climb in a result file.

A number that was not measured is ``None``; where a level leaves one out on purpose, ``absent`` says why, by the dotted
path of the number.
"""

import msgspec

from stackmatrix.matrix.ladder import LoadModel
from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, Limiter, NonNegative, Number, Share, Struct, Validity, Whole


class LatencyMs(Struct, frozen=True):
    """Times of responses in ms: nearest-rank percentiles. A failed request counts as late as the time-out."""

    mean: NonNegative
    p50: NonNegative
    p90: NonNegative | None
    p95: NonNegative | None
    p99: NonNegative | None
    max: NonNegative
    p99_9: NonNegative | None = None


class Timeline(Struct, frozen=True):
    """A level second by second, from its settle to its last answer: second ``i`` begins at ``from_s + i``.

    Times count from the window's start, so ``from_s`` is at most zero. Correct responses by the second in which they
    ended, and percentiles of their times in microseconds by nearest rank; ``None`` for a second without any.
    """

    from_s: Whole
    answered: tuple[Count, ...]
    p50_us: tuple[Count | None, ...]
    p95_us: tuple[Count | None, ...]


class TargetUse(Struct, frozen=True):
    """What the target's whole process tree used within the window.

    ``pss_bytes`` is its proportional set size at the end, in which memory that its processes share counts once.
    ``threads_started`` are threads that were seen within the window and not at its beginning.
    """

    cpu_ms_per_request: NonNegative | None
    instructions_per_request: NonNegative | None
    cpu_share: Share | None
    pss_bytes: Count | None
    threads_peak: Count | None
    threads_started: Count | None
    fds_peak: Count | None
    context_switches: Count | None


class GeneratorUse(Struct, frozen=True):
    """What the load generator used, and how late it was; ``core_share`` is its core's busiest five seconds."""

    cpu_share: Share | None
    lag_ms_p99: NonNegative | None
    lag_ms_max: NonNegative | None = None
    core_share: Share | None = None


class ApiUse(Struct, frozen=True):
    """What the external API used and saw from the level's first request to its drain."""

    cpu_share: Share | None
    calls: Count | None
    overshoot_ms_mean: NonNegative | None
    overshoot_ms_p99: NonNegative | None


class MachineUse(Struct, frozen=True):
    """What the machine did around a level; ``None`` where the system does not report it. Shares are of one core.

    ``pace_before`` and ``pace_after`` are the time of a fixed CPU loop over the run's median. Drops are connections
    that a full listen queue has lost. ``unexplained_share`` is the busy time of a used core that our processes do not
    explain; it may be a little below zero. ``retransmitted`` are TCP segments that were sent again.
    """

    steal_share: NonNegative | None
    foreign_share: NonNegative | None
    ports_share: NonNegative | None
    target_drops: Count | None
    api_drops: Count | None
    unexplained_share: Number | None
    retransmitted: Count | None
    pace_before: NonNegative | None
    pace_after: NonNegative | None


class Level(Struct, frozen=True):
    """One step of the ladder. A level that was not needed or not reached has no numbers."""

    model: LoadModel
    users: Count | None
    rate: NonNegative | None
    window_s: NonNegative
    validity: Validity
    limiter: Limiter | None
    findings: tuple[Finding, ...]
    requests: Count | None = None
    failures: dict[str, Count] = msgspec.field(default_factory=dict)
    throughput_rps: NonNegative | None = None
    bound_rps: NonNegative | None = None
    in_flight_mean: NonNegative | None = None
    connections_per_request: NonNegative | None = None
    latency_ms: LatencyMs | None = None
    latency_histogram: str | None = None
    timeline: Timeline | None = None
    service_ms: LatencyMs | None = None
    target: TargetUse | None = None
    generator: GeneratorUse | None = None
    external_api: ApiUse | None = None
    machine: MachineUse | None = None
    absent: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """``users=N`` or ``rate=R``."""
        return f"users={self.users}" if self.model == "closed" else f"rate={self.rate:g}"

    @property
    def is_valid(self) -> bool:
        return self.validity == "valid"

    @property
    def cpu_ms(self) -> float | None:
        """CPU time of the target per correct response, in ms."""
        return None if self.target is None else self.target.cpu_ms_per_request

    @property
    def pss_bytes(self) -> int | None:
        """The target's memory at the end of the window, shared pages counted once."""
        return None if self.target is None else self.target.pss_bytes
