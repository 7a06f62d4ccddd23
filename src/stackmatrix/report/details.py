"""The tables that explain an answer: ramps, latencies, counts, ladders, flags. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.metrics import INSTRUCTIONS
from stackmatrix.analysis.pages import PageFigures
from stackmatrix.analysis.samples import Sample, sample
from stackmatrix.analysis.stall import StallWindow
from stackmatrix.analysis.summary import PERCENTILES, CellSummary, Latency, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.report import words
from stackmatrix.report.table import Column, Table, name, quantity
from stackmatrix.report.tables import CELL, has_any, holds
from stackmatrix.report.words import NOTHING, number, ranged
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.levels import Level
from stackmatrix.results.ramps import RampStep


def ramp_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """How much each cell holds, what stopped it, and whether it comes back."""

    def busy(row: CellSummary) -> str:
        return words.share(row.climb.busy_share if row.climb else None)

    def sustained(row: CellSummary) -> str:
        return f"{row.sustained} of {row.held}" if row.held else NOTHING

    columns: tuple[Column[CellSummary], ...] = (
        *CELL,
        quantity("ramps", lambda row: str(row.climb.ramps) if row.climb else NOTHING),
        quantity("holds, arrivals/s", holds),
        name("stopped by", lambda row: words.stopped_by(row.climb)),
        quantity("core busy then", busy),
        Column("back at the reference rate", lambda row: words.comes_back(row.climb)),
        quantity("sustained four fifths of it", sustained),
    )
    rows = [row for row in workload.rows if row.climb is not None or row.held]
    return Table(tuple(one for one in columns if has_any(one, rows)), rows)


def step_table(workload: WorkloadSummary) -> Table[tuple[Cell, int, RampStep]]:
    """Every rate of every valid ramp, and whether it was held."""
    rows = [
        (row.cell, place, step)
        for row in workload.rows
        for place, ramp in enumerate((ramp for ramp in row.result.ramps if ramp.is_valid), 1)
        for step in ramp.steps
    ]
    return Table(
        (
            name("stack", lambda row: row[0].stack),
            name("Python", lambda row: row[0].python),
            quantity("ramp", lambda row: str(row[1])),
            quantity("arrivals/s", lambda row: number(row[2].rate, 1)),
            quantity("answered", lambda row: f"{row[2].answered} of {row[2].requests}"),
            quantity("p95, ms", lambda row: number(row[2].p95_ms, 0)),
            quantity("in flight at its end", lambda row: str(row[2].in_flight)),
            quantity("core busy", lambda row: words.share(row[2].cpu_share)),
            Column("held", lambda row: "yes" if row[2].held else "no"),
        ),
        rows,
    )


def latency_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """What a visitor feels at the reference rate, and what the target uses then."""

    def of(text: Callable[[CellSummary], Sample | None], digits: int) -> Callable[[CellSummary], str]:
        return lambda row: ranged(text(row), digits)

    def percentile(which: str) -> Column[CellSummary]:
        return quantity(f"{which}, ms", lambda row: words.percentile(row, which))

    def requests(row: CellSummary) -> str:
        return NOTHING if row.latency is None else f"{row.latency.requests}, {row.latency.failures} failed"

    rows = [row for row in workload.rows if row.latency is not None]
    overheads = [column for column in map(_overhead, PERCENTILES) if has_any(column, rows)]
    return Table(
        (
            *CELL,
            quantity("arrivals/s", lambda row: NOTHING if row.latency is None else f"{row.latency.rate:g}"),
            quantity("requests", requests),
            *map(percentile, PERCENTILES),
            *overheads,
            quantity("memory (PSS), MB", of(lambda row: row.memory, 0)),
            quantity("threads started per request", of(lambda row: row.threads, 2)),
            quantity("context switches per request", of(lambda row: row.switches, 1)),
            quantity("connections per request", of(lambda row: row.connections, 2)),
        ),
        rows,
        note=f"{null_target(workload.null)}; overhead is what is later than that." if overheads else None,
    )


def page_table(workload: WorkloadSummary) -> Table[tuple[Cell, PageFigures]]:
    """Each page's own figures, of a workload with several."""
    rows = [(row.cell, page) for row in workload.rows for page in row.pages]

    def percentile(which: str) -> Column[tuple[Cell, PageFigures]]:
        return quantity(f"{which}, ms", lambda row: number(getattr(row[1].times, which, None), 0))

    return Table(
        (
            name("page", lambda row: row[1].name),
            name("stack", lambda row: row[0].stack),
            name("Python", lambda row: row[0].python),
            quantity("requests", lambda row: f"{row[1].requests}, {row[1].failures} failed"),
            *map(percentile, PERCENTILES),
            quantity("answered side by side", lambda row: str(row[1].side_by_side)),
        ),
        rows,
    )


def _overhead(which: str) -> Column[CellSummary]:
    """How much later than the null target's a percentile is."""

    def text(row: CellSummary) -> str:
        found = row.latency.overhead.get(which) if row.latency else None
        if found is None:
            return NOTHING
        return f"{found.ms:.1f}" + ("" if found.low is None else f" ({found.low:.1f} to {found.high:.1f})")

    return quantity(f"overhead at {which}, ms", text)


def null_target(latency: Latency | None) -> str | None:
    """The times of the null target, which overhead is counted from; ``None`` where there are none."""
    if latency is None:
        return None
    known = [(name, getattr(latency.times, name)) for name in PERCENTILES]
    times = words.join([f"{name} {ms:.0f} ms" for name, ms in known if ms is not None])
    return f"A target that costs nothing shows under the same load {times}"


def count_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """Millions of instructions per request, and where they are executed with the fewest in flight."""
    in_flights = sorted({in_flight for row in workload.rows for in_flight in row.instructions})

    def at(in_flight: int) -> Column[CellSummary]:
        heading = f"million, {in_flight} in flight"
        return quantity(heading, lambda row: ranged(row.instructions.get(in_flight), INSTRUCTIONS.digits))

    heaviest: tuple[Column[CellSummary], ...] = (
        Column("mostly in", lambda row: _heaviest(row, functions=False)),
        Column("heaviest functions", lambda row: _heaviest(row, functions=True)),
    )
    return Table((*CELL, *map(at, in_flights), *heaviest), [row for row in workload.rows if row.instructions])


MOST_SHARES = 3
"""Objects and functions that a table names."""


def _heaviest(row: CellSummary, *, functions: bool) -> str:
    """In which shared objects, or functions, most is executed, as shares of the whole in the last valid count."""
    valid = [block for block in row.result.counts if block.is_valid]
    counts = sorted(valid[-1].counts, key=lambda one: one.in_flight) if valid else []
    if not counts:
        return NOTHING
    whole = counts[0].instructions + counts[0].idle
    shares = sorted(counts[0].functions if functions else counts[0].objects, key=lambda one: -one.instructions)
    named = ((share.function or share.object, share.instructions / whole) for share in shares[:MOST_SHARES] if whole)
    return ", ".join(f"{what} {words.share(share)}" for what, share in named) or NOTHING


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of a cell's ladders, over the blocks in which it was valid."""

    cell: Cell
    name: str
    levels: tuple[Level, ...]

    def of(self, number_of: Callable[[Level], float | None]) -> Sample | None:
        return sample(number_of(level) for level in self.levels)


def ladder_table(workload: WorkloadSummary) -> Table[Rung]:
    """Every level that was asked for by hand or by the profile deep: throughput, response time, CPU."""
    rungs = [rung for row in workload.rows for rung in _rungs(row.cell, row.result.ladders)]

    def time_of(which: str) -> Callable[[Level], float | None]:
        return lambda level: None if level.latency_ms is None else getattr(level.latency_ms, which)

    return Table(
        (
            *CELL,
            name("level", lambda rung: rung.name),
            quantity("responses/s", lambda rung: ranged(rung.of(lambda level: level.throughput_rps), 1)),
            quantity("p50, ms", lambda rung: ranged(rung.of(time_of("p50")), 0)),
            quantity("p95, ms", lambda rung: ranged(rung.of(time_of("p95")), 0)),
            quantity("CPU ms/request", lambda rung: ranged(rung.of(lambda level: level.cpu_ms), 2)),
            Column("limited by", lambda rung: rung.levels[-1].limiter or NOTHING),
        ),
        rungs,
    )


def _rungs(cell: Cell, ladders: Sequence[Ladder]) -> list[Rung]:
    found: dict[str, list[Level]] = {}
    for ladder in ladders:
        for level in ladder.valid:
            found.setdefault(level.name, []).append(level)
    return [Rung(cell, level, tuple(levels)) for level, levels in found.items()]


def flags_table(flags: Sequence[tuple[str, str, str]]) -> Table[tuple[str, str, str]]:
    """Every stack's command, and who recommends its flags."""
    return Table(
        (
            name("stack", lambda row: row[0]),
            Column("command", lambda row: row[1]),
            Column("who recommends its flags", lambda row: row[2] or NOTHING),
        ),
        flags,
    )


def stall_table(windows: Sequence[StallWindow]) -> Table[StallWindow]:
    """Response times under the loads that met the same stall."""

    def percentile(q: int) -> Column[StallWindow]:
        return quantity("max ms" if q == 100 else f"p{q} ms", lambda one: number(one.percentile(q), 0))

    return Table(
        (
            Column("load", lambda one: f"{one.name}, {one.plan}"),
            quantity("responses", lambda one: str(len(one.response_ms))),
            quantity(
                "delayed by the stall", lambda one: f"{one.delayed} ({100 * one.delayed / len(one.response_ms):.1f} %)"
            ),
            *map(percentile, (50, 90, 95, 99, 100)),
        ),
        windows,
    )
