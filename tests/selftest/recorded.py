"""The runs among recorded results that measured a cell twice in each block: the reference cell and its A/A twin."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stackmatrix import store
from stackmatrix.errors import ResultFileError
from stackmatrix.figures import Figure, figures_of
from stackmatrix.model import Cell, Result
from stackmatrix.plan import references
from stackmatrix.workloads import WORKLOADS


@dataclass(frozen=True, slots=True)
class TwinRun:
    """One workload of one run: all its cells, the reference cell and its twin."""

    machine: str
    run_id: str
    workload: str
    by_cell: Mapping[Cell, Result]
    reference: Result
    twin: Result

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that its cells are compared by."""
        known = WORKLOADS[self.workload]
        return figures_of(known.compare_rate, known.floor_ms)


def twin_runs() -> Iterator[TwinRun]:
    """Those below the folder that the command line names, which is ``results`` by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results").resolve()
    found: dict[tuple[str, str, str], dict[Cell, Result]] = {}
    for machine, result in store.read_results(folder):
        if not isinstance(result, ResultFileError) and len(result.trials) > 1:
            found.setdefault((machine, result.run.id, result.cell.workload), {})[result.cell] = result
    for (machine, run_id, workload), by_cell in found.items():
        (reference,) = references([cell for cell in by_cell if not cell.twin])
        twin = next((result for cell, result in by_cell.items() if cell.twin), None)
        if twin is not None and reference in by_cell:
            yield TwinRun(machine, run_id, workload, by_cell, by_cell[reference], twin)
