"""Every table that the terminal and the results page show. Pure."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

from markupsafe import Markup

from stackmatrix.analysis.comparison.compare import Comparison, Family
from stackmatrix.analysis.comparison.counts import Agreement, CountRow
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import Evidence
from stackmatrix.analysis.samples import mid
from stackmatrix.analysis.stall import StallWindow
from stackmatrix.analysis.summary import CellSummary, LevelSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import SLOS_MS
from stackmatrix.report import words
from stackmatrix.report.columns import columns
from stackmatrix.report.table import Column, Table, name, quantity
from stackmatrix.report.words import NOTHING, megabytes, number
from stackmatrix.results.cost import Cost
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result


class _OfCell(Protocol):
    @property
    def cell(self) -> Cell: ...


CELL: tuple[Column[_OfCell], ...] = (
    name("stack", lambda row: row.cell.stack),
    name("Python", lambda row: row.cell.python),
)


def evidence_table(evidence: Sequence[Evidence]) -> Table[Evidence]:
    """In how many cells of each machine what was measured."""
    return Table(
        (
            Column("machine", lambda one: Markup("[{0}](#{0})").format(one.machine.name)),
            quantity(f"trials in {BLOCKS_TO_CLAIM} blocks and more", lambda one: str(one.in_blocks or NOTHING)),
            quantity("in fewer", lambda one: str(one.in_fewer or NOTHING)),
            quantity("cost side by side", lambda one: str(one.side_by_side or NOTHING)),
            quantity("capacity", lambda one: str(one.searched or NOTHING)),
            quantity("instructions", lambda one: str(one.counted or NOTHING)),
        ),
        evidence,
    )


def overview_table(machine: MachineSummary, workload: WorkloadSummary, *, links: bool = False) -> Table[CellSummary]:
    """What is shown first of one workload on one machine; with ``links`` to the result files, for a page."""
    data = Column[CellSummary]("data", lambda row: Markup("[JSON]({})").format(result_path(machine, row)))
    title = f"{machine.name}: {workload.name}, {workload.summary}"
    return Table((*columns(machine, workload), *([data] if links else [])), workload.shown, title)


def of_workload(machine: MachineSummary, workload: WorkloadSummary, *, in_detail: bool) -> Iterator[Table[Any]]:
    """The table that is shown first of one workload, and in detail all others."""
    if workload.shown:
        yield overview_table(machine, workload)
    if in_detail:
        yield from (verdict_table(one) for one in machine.families_of(workload.name) if one.is_shown)
        if workload.searched:
            yield capacity_table(workload.searched)
        if workload.counted:
            yield counted_table(workload.counted)


def result_path(machine: MachineSummary, row: CellSummary) -> str:
    """The cell's file, from the results folder."""
    return str(PurePosixPath(machine.name, row.cell.workload, row.cell.stack, f"{row.cell.python}.json"))


def throughput_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """Correct responses per second at every level."""
    return _by_level(workload, lambda level: number(mid(level.throughput_rps), 2))


def latency_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """Three percentiles of the response time in ms at every level."""
    return _by_level(
        workload, lambda level: " / ".join(number(mid(each), 0) for each in (level.p50_ms, level.p95_ms, level.p99_ms))
    )


def cpu_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """CPU time of the target per request in ms at every level."""
    return _by_level(workload, lambda level: number(mid(level.cpu_ms_per_request), 2))


def _by_level(workload: WorkloadSummary, of: Callable[[LevelSummary], str]) -> Table[CellSummary]:
    """What ``of`` gives of every level that is valid, and signs for the others."""
    signs = {"invalid": "\\*", "not needed": "="}

    def shown(level: LevelSummary | None) -> str:
        return NOTHING if level is None else signs.get(level.state) or of(level)

    def at(level: str) -> Column[CellSummary]:
        return quantity(level, lambda row: shown(row.level(level)))

    return Table((*CELL, *map(at, workload.level_names)), workload.driven)


def verdict_table(family: Family) -> Table[Comparison]:
    """Every contrast of one workload by one metric, and its verdict."""
    effect = "difference" if family.metric.is_difference else "ratio"
    return Table(
        (
            *CELL,
            quantity("median", lambda one: number(family.medians[one.cell], 2)),
            name("against", lambda one: words.other(one.other, one.cell)),
            quantity(f"{effect} and 95 % interval", lambda one: words.effect(family, one)),
            quantity("blocks", lambda one: str(one.verdict.difference.blocks)),
            quantity("p", words.p_value),
            name("verdict", lambda one: words.verdict(family, one)),
        ),
        family.compared,
        title=f"{family.workload}: {family.metric.title}",
        note="\n".join((words.explanation(family), *words.ranks(family))),
    )


def capacity_table(rows: Sequence[CellSummary]) -> Table[CellSummary]:
    """The highest rate of arrivals at which each cell of one workload keeps each SLO."""

    def within(slo_ms: float) -> Column[CellSummary]:
        return Column(f"{slo_ms:g} ms", lambda row: words.capacity(row, slo_ms))

    return Table(
        (
            *CELL,
            *map(within, SLOS_MS),
            Column("nearest bound", words.limiters),
            quantity("blocks", words.confirmed),
        ),
        [row for row in rows if row.capacity is not None],
        title=f"{rows[0].cell.workload}: arrivals/s at which p99 stays within an objective, and failures under 0.1 %",
        note="Last rate that passed, its 95 % interval over the blocks (six at least), and the first that failed.",
    )


def counted_table(rows: Sequence[CountRow]) -> Table[CountRow]:
    """Millions of instructions per request of one workload's cells, compared."""
    return Table(
        (
            *CELL,
            quantity("in flight", lambda row: str(row.count.in_flight)),
            quantity("instructions", lambda row: number(row.count.mean / 1e6, 3)),
            quantity("spread\nof repeats", words.spread),
            Column("ratio to the Python before", lambda row: words.count_ratio(row, row.python_before)),
            Column("ratio to the reference stack", lambda row: words.count_ratio(row, row.reference)),
            Column("mostly in", words.heaviest),
        ),
        rows,
        title=f"{rows[0].cell.workload}: millions of user-space instructions per request",
    )


def agreement_table(agreed: Sequence[Agreement]) -> Table[Agreement]:
    """Ratios to the reference stack on the same Python, of CPU time and of instructions."""

    def counted(in_flight: int) -> Column[Agreement]:
        heading = f"instructions at {in_flight} in flight"
        return quantity(heading, lambda one: number(one.instructions.get(in_flight), 2))

    cpu: Column[Agreement] = quantity("CPU time", lambda one: number(one.cpu, 2))
    return Table((*CELL, cpu, *map(counted, words.in_flights(agreed))), agreed)


def cost_table(results: Sequence[Result]) -> Table[tuple[Cell, Cost]]:
    """CPU time per request side by side, of every cell that was measured so."""
    return Table(
        (
            name("workload", lambda row: row[0].workload),
            name("stack", lambda row: row[0].stack),
            name("Python", lambda row: f"{row[0].python}{' (twin)' if row[0].twin else ''}"),
            quantity("median", lambda row: number(row[1].cpu_ms, 2)),
            quantity("lowest", lambda row: number(min(row[1].values.values(), default=None), 2)),
            quantity("highest", lambda row: number(max(row[1].values.values(), default=None), 2)),
            quantity("blocks", lambda row: f"{row[1].known} of {len(row[1].blocks)}"),
            Column("", lambda row: row[1].failure or ""),
        ),
        [(result.cell, result.cost) for result in results if result.cost is not None],
        title="CPU ms per request, all cells up at once and asked in turn",
    )


def level_table(results: Sequence[Result]) -> Table[tuple[Cell, Level | None]]:
    """Every level of the last trial of each result, and that it failed where it did."""
    rows: list[tuple[Cell, Level | None]] = []
    ends = []
    for result in results:
        trial = result.trials[-1]
        rows += [(result.cell, level) for level in trial.levels]
        rows += [] if trial.failure is None else [(result.cell, None)]
        ends.append(len(rows) - 1)

    def of(text: Callable[[Level], str]) -> Callable[[tuple[Cell, Level | None]], str]:
        return lambda row: "" if row[1] is None else text(row[1])

    return Table(
        (
            name("workload", lambda row: row[0].workload),
            Column("stack", lambda row: row[0].stack),
            name("Python", lambda row: row[0].python),
            name("level", lambda row: "failed" if row[1] is None else row[1].name),
            quantity("req/s", of(lambda level: number(level.throughput_rps, 2))),
            quantity("p50 ms", of(lambda level: number(level.latency_ms.p50 if level.latency_ms else None, 0))),
            quantity("p95 ms", of(lambda level: number(level.latency_ms.p95 if level.latency_ms else None, 0))),
            quantity("CPU ms/req", of(lambda level: number(level.cpu_ms, 2))),
            quantity("memory MB", of(lambda level: megabytes(level.rss_bytes))),
            Column("limiter", of(lambda level: level.limiter or "")),
            Column("validity", of(lambda level: level.validity.replace("_", " "))),
        ),
        rows,
        ends=ends,
    )


def headline_table(workloads: Sequence[WorkloadSummary], python: str) -> Table[str]:
    """Plateau and CPU per request of every stack on one Python, in each workload."""
    rows = {(one.name, row.cell.stack): row for one in workloads for row in one.measured if row.cell.python == python}

    def pair(workload: WorkloadSummary) -> tuple[Column[str], Column[str]]:
        def plateau(stack: str) -> str:
            row = rows.get((workload.name, stack))
            return words.plateau(row) if row else NOTHING

        def cpu(stack: str) -> str:
            row = rows.get((workload.name, stack))
            return number(row.reference_cpu_ms if row else None, 1)

        return quantity(f"{workload.name}: req/s", plateau), quantity("CPU ms", cpu)

    stacks = dict.fromkeys(row.cell.stack for workload in workloads for row in workload.measured)
    heads = (column for workload in workloads for column in pair(workload))
    return Table((Column(f"stack (Python {python})", str), *heads), list(stacks))


def stall_table(windows: Sequence[StallWindow]) -> Table[StallWindow]:
    """Response times under the loads that met the same stall."""

    def percentile(q: int) -> Column[StallWindow]:
        return quantity("max ms" if q == 100 else f"p{q} ms", lambda one: number(one.percentile(q), 0))

    return Table(
        (
            Column("load", lambda one: f"{one.name}, {one.plan}"),
            quantity("responses", lambda one: str(len(one.response_ms))),
            quantity("delayed by the stall", lambda one: f"{one.delayed} ({one.delayed / len(one.response_ms):.1%})"),
            *map(percentile, (50, 90, 95, 99, 100)),
        ),
        windows,
    )
