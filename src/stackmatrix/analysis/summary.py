"""What the tables show, from results: medians over blocks, plateaus, and verdicts. Pure.

An invalid level has no numbers here: it is named with its findings and never compared. With fewer blocks than
``BLOCKS_TO_CLAIM`` nothing is claimed.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.comparability import Refusal, refuse
from stackmatrix.analysis.comparison.compare import Family, compare_results
from stackmatrix.analysis.comparison.contrasts import reference_of
from stackmatrix.analysis.comparison.counts import Agreement, CountRow, agree, compare_counts
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.metrics import COST, REFERENCE_LEVEL
from stackmatrix.analysis.samples import Sample, mid, of_every, sample
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.findings import Code
from stackmatrix.results.instructions import Instructions
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result
from stackmatrix.results.trials import Run
from stackmatrix.results.types import State


@dataclass(frozen=True, slots=True)
class LevelSummary:
    """One level of one cell: samples of the blocks in which it was valid.

    ``state`` is ``valid``, ``invalid`` or ``not needed``. The level was driven again ``repeated`` times, since the
    first attempt was invalid.
    """

    name: str
    users: int | None
    rate: float | None
    state: str
    valid_blocks: int
    blocks: int
    bound_rps: float | None
    throughput_rps: Sample | None
    p50_ms: Sample | None
    p95_ms: Sample | None
    p99_ms: Sample | None
    overhead_p95_ms: Sample | None
    cpu_ms_per_request: Sample | None
    rss_bytes_peak: Sample | None
    limiter: str | None
    failures: int
    remarks: tuple[str, ...]
    repeated: int

    @property
    def load(self) -> tuple[bool, float]:
        """Orders levels: closed ones first, then by what is offered."""
        return (self.users is None, self.rate or self.users or 0)


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One row of the tables."""

    cell: Cell
    state: State
    reason: str | None
    trials: int
    levels: tuple[LevelSummary, ...]
    instructions: Instructions | None = None
    capacity: Capacity | None = None
    cost: Cost | None = None

    @property
    def claims(self) -> bool:
        """Whether it has enough blocks to be called different from another."""
        held = max((len(one.decided) for one in self.capacity.sustained), default=0) if self.capacity else 0
        return max(self.trials, self.cost.known if self.cost else 0, held) >= BLOCKS_TO_CLAIM

    @property
    def closed(self) -> tuple[LevelSummary, ...]:
        """The closed levels with a throughput."""
        return tuple(level for level in self.levels if level.users is not None and level.throughput_rps is not None)

    @property
    def plateau(self) -> LevelSummary | None:
        """The closed level with the highest throughput."""
        return max(self.closed, key=lambda level: mid(level.throughput_rps) or 0.0, default=None)

    @property
    def plateau_rps(self) -> float | None:
        """The highest sustained closed-loop throughput."""
        return mid(self.plateau.throughput_rps) if self.plateau else None

    @property
    def rss_bytes_peak(self) -> float | None:
        return max((level.rss_bytes_peak.mid for level in self.levels if level.rss_bytes_peak), default=None)

    def level(self, name: str) -> LevelSummary | None:
        return next((level for level in self.levels if level.name == name), None)

    @property
    def reference_cpu_ms(self) -> float | None:
        """CPU per request at the reference level."""
        level = self.level(REFERENCE_LEVEL)
        return mid(level.cpu_ms_per_request) if level else None


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """All cells of one workload on one machine, stack by Python."""

    name: str
    summary: str
    rows: tuple[CellSummary, ...]
    skipped: tuple[CellSummary, ...]
    counted: tuple[CountRow, ...]

    @property
    def instructions(self) -> dict[Cell, Instructions]:
        return {row.cell: row.instructions for row in self.rows if row.instructions is not None}

    @property
    def level_names(self) -> tuple[str, ...]:
        """Every level of any cell, in the order in which ladders have them."""
        loads = {level.name: level.load for row in self.rows for level in row.levels}
        return tuple(sorted(loads, key=loads.__getitem__))

    @property
    def driven(self) -> tuple[CellSummary, ...]:
        """The rows that have trials or should have them."""
        return tuple(row for row in self.rows if row.trials or row.state != "ok")

    @property
    def shown(self) -> tuple[CellSummary, ...]:
        """The rows that were under load of any kind or should have been; of others, only instructions were counted."""
        return tuple(row for row in self.rows if row.trials or row.state != "ok" or row.cost or row.capacity)

    @property
    def measured(self) -> tuple[CellSummary, ...]:
        """The rows with a plateau."""
        return tuple(row for row in self.rows if row.plateau is not None)

    @property
    def searched(self) -> tuple[CellSummary, ...]:
        return tuple(row for row in self.rows if row.capacity is not None)

    @property
    def pythons(self) -> tuple[str, ...]:
        """Every Python that was measured, oldest first."""
        return tuple(sorted({row.cell.python for row in self.measured}, key=python_key))


@dataclass(frozen=True, slots=True)
class MachineSummary:
    """All results of one machine's folder."""

    name: str
    results: tuple[Result, ...]
    workloads: tuple[WorkloadSummary, ...]
    runs: tuple[Run, ...]
    families: tuple[Family, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def families_of(self, workload: str) -> tuple[Family, ...]:
        return tuple(family for family in self.families if family.workload == workload)

    def paired(self, workload: str) -> dict[str, Family]:
        """The families of one workload that are each of one run, by the name of their metric; the last run of each."""
        return {family.metric.name: family for family in self.families_of(workload) if family.run_id}

    def agreed(self, workload: WorkloadSummary) -> tuple[str, tuple[Agreement, ...]]:
        """How ratios of CPU time to the reference stack and of instructions agree, and which CPU time that is.

        Side by side it is the ratio of the verdict, by block; else that of the medians at the reference level.
        """
        beside = {
            one.cell: math.exp(one.verdict.difference.mean)
            for family in self.families_of(workload.name)
            if family.metric.name == COST.name
            for one in family.compared
            if one.other == reference_of(one.cell)
        }
        if found := agree(beside, workload.instructions):
            return "side by side", found
        known = {row.cell: row.reference_cpu_ms for row in workload.rows if row.reference_cpu_ms}
        ratios = {cell: cpu / known[other] for cell, cpu in known.items() if (other := reference_of(cell)) in known}
        return f"at {REFERENCE_LEVEL}", agree(ratios, workload.instructions)

    @property
    def can_claim(self) -> bool:
        """Whether any cell has enough blocks to call a difference real."""
        return any(row.claims for workload in self.workloads for row in workload.rows)


def summarize(machine: str, results: Sequence[Result]) -> MachineSummary:
    """Everything that is shown of one machine's results."""
    refused = refuse(results)
    runs = [result.run for result in results if result.run is not None and not result.cell.twin]
    families, results = compare_results(results), [result for result in results if not result.cell.twin]
    workloads = []
    for name in sorted({result.cell.workload for result in results}, key=order_of(WORKLOADS)):
        cells = [summarize_cell(result) for result in results if result.cell.workload == name]
        cells.sort(key=lambda row: (order_of(STACKS)(row.cell.stack), python_key(row.cell.python)))
        rows = tuple(row for row in cells if row.state != "skipped")
        skipped = tuple(row for row in cells if row.state == "skipped")
        known = WORKLOADS.get(name)
        counted = compare_counts({row.cell: row.instructions for row in rows if row.instructions is not None})
        workloads.append(WorkloadSummary(name, known.summary if known else "", rows, skipped, counted))
    return MachineSummary(
        name=machine,
        results=tuple(results),
        workloads=tuple(workloads),
        families=families,
        refused=refused,
        runs=tuple({run.id: run for run in sorted(runs, key=lambda one: one.started)}.values()),
    )


def summarize_cell(result: Result) -> CellSummary:
    """One cell's row, over all its trials."""
    by_name: dict[str, list[Level]] = {}
    for trial in result.trials:
        for level in trial.levels:
            by_name.setdefault(level.name, []).append(level)
    return CellSummary(
        cell=result.cell,
        state=result.status.state,
        reason=result.status.reason,
        trials=len(result.trials),
        levels=tuple(summarize_level(name, levels) for name, levels in by_name.items()),
        instructions=result.instructions,
        capacity=result.capacity,
        cost=result.cost,
    )


def summarize_level(name: str, levels: Sequence[Level]) -> LevelSummary:
    """One level over all blocks."""
    valid = [level for level in levels if level.is_valid]
    answered = [level.latency_ms for level in valid if level.latency_ms is not None]
    state = "valid" if valid else levels[-1].validity.replace("_", " ")
    limiters = [level.limiter for level in valid if level.limiter is not None]
    findings = [finding for level in levels for finding in level.findings]
    # What a first attempt was invalid for is in the file; here it would hide what holds for the numbers.
    remarks = dict.fromkeys(finding.sentence for finding in findings if finding.code != Code.SECOND_ATTEMPT)
    return LevelSummary(
        name=name,
        users=levels[0].users,
        rate=levels[0].rate,
        state=state,
        valid_blocks=len(valid),
        blocks=len(levels),
        bound_rps=mid(sample(level.bound_rps for level in levels)),
        throughput_rps=sample(level.throughput_rps for level in valid),
        p50_ms=sample(of_every(times.p50 for times in answered)),
        p95_ms=sample(of_every(times.p95 for times in answered)),
        p99_ms=sample(of_every(times.p99 for times in answered)),
        overhead_p95_ms=sample(of_every(level.overhead_p95_ms for level in valid)),
        cpu_ms_per_request=sample(level.cpu_ms for level in valid),
        rss_bytes_peak=sample(level.rss_bytes for level in valid),
        limiter=max(limiters, key=limiters.count) if limiters else None,
        failures=sum(sum(level.failures.values()) for level in valid),
        remarks=tuple(remarks),
        repeated=sum(finding.code == Code.SECOND_ATTEMPT for finding in findings),
    )


def order_of(table: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    """Orders names as a table has them, unknown ones last."""
    places = {name: place for place, name in enumerate(table)}
    return lambda name: (places.get(name, len(places)), name)
