"""Which results of different runs may be compared: like with like only. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stackmatrix.analysis.comparison.contrasts import Contrast, declared
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.workloads import WORKLOADS, Workload
from stackmatrix.results.model import Result
from stackmatrix.results.trials import Run


@dataclass(frozen=True, slots=True)
class Refusal:
    """A contrast of two cells of different runs that were not made alike, and what they differ in."""

    cell: Cell
    other: Cell
    differs: tuple[str, ...]


def run_of(result: Result) -> Run:
    """The run of a result with trials."""
    assert result.run is not None
    return result.run


def repeated(results: Iterable[Result], workloads: Mapping[str, Workload] = WORKLOADS) -> dict[str, dict[Cell, Result]]:
    """The results with several trials, by workload and cell, of the workloads that are known by name."""
    found: dict[str, dict[Cell, Result]] = {}
    for result in results:
        if len(result.trials) > 1 and result.cell.workload in workloads:
            found.setdefault(result.cell.workload, {})[result.cell] = result
    return found


def across_runs(results: Mapping[Cell, Result]) -> list[Contrast]:
    """The contrasts whose two cells were measured in different runs."""
    cells = [cell for cell in results if not cell.twin]
    return [(one, two) for one, two in declared(cells) if run_of(results[one]).id != run_of(results[two]).id]


def unlike(one: Result, other: Result) -> tuple[str, ...]:
    """What makes two results of one machine's folder incomparable; empty when nothing does."""
    runs, machines = (run_of(one), run_of(other)), (one.machine, other.machine)
    kinds: dict[str, list[object]] = {
        "the processor": [(each.cpu_model, each.cpu_id) for each in machines],
        "the cores": [each.cores for each in machines],
        "the kernel": [each.kernel for each in machines],
        "the pinning": [each.pinning for each in machines],
        "the ladder": [each.ladder for each in runs],
        "the window": [(each.window_s, each.settle_s, each.warmup_s) for each in runs],
        "the load processes": [each.generators for each in runs],
        "the tool environment": [each.tool_lock_sha256 for each in runs],
    }
    return tuple(name for name, (mine, theirs) in kinds.items() if mine != theirs)


def refuse(results: Iterable[Result]) -> tuple[Refusal, ...]:
    """The contrasts that are not compared, since the two cells were not made alike."""
    return tuple(
        Refusal(cell, other, differs)
        for by_cell in repeated(results).values()
        for cell, other in across_runs(by_cell)
        if (differs := unlike(by_cell[cell], by_cell[other]))
    )
