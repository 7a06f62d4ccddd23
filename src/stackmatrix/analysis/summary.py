"""What pages, terminals and charts show of one machine's results: one row for each cell, and the verdicts. Pure.

Only valid blocks have numbers here. What differs is said by the families of comparisons alone: no row says it again.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from stackmatrix.analysis.causes import CauseCost, cost_causes
from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.verdicts import Estimate, Family
from stackmatrix.analysis.level.latency import Overhead, pooled_interval, pooled_overhead, pooled_percentiles
from stackmatrix.analysis.metrics import COST, Metric
from stackmatrix.analysis.pages import PageFigures, page_figures
from stackmatrix.analysis.samples import Sample, sample
from stackmatrix.analysis.stops import Stopped, stopped
from stackmatrix.matrix.cells import Cell, excluded_stacks, reference_of
from stackmatrix.matrix.pythons import python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.conditions import Machine, machine_differences
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.model import Result, Run
from stackmatrix.results.ramps import Ramp, ReferenceLoad
from stackmatrix.results.types import Limiter, State

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


@dataclass(frozen=True, slots=True)
class Climb:
    """What the valid ramps of a cell showed: arrivals per second that it holds, what stopped it, and what followed.

    Where ``unstopped`` ramps held the ``highest`` rate, what it holds is not known. ``busy_share`` is how busy its core
    was at the last rate that it held. Of ``watched`` ramps, for ``watched_s``, it came back after ``came_back``, in
    ``back_s`` seconds.
    """

    ramps: int
    holds: Sample | None
    limiter: Limiter | None
    busy_share: float | None
    watched: int
    came_back: int
    back_s: Sample | None
    watched_s: float | None
    unstopped: int = 0
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Response times at ``rate`` arrivals per second, in ms, pooled over ``ramps``, with intervals over these.

    A failed request counts as late as the time-out. ``intervals`` has those percentiles of which there is one, and
    ``overhead`` those that can be told from the null target's under the same load.
    """

    rate: float
    ramps: int
    requests: int
    failures: int
    times: LatencyMs
    intervals: Mapping[str, tuple[float, float]]
    overhead: Mapping[str, Overhead] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One row of the tables. ``cpu`` is in ms per request, ``memory`` of PSS in MB, ``instructions`` in millions.

    ``spoilt`` blocks do not count. It sustained four fifths of what its ramps held in ``sustained`` of ``held`` trials.
    """

    cell: Cell
    state: State
    reason: str | None
    result: Result
    cost_blocks: int
    cpu: Estimate | None
    climb: Climb | None
    latency: Latency | None
    memory: Sample | None
    threads: Sample | None
    switches: Sample | None
    connections: Sample | None
    instructions: Mapping[int, Sample]
    held: int
    sustained: int
    spoilt: int
    pages: tuple[PageFigures, ...] = ()
    stop: Stopped | None = None


LEFT_OUT = ("skipped", "excluded")
"""States of cells that were never tried."""


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """All cells of one workload, stack by Python, and what was found in them. ``void`` says why they prove nothing.

    ``null`` are the response times of a target that costs nothing.
    """

    name: str
    summary: str
    rows: tuple[CellSummary, ...]
    skipped: tuple[CellSummary, ...]
    families: tuple[Family, ...]
    reference: Cell | None
    void: str | None
    refused: tuple[tuple[Cell, Cell, str], ...]
    null: Latency | None = None
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Why stacks that were measured otherwise cannot be under this workload, by stack."""

    def family(self, metric: Metric) -> Family | None:
        return next((family for family in self.families if family.metric.name == metric.name), None)

    def row(self, cell: Cell) -> CellSummary | None:
        return next((row for row in self.rows if row.cell == cell), None)

    @property
    def pythons(self) -> tuple[str, ...]:
        """Every Python of a cell that was measured, oldest first."""
        return tuple(sorted({row.cell.python for row in self.rows if row.result.has_figures}, key=python_key))

    @property
    def stacks(self) -> tuple[str, ...]:
        """Every stack of a cell that was measured, in the order of the table."""
        return tuple(dict.fromkeys(row.cell.stack for row in self.rows if row.result.has_figures))


@dataclass(frozen=True, slots=True)
class MachineSummary:
    """All results of one machine's folder. ``causes`` has what each cause of what a request costs does, by cell."""

    name: str
    results: tuple[Result, ...]
    workloads: tuple[WorkloadSummary, ...]
    runs: tuple[Run, ...]
    families: tuple[Family, ...] = ()
    causes: tuple[CauseCost, ...] = ()
    ended: bool = True
    void: Mapping[str, str] = field(default_factory=dict)
    """Why the runs of a workload prove nothing, by workload."""

    @property
    def machine(self) -> Machine | None:
        """The machine of the results; ``None`` where nothing was measured."""
        return next((one.conditions.machine for one in self.results if one.conditions is not None), None)

    def workload(self, name: str) -> WorkloadSummary | None:
        return next((workload for workload in self.workloads if workload.name == name), None)


def summarize(machine: str, results: Sequence[Result], *, ended: bool = True) -> MachineSummary:
    """Everything that is shown of one machine's results; ``ended`` says that no run is going on."""
    families = judge(results, ended=ended)
    void = {family.workload: family.void for family in families if family.void is not None}
    runs = {run.id: run for result in results for run in result.runs}
    names = sorted({result.cell.workload for result in results}, key=order_of(WORKLOADS))
    return MachineSummary(
        name=machine,
        results=tuple(results),
        workloads=tuple(_workload(name, results, families, void.get(name)) for name in names),
        runs=tuple(sorted(runs.values(), key=lambda run: (run.started, run.id))),
        families=families,
        causes=cost_causes(sorted(results, key=lambda one: cell_key(one.cell)), void),
        ended=ended,
        void=void,
    )


def _workload(name: str, results: Iterable[Result], families: Iterable[Family], void: str | None) -> WorkloadSummary:
    own = tuple(family for family in families if family.workload == name)
    cost = next((family for family in own if family.metric.name == COST.name), None)
    here = [result for result in results if result.cell.workload == name]
    known = WORKLOADS.get(name)
    # One for each Python that the harness ran on.
    nulls = [one for one in here if one.cell.control == "null" and not (known and known.delays_are_drawn)]
    null = max(nulls, key=lambda one: len(one.ramps), default=None)
    cells = sorted((_cell(one, cost, null) for one in here if not one.cell.control), key=lambda one: cell_key(one.cell))
    refused = {(cell, other): reason for family in own for cell, other, reason in family.refused}
    return WorkloadSummary(
        name=name,
        summary=known.summary if known else "",
        rows=tuple(row for row in cells if row.state not in LEFT_OUT),
        skipped=tuple(row for row in cells if row.state in LEFT_OUT),
        families=own,
        reference=reference_of(row.cell for row in cells if row.result.has_figures),
        void=void,
        refused=tuple((cell, other, reason) for (cell, other), reason in refused.items()),
        null=None if null is None else _latency(reference_loads(null)),
        excluded=excluded_stacks(sorted({one.cell for one in results}, key=cell_key), name),
    )


def _cell(result: Result, cost: Family | None, null: Result | None) -> CellSummary:
    ramps = [ramp for ramp in result.ramps if ramp.is_valid]
    loads = reference_loads(result)
    beside = reference_loads(null) if null is not None and _is_alike(result, null) else ()
    values = COST.of(result)
    counts = [one for block in result.counts if block.is_valid for one in block.counts]
    in_flights = sorted({one.in_flight for one in counts})
    counted = {each: sample(one.instructions / 1e6 for one in counts if one.in_flight == each) for each in in_flights}
    holds = [hold for hold in result.holds if hold.is_valid]
    return CellSummary(
        cell=result.cell,
        state=result.status.state,
        reason=result.status.reason,
        result=result,
        cost_blocks=len(values),
        cpu=(cost.values.get(result.cell) if cost else None) or _geometric_mean(values.values()),
        climb=_climb(ramps) if ramps else None,
        latency=_latency(loads, beside),
        memory=sample(load.pss_bytes / 1e6 if load.pss_bytes is not None else None for load in loads),
        threads=sample(load.threads_per_request for load in loads),
        switches=sample(load.switches_per_request for load in loads),
        connections=sample(load.connections_per_request for load in loads),
        instructions={each: one for each, one in counted.items() if one is not None},
        held=len(holds),
        sustained=sum(hold.sustained for hold in holds),
        spoilt=sum(not block.is_valid for block in result.blocks),
        stop=stopped(result.stops),
        pages=page_figures(loads, [block for block in result.cost if block.is_valid]),
    )


def _climb(ramps: Sequence[Ramp]) -> Climb:
    limiters = Counter(ramp.limiter for ramp in ramps if ramp.limiter is not None)
    recoveries = [ramp.recovery for ramp in ramps if ramp.recovery is not None]
    unstopped = [ramp.holds for ramp in ramps if ramp.is_unstopped and ramp.holds]
    busy = sample(step.cpu_share for ramp in ramps for step in ramp.steps if step.held and step.rate == ramp.holds)
    back_s = [recovery.seconds for recovery in recoveries if recovery.seconds is not None]
    return Climb(
        ramps=len(ramps),
        holds=None if unstopped else sample(ramp.holds for ramp in ramps),
        limiter=limiters.most_common(1)[0][0] if limiters else None,
        busy_share=busy.mid if busy else None,
        watched=len(recoveries),
        came_back=len(back_s),
        back_s=sample(back_s),
        watched_s=max((recovery.watched_s for recovery in recoveries), default=None),
        unstopped=len(unstopped),
        highest=max(unstopped, default=None),
    )


def reference_loads(result: Result) -> tuple[ReferenceLoad, ...]:
    """The reference loads of a cell's valid ramps; where their rate has changed, those of the last rate."""
    loads = [ramp.reference for ramp in result.ramps if ramp.is_valid and ramp.reference is not None]
    return tuple(load for load in loads if load.rate == loads[-1].rate)


def _is_alike(result: Result, null: Result) -> bool:
    """Whether two cells were measured on one machine in one way."""
    one, other = result.conditions, null.conditions
    return one is not None and other is not None and not machine_differences(one, other)


def _latency(loads: Sequence[ReferenceLoad], null: Sequence[ReferenceLoad] = ()) -> Latency | None:
    """Response times at the reference rate, and how much later than the null target's they are at the same rate."""
    histograms = [load.latency_histogram for load in loads if load.latency_histogram is not None]
    times = pooled_percentiles(histograms) if histograms else None
    if times is None:
        return None
    beside = [load.latency_histogram for load in null if load.latency_histogram and load.rate == loads[-1].rate]
    intervals = {name: pooled_interval(histograms, q) for name, q in PERCENTILES.items()}
    overheads = {name: pooled_overhead(histograms, beside, q) for name, q in PERCENTILES.items()} if beside else {}
    return Latency(
        rate=loads[-1].rate,
        ramps=len(histograms),
        requests=sum(load.requests for load in loads),
        failures=sum(sum(load.failures.values()) for load in loads),
        times=times,
        intervals={name: ends for name, ends in intervals.items() if ends is not None},
        overhead={name: one for name, one in overheads.items() if one is not None},
    )


def _geometric_mean(values: Iterable[float]) -> Estimate | None:
    """The mean of a cell that is compared with none."""
    logarithms = [math.log(value) for value in values if value > 0]
    return Estimate(math.exp(fmean(logarithms)), None, None) if logarithms else None


def cell_key(cell: Cell) -> tuple[object, ...]:
    """Orders cells of one workload: by stack as the table has them, then by Python."""
    return (*order_of(STACKS)(cell.stack), python_key(cell.python))


def order_of(table: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    """Orders names as a table has them, unknown ones last."""
    places = {name: place for place, name in enumerate(table)}
    return lambda name: (places.get(name, len(places)), name)
