"""The table that comes first, in the page and in the terminal: each cell with what people choose by. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from stackmatrix.analysis.comparison.compare import Compared, Family
from stackmatrix.analysis.metrics import COST_FIGURE, capacity_name
from stackmatrix.analysis.summary import REFERENCE_LEVEL, CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import HEADLINE_MS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import phrases
from stackmatrix.report.words import NOTHING, megabytes, number

RANKED_BY = {capacity_name(HEADLINE_MS): "capacity", "plateau": "plateau"}
"""The figures whose ranks may stand in the table, by how its heading names them: the one that ranks the most cells."""
COMPARED_BY = (COST_FIGURE.name, "cpu")
"""The figures whose verdicts may stand in the table, the surer one first; all have tables of their own."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what stands below it for a cell."""

    heading: str
    of: Callable[[CellSummary], str]
    is_number: bool = True


def columns(machine: MachineSummary, workload: WorkloadSummary) -> tuple[Column, ...]:
    """The columns of one workload; what was measured of no cell has none."""
    families = {family.figure.name: family for family in machine.families_of(workload.name) if family.run_id}
    named = [name for name in RANKED_BY if name in families]
    by = max(named, key=lambda name: len(families[name].ranks), default="plateau")
    compared = next((families[name] for name in COMPARED_BY if name in families), None)
    rate = WORKLOADS[workload.name].compare_rate if workload.name in WORKLOADS else 0.0
    always = (
        Column(f"rank by {RANKED_BY[by]}", lambda row: _rank(families.get(by), row.cell)),
        Column("stack", lambda row: row.cell.stack, is_number=False),
        Column("Python", lambda row: row.cell.python, is_number=False),
        Column("plateau, req/s", phrases.plateau),
        Column("limited by", _limiter, is_number=False),
        Column(f"arrivals/s with p99 within {HEADLINE_MS:g} ms", _capacity),
        Column(f"p95 above the floor at {rate:g}/s, ms", lambda row: _overhead(row, rate)),
        Column(f"CPU ms/request at {REFERENCE_LEVEL}", lambda row: number(row.reference_cpu_ms, 2)),
        Column("CPU ms/request side by side", lambda row: number(row.cost_ms, 2)),
        Column(f"against {REFERENCE_STACK}", lambda row: _against(compared, row.cell), is_number=False),
        Column("instructions, million", _instructions),
        Column("peak memory, MB", lambda row: megabytes(row.rss_bytes_peak)),
    )
    return tuple(one for one in always if any(one.of(row) != NOTHING for row in workload.shown))


def _rank(family: Family | None, cell: Cell) -> str:
    rank = family.ranks.get(cell) if family is not None else None
    return NOTHING if rank is None else str(rank)


def _limiter(row: CellSummary) -> str:
    if row.plateau is None:
        return NOTHING if row.state == "ok" and not row.trials else row.state
    return row.plateau.limiter or NOTHING


def _capacity(row: CellSummary) -> str:
    found = row.capacity.sustained if row.capacity is not None else ()
    return next((phrases.sustained(one) for one in found if one.slo_ms == HEADLINE_MS), NOTHING)


def _overhead(row: CellSummary, rate: float) -> str:
    level = row.level(f"rate={rate:g}")
    return number(level.overhead_p95_ms if level else None, 0)


def _instructions(row: CellSummary) -> str:
    """Alone, and with many in flight."""
    counts = row.instructions.counts if row.instructions is not None else ()
    return ", ".join(f"{number(one.mean / 1e6, 1)} at {one.in_flight}" for one in counts) or NOTHING


def _against(family: Family | None, cell: Cell) -> str:
    """The verdict on CPU per request."""
    if family is None:
        return NOTHING
    if cell.stack == REFERENCE_STACK:
        return "is the reference"
    found = next((one for one in family.compared if one.cell == cell and _is_reference(one)), None)
    return NOTHING if found is None else f"{phrases.word(family, found)}, {found.effect(family.figure)[0]:.2f} ×"


def _is_reference(one: Compared) -> bool:
    return one.other.stack == REFERENCE_STACK and one.other.python == one.cell.python
