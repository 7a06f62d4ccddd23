"""Which cells are compared, by which figures, and what may be said: a run's declared comparisons. Pure.

Only trials of one run are paired, block by block: they met the same moments of the same machine with the same load.
Declared before the run are each stack against the reference stack on the same Python, and each stack on a Python
against the Python before; they are corrected together for each figure and workload.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, stdev

from stackmatrix.figures import Figure, figures_of
from stackmatrix.model import Cell, Result, Trial
from stackmatrix.plan import python_key, references
from stackmatrix.stacks import REFERENCE_STACK
from stackmatrix.verdicts import Verdict, differ, judge_all, log_ratios, margin_of
from stackmatrix.workloads import WORKLOADS


@dataclass(frozen=True, slots=True)
class Compared:
    """One declared comparison of a cell with another."""

    cell: Cell
    other: Cell
    verdict: Verdict

    def effect(self, figure: Figure) -> tuple[float, float | None, float | None]:
        """The ratio of the cell to the other, or their difference, and the ends of its interval."""
        one = self.verdict.difference
        if figure.is_difference:
            return one.mean, one.low, one.high
        low, high = (None if end is None else math.exp(end) for end in (one.low, one.high))
        return math.exp(one.mean), low, high


@dataclass(frozen=True, slots=True)
class Family:
    """All comparisons of one workload by one figure, corrected together.

    ``noise`` is the standard deviation of what the reference cell differs from its twin, over ``twin_blocks`` blocks.
    """

    workload: str
    run_id: str
    figure: Figure
    medians: Mapping[Cell, float]
    noise: float | None
    twin_blocks: int
    margin: float
    compared: tuple[Compared, ...]


def compare_results(results: Sequence[Result]) -> tuple[Family, ...]:
    """Every family of every run among one machine's results, that has at least two blocks; in the order of the runs."""
    families = []
    runs = {result.run.id: result.run for result in sorted(results, key=lambda one: one.run.started)}
    for run_id in runs:
        of_run = [result for result in results if result.run.id == run_id and len(result.trials) > 1]
        for workload in dict.fromkeys(result.cell.workload for result in of_run):
            alike = {result.cell: result for result in of_run if result.cell.workload == workload}
            row = WORKLOADS.get(workload)
            if row is None:
                continue  # of another version of this project
            families += [
                family
                for figure in figures_of(row.compare_rate, row.floor_ms)
                if (family := _compare(figure, alike, run_id)) is not None
            ]
    return tuple(families)


def imprecise(families: Iterable[Family]) -> tuple[str, ...]:
    """The figures that a run which stops on precision has still to wait for, by workload and name.

    What the intervals say plays no part in it: to stop on significance would find differences that are not there.
    """
    return tuple(
        f"{family.workload}: {family.figure.title}"
        for family in families
        if family.figure.precision is not None
        if any(not _is_precise(one, family.figure.precision) for one in family.compared)
    )


def _is_precise(one: Compared, precision: float) -> bool:
    difference = one.verdict.difference
    return difference.high is not None and difference.high - difference.mean <= precision


def _compare(figure: Figure, results: Mapping[Cell, Result], run_id: str) -> Family | None:
    """One family; ``None`` when no cell has the figure."""
    all_values = {cell: _values(figure, result.trials) for cell, result in results.items()}
    by_block = {cell: values for cell, values in all_values.items() if values and not cell.twin}
    if not by_block:
        return None
    (reference,) = references([cell for cell in results if not cell.twin])
    twins = next((values for cell, values in all_values.items() if cell.twin), {})
    twin = _differences(figure, twins, by_block.get(reference, {}))
    margin = margin_of(twin, figure.least_margin)
    declared = [
        (cell, other, values)
        for cell, other in _declared(by_block)
        if (values := _differences(figure, by_block[cell], by_block[other]))
    ]
    verdicts = judge_all(
        [differ(values) for _, _, values in declared], margin, higher_is_better=figure.higher_is_better
    )
    return Family(
        workload=reference.workload,
        run_id=run_id,
        figure=figure,
        medians={cell: median(values.values()) for cell, values in by_block.items()},
        noise=stdev(twin) if len(twin) > 1 else None,
        twin_blocks=len(twin),
        margin=margin,
        compared=tuple(
            Compared(cell, other, verdict) for (cell, other, _), verdict in zip(declared, verdicts, strict=True)
        ),
    )


def _values(figure: Figure, trials: Iterable[Trial]) -> dict[int, float]:
    """The figure of each block that has it."""
    return {trial.block: value for trial in trials if (value := figure.of(trial)) is not None}


def _differences(figure: Figure, cell: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, ...]:
    """What the cell differs from the other by in each block that has both."""
    blocks = sorted(cell.keys() & other.keys())
    one, two = [cell[block] for block in blocks], [other[block] for block in blocks]
    if figure.is_difference:
        return tuple(mine - theirs for mine, theirs in zip(one, two, strict=True))
    return log_ratios(one, two)


def _declared(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Each cell with the reference stack's, and with the same stack's on the Python before."""
    known = list(cells)
    pairs = []
    for cell in known:
        reference = Cell(stack=REFERENCE_STACK, python=cell.python, workload=cell.workload)
        if reference != cell and reference in known:
            pairs.append((cell, reference))
        older = [one for one in known if one.stack == cell.stack and python_key(one.python) < python_key(cell.python)]
        if older:
            pairs.append((cell, max(older, key=lambda one: python_key(one.python))))
    return pairs
