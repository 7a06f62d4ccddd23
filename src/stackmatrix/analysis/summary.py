"""What the tables show, from results: medians over blocks, plateaus, and verdicts. Pure.

An invalid level has no figures here: it is named with its findings and never compared. With fewer blocks than
``BLOCKS_TO_CLAIM`` nothing is claimed.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from stackmatrix.analysis.comparison.compare import Family, Refused, compare_results, refuse
from stackmatrix.analysis.comparison.counts import Agreement, CountedRow, agree, compare_counts, reference_of
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.metrics import COMPARE_USERS, COST_FIGURE
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.findings import SECOND_ATTEMPT
from stackmatrix.results.model import Instructions, LatencyMs, Level, Result, Run
from stackmatrix.results.types import State

REFERENCE_LEVEL = f"users={COMPARE_USERS}"
"""Where cost is shown and compared."""


@dataclass(frozen=True, slots=True)
class LevelSummary:
    """One level of one cell: medians over the blocks in which it was valid; ``None`` where there is nothing."""

    name: str
    users: int | None
    rate: float | None
    state: str
    """``valid``, ``invalid`` or ``not needed``."""
    throughput_rps: float | None
    bound_rps: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    overhead_p95_ms: float | None
    cpu_ms_per_request: float | None
    rss_bytes_peak: float | None
    limiter: str | None
    failures: int
    remarks: tuple[str, ...]
    repeated: int
    """How many times it was driven again, since the first attempt was invalid."""

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
    def cost_ms(self) -> float | None:
        """CPU per request side by side."""
        return self.cost.cpu_ms if self.cost else None

    @property
    def claims(self) -> bool:
        """Whether it has enough blocks to be called different from another."""
        held = max((len(one.told) for one in self.capacity.sustained), default=0) if self.capacity else 0
        return max(self.trials, self.cost.known if self.cost else 0, held) >= BLOCKS_TO_CLAIM

    @property
    def plateau(self) -> LevelSummary | None:
        """The closed level with the highest throughput."""
        closed = [level for level in self.levels if level.users is not None and level.throughput_rps is not None]
        return max(closed, key=lambda level: level.throughput_rps or 0.0, default=None)

    @property
    def plateau_rps(self) -> float | None:
        """The highest sustained closed-loop throughput."""
        return self.plateau.throughput_rps if self.plateau else None

    @property
    def rss_bytes_peak(self) -> float | None:
        """The most memory at any level."""
        return max((level.rss_bytes_peak for level in self.levels if level.rss_bytes_peak is not None), default=None)

    def level(self, name: str) -> LevelSummary | None:
        """The level of that name, if the ladder has it."""
        return next((level for level in self.levels if level.name == name), None)

    @property
    def reference_cpu_ms(self) -> float | None:
        """CPU per request at the reference level."""
        level = self.level(REFERENCE_LEVEL)
        return level.cpu_ms_per_request if level else None


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """All cells of one workload on one machine, stack by Python."""

    name: str
    summary: str
    rows: tuple[CellSummary, ...]
    skipped: tuple[CellSummary, ...]
    counted: tuple[CountedRow, ...]

    @property
    def instructions(self) -> dict[Cell, Instructions]:
        """What was counted, by cell."""
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
        return tuple(row for row in self.rows if row in self.driven or row.cost or row.capacity)

    @property
    def measured(self) -> tuple[CellSummary, ...]:
        """The rows with figures."""
        return tuple(row for row in self.rows if row.plateau is not None)

    @property
    def searched(self) -> tuple[CellSummary, ...]:
        """The rows whose capacity was searched."""
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
    refused: tuple[Refused, ...] = ()

    def families_of(self, workload: str) -> tuple[Family, ...]:
        """What was compared of one workload."""
        return tuple(family for family in self.families if family.workload == workload)

    def agreed(self, workload: WorkloadSummary) -> tuple[str, tuple[Agreement, ...]]:
        """How ratios of CPU time to the reference stack and of instructions agree, and which CPU time that is.

        Side by side it is the ratio of the verdict, by block; else that of the medians at the reference level.
        """
        beside = {
            one.cell: math.exp(one.verdict.difference.mean)
            for family in self.families_of(workload.name)
            if family.figure.name == COST_FIGURE.name
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
            by_name.setdefault(level_name(level), []).append(level)
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


def level_name(level: Level) -> str:
    """``users=N`` or ``rate=R``."""
    return f"users={level.users}" if level.model == "closed" else f"rate={level.rate:g}"


def summarize_level(name: str, levels: Sequence[Level]) -> LevelSummary:
    """One level over all blocks."""
    valid = [level for level in levels if level.validity == "valid"]
    state = "valid" if valid else levels[-1].validity.replace("_", " ")
    limiters = [level.limiter for level in valid if level.limiter is not None]
    findings = [finding for level in levels for finding in level.findings]
    # What a first attempt was invalid for is in the file; here it would hide what holds for the figures.
    remarks = dict.fromkeys(finding.sentence for finding in findings if finding.code != SECOND_ATTEMPT)
    return LevelSummary(
        name=name,
        users=levels[0].users,
        rate=levels[0].rate,
        state=state,
        throughput_rps=middle(level.throughput_rps for level in valid),
        bound_rps=middle(level.bound_rps for level in levels),
        p50_ms=_percentile(valid, lambda times: times.p50),
        p95_ms=_percentile(valid, lambda times: times.p95),
        p99_ms=_percentile(valid, lambda times: times.p99),
        overhead_p95_ms=middle(of_every(level.overhead_ms.p95 if level.overhead_ms else None for level in valid)),
        cpu_ms_per_request=middle(level.target.cpu_ms_per_request if level.target else None for level in valid),
        rss_bytes_peak=middle(level.target.rss_bytes_peak if level.target else None for level in valid),
        limiter=max(limiters, key=limiters.count) if limiters else None,
        failures=sum(sum(level.failures.values()) for level in valid),
        remarks=tuple(remarks),
        repeated=sum(finding.code == SECOND_ATTEMPT for finding in findings),
    )


def _percentile(levels: Sequence[Level], of: Callable[[LatencyMs], float | None]) -> float | None:
    """The median of a percentile over the blocks that were answered at all."""
    return middle(of_every(of(level.latency_ms) for level in levels if level.latency_ms is not None))


def of_every(values: Iterable[float | None]) -> list[float]:
    """The values if every block has one, else none.

    Percentiles that stand beside each other are of the same blocks: of different ones, a p99 may lie below its p95.
    """
    every = list(values)
    known = [value for value in every if value is not None]
    return known if len(known) == len(every) else []


def middle(values: Iterable[float | None]) -> float | None:
    """The median of the numbers that are there."""
    numbers = [value for value in values if value is not None]
    return median(numbers) if numbers else None


def order_of(table: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    """Orders names as a table has them, unknown ones last."""
    places = {name: place for place, name in enumerate(table)}
    return lambda name: (places.get(name, len(places)), name)


def tell_skipped(machine: MachineSummary) -> tuple[str, ...]:
    """One sentence for each Python of the axis that was skipped or not tried on a machine."""
    measured = {row.cell.python for workload in machine.workloads for row in workload.rows}
    reasons: dict[str, dict[str, int]] = {}
    for workload in machine.workloads:
        for row in workload.skipped:
            counts = reasons.setdefault(row.cell.python, {})
            counts[row.reason or ""] = counts.get(row.reason or "", 0) + 1
    sentences = []
    for python in sorted({*PYTHONS, *reasons}, key=python_key):
        if python in reasons:
            why = "; ".join(f"{reason} ({count} cells)" for reason, count in reasons[python].items())
            sentences.append(f"Python {python} skipped: {why}.")
        elif python not in measured:
            sentences.append(f"Python {python} not measured.")
    return tuple(sentences)
