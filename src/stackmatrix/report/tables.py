"""The tables that are the answer, alike in the terminal and on the pages. Pure."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol
from urllib.parse import quote

from markupsafe import Markup

from stackmatrix.analysis.causes import CauseCost
from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.evidence import Evidence
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.wording import plural
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import links, many, words
from stackmatrix.report.literal import safe
from stackmatrix.report.table import Column, Table, name, quantity
from stackmatrix.report.words import NOTHING, held, number, ranged


class _OfCell(Protocol):
    @property
    def cell(self) -> Cell: ...


CELL: tuple[Column[_OfCell], ...] = (
    name("stack", lambda row: row.cell.stack),
    name("Python", lambda row: row.cell.python),
)


STOPPED_BY, COUNTED, DEPLOYED = "stopped by", "instructions, million", "answered at a stop"
CAUTION = "†"
"""Stands behind a verdict on two cells that differ in more than their names, so that no headline stands on it."""
FEW_SLOTS = "‡"
"""Stands behind a stack that serves too few requests at once for the reference rate."""
CAUTION_NOTE = f"{CAUTION} Their Pythons are built or linked differently, so it stands in no headline."


def result_path(machine: MachineSummary, row: CellSummary) -> str:
    """The cell's file, from the results folder."""
    return links.file(machine.name, row.cell)


def evidence_table(evidence: Sequence[Evidence]) -> Table[Evidence]:
    """What each machine's results decide, and in how many cells what was measured."""
    return Table(
        (
            Column("machine", lambda one: Markup("[{}]({})").format(safe(one.machine.name), _page(one))),
            quantity("comparisons decided", lambda one: f"{one.decided} of {one.compared}"),
            quantity("cells", lambda one: str(one.cells)),
            quantity("with CPU time", lambda one: str(one.side_by_side or NOTHING)),
            quantity("with ramps", lambda one: str(one.ramped or NOTHING)),
            quantity("counted", lambda one: str(one.counted or NOTHING)),
        ),
        evidence,
    )


def _page(one: Evidence) -> str:
    return links.on_page(one.machine.name, "").removesuffix("#")


def overview_table(
    machine: MachineSummary, workload: WorkloadSummary, *, brief: bool = False, links_to_files: bool = False
) -> Table[CellSummary]:
    """The answer of one workload, cell by cell; what was measured of no cell has no column.

    ``brief`` fits a terminal: intervals of single cells, and what only explains, are left out; counts and stops stand
    there where nothing else was measured.
    """
    cost, reference = workload.family(COST), workload.reference
    rate = next((row.latency.rate for row in reversed(workload.rows) if row.latency), 0.0)
    against = f"against {reference.stack}" if reference else "against the reference"

    def data(row: CellSummary) -> str:
        return Markup("[JSON]({})").format(quote(result_path(machine, row)))

    every: tuple[Column[CellSummary], ...] = (
        *CELL,
        quantity("CPU, ms", lambda row: words.value(COST, row.cpu, bare=brief)),
        Column(against, lambda row: against_reference(cost, row.cell, reference)),
        quantity("holds, /s", lambda row: holds(row, bare=brief)),
        name(STOPPED_BY, lambda row: words.stopped_by(row.climb)),
        Column("comes back", lambda row: words.comes_back(row.climb)),
        quantity(f"p95 at {rate:g}/s, ms", lambda row: words.percentile(row, "p95", bare=brief)),
        quantity("PSS, MB", lambda row: ranged(row.memory, 0)),
        quantity(DEPLOYED, _answered_at_stop),
        quantity(COUNTED, _instructions),
        Column("data", data),
    )
    hidden = {*((STOPPED_BY,) if brief else ()), *(() if links_to_files else ("data",))}
    if brief and any(row.cpu or row.climb for row in workload.rows):
        hidden |= {COUNTED, DEPLOYED}
    used = tuple(one for one in every if one.heading not in hidden and has_any(one, workload.rows))
    title = f"{workload.name}: {workload.summary}" if workload.summary else workload.name
    note = caution_note(workload) if workload.void is None else f"Void, and nothing is compared: {workload.void}"
    rows = in_order(workload)
    last = [place for place, row in enumerate(rows[1:]) if row.cell.stack != rows[place].cell.stack]
    return Table(used, rows, title, note, ends=() if many.is_many(len(last)) else last)


def in_order(workload: WorkloadSummary) -> list[CellSummary]:
    """The cells stack by stack: the cheapest first where there are many, and those without any figure last."""
    places = {stack: place for place, stack in enumerate(many.by_cost(workload))}
    return sorted(workload.rows, key=lambda row: places.get(row.cell.stack, len(places)))


def has_any[Row](column: Column[Row], rows: Sequence[Row]) -> bool:
    """Whether a column shows anything."""
    return any(column.of(row) not in {NOTHING, ""} for row in rows)


def against_reference(family: Family | None, cell: Cell, reference: Cell | None) -> str:
    """The verdict on a cell's CPU time against the reference stack's on the same Python."""
    if family is None or reference is None:
        return NOTHING
    if cell.stack == reference.stack:
        return "is the reference"
    if family.void is not None:
        return "void"
    one = family.of(cell, Cell(stack=reference.stack, python=cell.python, workload=cell.workload))
    if one is None:
        return NOTHING
    verdict = words.verdict(family.metric, one.effect, one.word, bare=True)
    return verdict if one.caution is None else f"{verdict} {CAUTION}"


def caution_note(workload: WorkloadSummary, stacks: Collection[str] | None = None) -> str | None:
    """What the sign of a caution means, where any cell has it: of these stacks, or of all."""
    cells = [row.cell for row in workload.rows if stacks is None or row.cell.stack in stacks]
    verdicts = (against_reference(workload.family(COST), cell, workload.reference) for cell in cells)
    return CAUTION_NOTE if any(CAUTION in verdict for verdict in verdicts) else None


def holds(row: CellSummary, *, bare: bool = False) -> str:
    """What the ramps of a cell held, or up to which rate it was not overloaded: that is a bound, and no value."""
    climb = row.climb
    if climb is None or climb.highest is None:
        return held(climb.holds if climb else None)
    often = "" if climb.unstopped == climb.ramps else f"in {climb.unstopped} of {plural(climb.ramps, 'ramp')} "
    return f"{often}not overloaded up to {number(climb.highest, 0)}{'' if bare else ', the highest rate'}"


def _answered_at_stop(row: CellSummary) -> str:
    """Of the visitors in flight at all stops."""
    return NOTHING if row.stop is None else f"{row.stop.in_flight.answered} of {row.stop.in_flight.all}"


def _instructions(row: CellSummary) -> str:
    """At the fewest requests in flight, which is one."""
    return number(row.instructions[min(row.instructions)].mid, 2) if row.instructions else NOTHING


def first_table(machine: MachineSummary) -> Table[str] | None:
    """CPU per request of stacks under each workload: on the newest Python with the verdict, on older ones the value.

    Of many stacks, a part that fits the first page; ``None`` where nothing is claimed.
    """
    known = [one for one in machine.workloads if one.void is None and any(row.cpu is not None for row in one.rows)]
    if not known:
        return None
    stacks = many.on_the_first_page(known[0])
    columns: list[Column[str]] = [name("stack", lambda stack: f"{stack}{_slots_sign(known[0], stack)}")]
    for workload in known:
        columns += _by_python(workload)
    reference = known[0].reference
    title = f"CPU per request{f', against {reference.stack}' if reference and len(stacks) > 1 else ''}"
    notes = [*dict.fromkeys(note for workload in known if (note := caution_note(workload, stacks)))]
    if any(_slots_sign(known[0], stack) for stack in stacks):
        rate = WORKLOADS[known[0].name].compare_rate
        notes.append(f"{FEW_SLOTS} It has too few slots for {rate:g} arrivals/s of {known[0].name}.")
    return Table(columns, stacks, title, " ".join(notes) or None)


def _by_python(workload: WorkloadSummary) -> list[Column[str]]:
    """The columns of a workload: its newest Python, and where there are any, the older ones together."""
    family, cells = workload.family(COST), {(row.cell.stack, row.cell.python): row for row in workload.rows}

    def ms(stack: str, python: str) -> str:
        row = cells.get((stack, python))
        return NOTHING if row is None or row.cpu is None else number(row.cpu.mid, COST.digits)

    def newest(stack: str) -> str:
        row = cells.get((stack, python))
        if row is None or row.cpu is None:
            return NOTHING
        verdict = against_reference(family, row.cell, workload.reference)
        return f"{ms(stack, python)} ms" + ("" if verdict == NOTHING else f", {verdict}")

    *older, python = workload.pythons
    columns = [Column(f"{workload.name} on {python}", newest)]
    if older:
        columns.append(quantity(f"on {', '.join(older)}, ms", lambda stack: ", ".join(ms(stack, one) for one in older)))
    return columns


def _slots_sign(workload: WorkloadSummary, stack: str) -> str:
    return "" if many.has_slots_for(workload.name, stack) else f" {FEW_SLOTS}"


def told(family: Family, reference: Cell | None) -> list[Comparison]:
    """The comparisons of a family that a page has: all of a few stacks.

    Of many, whose pairs are hundreds: with the reference, with the row that one varies, and of a Python with the one
    before.
    """
    every = [one for one in family.compared if one.cell.control is None]
    if not many.is_many(len({one.cell.stack for one in every})):
        return every
    return [one for one in every if many.is_told_against(one.cell, one.other, reference)]


def verdict_table(
    family: Family, link: Callable[[Comparison], str] | None = None, reference: Cell | None = None
) -> Table[Comparison]:
    """The comparisons of a family that a page has; ``link`` says where a verdict is shown forming."""

    def verdict(one: Comparison) -> str:
        text = words.verdict(family.metric, one.effect, one.word)
        return text if link is None else Markup("[{}]({})").format(safe(text), link(one))

    return Table(
        (
            *CELL,
            name("against", lambda one: words.short(one.other, one.cell)),
            Column("verdict, with its simultaneous 95 % interval", verdict),
            Column("evidence", lambda one: words.standing(family.metric, one)),
            Column("caution", lambda one: one.caution or ""),
        ),
        told(family, reference),
        title=f"{family.workload}: {family.metric.title}",
        note="\n".join((words.explanation(family), *words.ranks(family))),
    )


def cause_table(found: Sequence[CauseCost]) -> Table[CauseCost]:
    """What each cause costs, cell by cell."""

    def workloads(one: CauseCost) -> str:
        cause = one.cause
        return cause.workload if cause.beside is None else f"{cause.workload} against {cause.beside}"

    def verdict(one: CauseCost) -> str:
        found = one.comparison
        return NOTHING if found is None else words.verdict(COST, found.effect, found.word)

    last = [place for place, one in enumerate(found[1:]) if one.cause != found[place].cause]
    return Table(
        (
            name("what", lambda one: one.cause.title),
            Column("workloads", workloads),
            *CELL,
            quantity("CPU per request, ms", lambda one: words.value(COST, one.ms)),
            Column("verdict", verdict),
            quantity("blocks", lambda one: str(one.blocks)),
        ),
        found,
        ends=last,
    )
