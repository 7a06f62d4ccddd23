"""The columns of the table that comes first: each cell with what people choose by. Pure."""

from stackmatrix.analysis.comparison.compare import Family
from stackmatrix.analysis.comparison.contrasts import reference_of
from stackmatrix.analysis.metrics import CAPACITY, COST, CPU, PLATEAU, REFERENCE_LEVEL
from stackmatrix.analysis.samples import mid
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import HEADLINE_MS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import words
from stackmatrix.report.table import Column, name, quantity
from stackmatrix.report.words import NOTHING, megabytes, number

RANKED_BY = {CAPACITY.name: "capacity", PLATEAU: "plateau"}
"""The metrics whose ranks may stand in the table, by how its heading names them: the one that ranks the most cells."""
COMPARED_BY = (COST.name, CPU)
"""The metrics whose verdicts may stand in the table, the surer one first; all have tables of their own."""


def columns(machine: MachineSummary, workload: WorkloadSummary) -> tuple[Column[CellSummary], ...]:
    """The columns of one workload; what was measured of no cell has none."""
    families = machine.paired(workload.name)
    named = [metric for metric in RANKED_BY if metric in families]
    by = max(named, key=lambda metric: len(families[metric].ranks), default=PLATEAU)
    compared = next((families[metric] for metric in COMPARED_BY if metric in families), None)
    rate = WORKLOADS[workload.name].compare_rate if workload.name in WORKLOADS else 0.0
    always: tuple[Column[CellSummary], ...] = (
        quantity(f"rank by {RANKED_BY[by]}", lambda row: _rank(families.get(by), row.cell)),
        name("stack", lambda row: row.cell.stack),
        name("Python", lambda row: row.cell.python),
        quantity("plateau, req/s", words.plateau),
        name("limited by", _limiter),
        quantity(f"arrivals/s with p99 within {HEADLINE_MS:g} ms", lambda row: words.capacity(row, HEADLINE_MS)),
        quantity(f"p95 above the floor at {rate:g}/s, ms", lambda row: _overhead(row, rate)),
        quantity(f"CPU ms/request at {REFERENCE_LEVEL}", lambda row: number(row.reference_cpu_ms, 2)),
        quantity("CPU ms/request side by side", lambda row: number(row.cost.cpu_ms if row.cost else None, 2)),
        name(f"against {REFERENCE_STACK}", lambda row: _against(compared, row.cell)),
        quantity("instructions, million", _instructions),
        quantity("peak memory, MB", lambda row: megabytes(row.rss_bytes_peak)),
    )
    return tuple(one for one in always if any(one.of(row) != NOTHING for row in workload.shown))


def _rank(family: Family | None, cell: Cell) -> str:
    return str(family.ranks.get(cell, NOTHING)) if family is not None else NOTHING


def _limiter(row: CellSummary) -> str:
    if row.plateau is None:
        return NOTHING if row.state == "ok" and not row.trials else row.state
    return row.plateau.limiter or NOTHING


def _overhead(row: CellSummary, rate: float) -> str:
    level = row.level(f"rate={rate:g}")
    return number(mid(level.overhead_p95_ms) if level else None, 0)


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
    found = next((one for one in family.compared if one.cell == cell and one.other == reference_of(cell)), None)
    return NOTHING if found is None else f"{words.verdict(family, found)}, {found.effect(family.metric)[0]:.2f} ×"
