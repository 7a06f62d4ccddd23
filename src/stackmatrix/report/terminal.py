"""Tables for the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stackmatrix.analysis.comparison.compare import Family
from stackmatrix.analysis.comparison.counts import CountedRow
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary, level_name
from stackmatrix.matrix.objectives import SLOS_MS
from stackmatrix.report import phrases
from stackmatrix.report.columns import columns
from stackmatrix.report.words import megabytes, number
from stackmatrix.results.model import Level, Result

WIDTH_OF_FILES = 140
"""In characters, where output goes to a file or a pipe, which has no width of its own."""


def make_console() -> Console:
    """The terminal as it is, or wide enough for every table where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES)


def level_table(results: Sequence[Result]) -> Table:
    """Every level of the last trial of each result."""
    table = Table(title=None, pad_edge=False)
    for heading in ("workload", "stack", "Python", "level"):
        table.add_column(heading, no_wrap=heading != "stack")
    for heading in ("req/s", "p50 ms", "p95 ms", "CPU ms/req", "memory MB"):
        table.add_column(heading, justify="right")
    for heading in ("limiter", "validity"):
        table.add_column(heading)
    for result in results:
        cell, trial = result.cell, result.trials[-1]
        for level in trial.levels:
            table.add_row(cell.workload, cell.stack, cell.python, *level_row(level))
        if trial.failure is not None:
            table.add_row(cell.workload, cell.stack, cell.python, "[red]failed[/red]", *[""] * 7)
        table.add_section()
    return table


def counted_table(rows: Sequence[CountedRow]) -> Table:
    """Millions of instructions per request of one workload's cells, compared."""
    title = f"{rows[0].cell.workload}: millions of user-space instructions per request"
    table = Table(title=title, title_justify="left", pad_edge=False)
    for heading in ("stack", "Python"):
        table.add_column(heading, no_wrap=True)
    for heading in ("in flight", "instructions", "spread"):
        table.add_column(heading, justify="right")
    for heading in ("to the Python before", "to the reference stack", "mostly in"):
        table.add_column(heading)
    for row in rows:
        ratios = (phrases.count_ratio(row, one) for one in (row.python_before, row.reference))
        figures = (str(row.count.in_flight), phrases.millions(row), phrases.spread(row))
        table.add_row(row.cell.stack, row.cell.python, *figures, *ratios, escape(phrases.parts(row)))
    return table


def cost_table(results: Sequence[Result]) -> Table:
    """CPU time per request side by side, of every cell that was measured so."""
    title = "CPU ms per request, all cells up at once and asked in turn"
    table = Table(title=title, title_justify="left", pad_edge=False)
    for heading in ("workload", "stack", "Python"):
        table.add_column(heading, no_wrap=True)
    for heading in ("median", "lowest", "highest", "blocks"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for result in results:
        if (cost := result.cost) is not None:
            cell, values = result.cell, cost.values.values()
            figures = (cost.cpu_ms, min(values, default=None), max(values, default=None))
            python = f"{cell.python}{' (twin)' if cell.twin else ''}"
            told = (*(number(one, 2) for one in figures), f"{cost.known} of {len(cost.blocks)}")
            table.add_row(cell.workload, cell.stack, python, *told, escape(cost.failure or ""))
    return table


def capacity_table(rows: Sequence[CellSummary]) -> Table:
    """The highest rate of arrivals at which each cell of one workload keeps each SLO."""
    caption = "Last rate that passed, its 95 % interval over the blocks (six at least), and the first that failed."
    title = f"{rows[0].cell.workload}: arrivals/s at which p99 stays within so many ms, and failures under 0.1 %"
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", pad_edge=False)
    for heading in ("stack", "Python"):
        table.add_column(heading, no_wrap=True)
    for heading in (*(f"{slo_ms:g} ms" for slo_ms in SLOS_MS), "nearest bound", "blocks"):
        table.add_column(heading)
    for row in rows:
        if (held := row.capacity) is not None:
            figures = map(phrases.sustained, held.sustained)
            ended = escape(phrases.confirmed(held))
            table.add_row(row.cell.stack, row.cell.python, *figures, phrases.limiters(held), ended)
    return table


def level_row(level: Level) -> tuple[str, ...]:
    """The cells of one level."""
    latency, target = level.latency_ms, level.target
    return (
        level_name(level),
        number(level.throughput_rps, 2),
        number(latency.p50 if latency else None, 0),
        number(latency.p95 if latency else None, 0),
        number(target.cpu_ms_per_request if target else None, 2),
        megabytes(target.rss_bytes_peak if target else None),
        level.limiter or "",
        level.validity.replace("_", " "),
    )


def verdict_table(family: Family) -> Table:
    """One figure of one workload: every declared comparison, and what may be said."""
    caption = escape("\n".join((phrases.title(family), *phrases.ranks(family))))
    table = Table(title=f"{family.workload}: {family.figure.title}", caption=caption, pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for heading in ("stack", "Python"):
        table.add_column(heading, no_wrap=True)
    table.add_column("median", justify="right")
    table.add_column("against", no_wrap=True)
    for heading in ("difference" if family.figure.is_difference else "ratio", "blocks", "p"):
        table.add_column(heading, justify="right")
    table.add_column("verdict", no_wrap=True)
    for one in family.compared:
        table.add_row(
            *(one.cell.stack, one.cell.python, number(family.medians[one.cell], 2), phrases.other(one.other, one.cell)),
            *(
                phrases.effect(family, one),
                str(one.verdict.difference.blocks),
                phrases.chance(one),
                phrases.word(family, one),
            ),
        )
    return table


def overview_table(machine: MachineSummary, workload: WorkloadSummary) -> Table:
    """One workload on one machine: what the page shows first."""
    title = f"{machine.name}: {workload.name}, {workload.summary}"
    table = Table(title=title, title_justify="left", pad_edge=False)
    shown = columns(machine, workload)
    for one in shown:
        table.add_column(one.heading, justify="right" if one.is_number else "left", no_wrap=not one.is_number)
    for row in workload.shown:
        table.add_row(*(escape(one.of(row)) for one in shown))
    return table
