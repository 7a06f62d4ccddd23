"""The result file: one frozen struct per object of the JSON, unknown keys refused.

A number that was not measured is ``None``; where a level leaves one out on purpose, ``absent`` says why, by the dotted
path of the number. Times are in the unit that their name ends with. Nothing is rounded.
"""

import msgspec

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LoadModel
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, Limiter, NonNegative, PythonBuild, Share, State, Struct, Validity

FORMAT_VERSION = 6
"""Raised whenever an older reader would misread a file.

1: the first.
2: what the machine did around a level, service times, p99.9, findings of a trial, generator processes, the calibration.
3: counted instructions, A/A twins, the processor's family.
4: capacity under latency objectives, the timeline of a level.
5: CPU time side by side.
6: no run where there are no trials.
"""


class LatencyMs(Struct, frozen=True):
    """Response times of correct responses, in ms: nearest-rank percentiles of exact times."""

    mean: NonNegative
    p50: NonNegative
    p90: NonNegative | None
    p95: NonNegative | None
    p99: NonNegative | None
    max: NonNegative
    p99_9: NonNegative | None = None


class OverheadMs(Struct, frozen=True):
    """Latency less the workload's floor, in ms."""

    p50: float
    p95: float | None
    p99: float | None


class Timeline(Struct, frozen=True):
    """A level second by second, from its settle to its last answer: bin ``i`` begins ``from_s + i`` after the window.

    Correct responses by the second in which they ended, and percentiles of their times in microseconds by nearest rank;
    ``None`` for a second without any.
    """

    from_s: int
    answered: tuple[Count, ...]
    p50_us: tuple[Count | None, ...]
    p95_us: tuple[Count | None, ...]


class TargetUse(Struct, frozen=True):
    """What the target's whole process tree used within the window."""

    cpu_ms_per_request: NonNegative | None
    instructions_per_request: NonNegative | None
    cpu_share: Share | None
    rss_bytes_peak: Count | None
    threads_peak: Count | None
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
    """What the machine did around a level; ``None`` where the system does not tell. Shares are of one core.

    ``pace_before`` and ``pace_after`` are the time of a fixed CPU loop over the run's median. Drops are connections
    that a full listen queue has lost.
    """

    steal_share: NonNegative | None
    foreign_share: NonNegative | None
    ports_share: NonNegative | None
    target_drops: Count | None
    api_drops: Count | None
    pace_before: NonNegative | None
    pace_after: NonNegative | None


class Level(Struct, frozen=True):
    """One step of the ladder. A level that was not needed or not reached has no figures."""

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
    overhead_ms: OverheadMs | None = None
    target: TargetUse | None = None
    generator: GeneratorUse | None = None
    external_api: ApiUse | None = None
    machine: MachineUse | None = None
    absent: dict[str, str] = msgspec.field(default_factory=dict)


class Trial(Struct, frozen=True):
    """One fresh target process tree, driven up the ladder once; ``failure`` says why it ended early.

    ``findings`` hold for all of its levels.
    """

    block: Count
    order: Count
    seed: int
    started: str
    duration_s: NonNegative
    load_s: NonNegative
    levels: tuple[Level, ...]
    failure: str | None = None
    findings: tuple[Finding, ...] = ()


class Run(Struct, frozen=True):
    """The invocation that made the trials; ``started`` is UTC, ISO 8601.

    ``ladder`` names the levels in the order in which they were driven.
    ``generators`` is the number of locust processes, ``calibration`` the id of the machine's calibration at that time.
    ``imprecise`` names the figures that a run which stops on precision had to end without; ``None`` for other runs.
    """

    id: str
    started: str
    seed: int
    profile: str
    ladder: tuple[str, ...]
    blocks: Count
    warmup_s: NonNegative
    settle_s: NonNegative
    window_s: NonNegative
    tool_versions: dict[str, str]
    tool_lock_sha256: str | None
    git_commit: str | None
    generators: Count = 1
    calibration: str | None = None
    imprecise: tuple[str, ...] | None = None


class Status(Struct, frozen=True):
    """How the cell ended, and why when it did not end well."""

    state: State
    reason: str | None = None


class Machine(Struct, frozen=True):
    """Where it was measured. ``pinning`` maps a role to its cores; it is ``None`` where nothing is pinned.

    ``cpu_id`` is the processor's family, model and stepping, as in ``25-1-1``: hypervisors shorten the model's name.
    """

    cpu_model: str
    cores: Count
    memory_bytes: Count
    kernel: str
    os: str
    governor: str | None
    virtualised: bool | None
    pinning: dict[str, tuple[int, ...]] | None
    cpu_id: str | None = None


class Environment(Struct, frozen=True):
    """What served: all installed packages, the lock file they came from, the command and what it was given."""

    python: PythonBuild
    packages: dict[str, str]
    lock_sha256: str
    command: tuple[str, ...]
    variables: dict[str, str]


class CostPart(Struct, frozen=True):
    """A part of a cost: instructions per request, the mean of the repeats, of an object or of a function in one."""

    object: str
    instructions: NonNegative
    function: str | None = None


class InstructionCount(Struct, frozen=True):
    """User-space instructions of the target's tree per request, with so many requests in flight.

    ``repeats`` has one figure for each fresh process tree, of ``requests`` requests. ``low`` and ``high`` are the 95 %
    interval of Student's t for their mean. ``objects`` add up to the mean; of ``functions`` only the heaviest are here.
    """

    in_flight: Count
    requests: Count
    repeats: tuple[NonNegative, ...]
    mean: NonNegative
    low: float | None
    high: float | None
    objects: tuple[CostPart, ...] = ()
    functions: tuple[CostPart, ...] = ()


class Instructions(Struct, frozen=True):
    """What was counted of a cell, apart from its trials; ``failure`` says why it ended early.

    ``counter`` is the program with its version, such as ``valgrind-3.19.0`` (its callgrind) or ``perf version 6.1``.
    """

    counter: str
    started: str
    duration_s: NonNegative
    git_commit: str | None
    python: PythonBuild | None
    lock_sha256: str
    counts: tuple[InstructionCount, ...]
    failure: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether anything was counted."""
        return bool(self.counts)


type Part = Instructions | Capacity | Cost
"""What is measured of a cell apart from its trials."""

PARTS = {"instructions": Instructions, "capacity": Capacity, "cost": Cost}
"""By what names parts stand in the file."""


def part_name(part: Part) -> str:
    """By what name a part stands in the file."""
    return next(name for name, kind in PARTS.items() if isinstance(part, kind))


class Result(Struct, frozen=True):
    """One file: everything about one cell. ``run`` made the trials, and is ``None`` where there are none."""

    format_version: int
    run: Run | None
    cell: Cell
    status: Status
    machine: Machine
    environment: Environment | None
    trials: tuple[Trial, ...]
    instructions: Instructions | None = None
    capacity: Capacity | None = None
    cost: Cost | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What was measured apart from the trials."""
        return tuple(part for name in PARTS if (part := getattr(self, name)) is not None)
