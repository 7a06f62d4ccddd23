"""The runs among recorded results that measured a cell twice in each block: the reference cell and its A/A twin."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stackmatrix.analysis.metrics import COST, Metric, metrics_of
from stackmatrix.errors import ResultFileError
from stackmatrix.matrix.cells import Cell, references
from stackmatrix.matrix.workloads import WORKLOADS, Workload
from stackmatrix.results import store
from stackmatrix.results.model import Result


@dataclass(frozen=True, slots=True)
class TwinRun:
    """One workload of one run: all its cells, the reference cell and its twin; ``figures`` are what it measured."""

    machine: str
    run_id: str
    workload: str
    figures: tuple[Metric, ...]
    by_cell: Mapping[Cell, Result]
    reference: Result
    twin: Result

    @property
    def blocks(self) -> int:
        """The most that any figure has."""
        return max(len(figure.of(self.reference)) for figure in self.figures)


type Key = tuple[str, str, str, tuple[Metric, ...]]


def twin_runs() -> Iterator[TwinRun]:
    """Those below the folder that the command line names, which is ``results`` by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results").resolve()
    found: dict[Key, dict[Cell, Result]] = {}
    for machine, result in store.read_results(folder):
        if not isinstance(result, ResultFileError):
            for run_id, figures in _runs(result):
                found.setdefault((machine, run_id, result.cell.workload, figures), {})[result.cell] = result
    for (machine, run_id, workload, figures), by_cell in found.items():
        (reference,) = references([cell for cell in by_cell if not cell.twin])
        twin = next((result for cell, result in by_cell.items() if cell.twin), None)
        if twin is not None and reference in by_cell:
            yield TwinRun(machine, run_id, workload, figures, by_cell, by_cell[reference], twin)


def _runs(result: Result) -> Iterator[tuple[str, tuple[Metric, ...]]]:
    """The runs that a cell's file has repeated figures of."""
    known = WORKLOADS[result.cell.workload]
    if len(result.trials) > 1 and result.run is not None:
        yield result.run.id, figures_of_workload(known)
    if result.cost is not None and len(result.cost.blocks) > 1:
        yield result.cost.run_id, (COST,)


@cache
def figures_of_workload(workload: Workload) -> tuple[Metric, ...]:
    """The figures of trials, the same ones for all files of a workload."""
    return metrics_of(workload.compare_rate, workload.floor_ms)
