"""Which cells are compared, by which figures, and what may be said: a run's declared comparisons. Pure.

Only trials of one run are paired, block by block: they met the same moments of the same machine with the same load.
Cells of different runs are compared unpaired where the runs were alike, else not at all, with what they differ in.
Declared before the run are each stack against the reference stack on the same Python, and each stack on a Python
against the Python before; they are corrected together for each figure and workload.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median, stdev

from stackmatrix.analysis.comparison.verdicts import (
    Difference,
    Verdict,
    differ,
    differ_unpaired,
    judge_all,
    log_ratios,
    margin_of,
)
from stackmatrix.analysis.metrics import CAPACITY_FIGURES, COST_FIGURE, Figure, figures_of
from stackmatrix.matrix.cells import Cell, python_key, references
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.model import Result, Run

type Pairs = Iterable[tuple[Cell, Cell]]


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

    ``run_id`` is ``None`` where they are of different runs, and so are not paired. ``noise`` is the standard deviation
    of what the reference cell differs from its twin, over ``twin_blocks`` blocks. ``ranks`` are among the stacks on one
    Python, one more than the number of stacks that are better for sure: who cannot be told apart shares a rank.
    """

    workload: str
    run_id: str | None
    figure: Figure
    medians: Mapping[Cell, float]
    noise: float | None
    twin_blocks: int
    margin: float
    compared: tuple[Compared, ...]
    ranks: Mapping[Cell, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """A declared comparison of two cells of different runs that are not alike, and what they differ in."""

    cell: Cell
    other: Cell
    differs: tuple[str, ...]


def compare_results(results: Sequence[Result]) -> tuple[Family, ...]:
    """Every family of every run among one machine's results, that has at least two blocks; in the order of the runs.

    After them, for each workload, what is of different runs of the same kind; at the end costs side by side and
    capacities, which have runs of their own and are compared within them only.
    """
    families = []
    repeated = _repeated(results)
    runs = {run.id: run for run in sorted(map(_run_of, repeated), key=lambda one: one.started)}
    for workload, figures in _workloads(repeated):
        alike = {result.cell: result for result in repeated if result.cell.workload == workload}
        for run_id in runs:
            of_run = {cell: result for cell, result in alike.items() if _run_of(result).id == run_id}
            families += [_compare(figure, of_run, run_id) for figure in figures]
        families += [_compare_runs(figure, alike, [one for one in families if one]) for figure in figures]
    families += _compare_parts(((one, one.cost) for one in results), (COST_FIGURE,))
    families += _compare_parts(((one, one.capacity) for one in results), CAPACITY_FIGURES)
    return tuple(family for family in families if family is not None)


def _compare_parts(parts: Iterable[tuple[Result, Cost | Capacity | None]], figures: Sequence[Figure]) -> list[Family]:
    """What was measured beside the trials, in runs of its own."""
    by_run: dict[tuple[str, str], dict[Cell, Result]] = {}
    for result, part in parts:
        if part is not None:
            by_run.setdefault((result.cell.workload, part.run_id), {})[result.cell] = result
    compared = [_compare(figure, of_run, run_id) for (_, run_id), of_run in by_run.items() for figure in figures]
    return [family for family in compared if family is not None and family.compared]


def refuse(results: Sequence[Result]) -> tuple[Refused, ...]:
    """The declared comparisons that are not made, since the two were not made alike."""
    found = []
    repeated = _repeated(results)
    for workload, _ in _workloads(repeated):
        of_one = [result for result in repeated if result.cell.workload == workload and not result.cell.twin]
        alike = {result.cell: result for result in of_one}
        found += [
            Refused(cell, other, differs)
            for cell, other in _across_runs(alike)
            if (differs := unlike(alike[cell], alike[other]))
        ]
    return tuple(found)


def unlike(one: Result, other: Result) -> tuple[str, ...]:
    """What two results of one machine's folder differ in that makes a comparison meaningless; empty when nothing."""
    runs, machines = (_run_of(one), _run_of(other)), (one.machine, other.machine)
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


def _run_of(result: Result) -> Run:
    """The run of a result with trials."""
    assert result.run is not None
    return result.run


def _repeated(results: Iterable[Result]) -> list[Result]:
    return [result for result in results if len(result.trials) > 1]


def _workloads(results: Iterable[Result]) -> list[tuple[str, tuple[Figure, ...]]]:
    """The workloads that this version of the project knows, with their figures."""
    names = dict.fromkeys(result.cell.workload for result in results)
    known = {name: WORKLOADS[name] for name in names if name in WORKLOADS}
    return [(name, figures_of(row.compare_rate, row.floor_ms)) for name, row in known.items()]


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
    """One family of one run, paired by block; ``None`` when no cell has the figure."""
    all_values = {cell: figure.of(result) for cell, result in results.items()}
    by_block = {cell: values for cell, values in all_values.items() if values and not cell.twin}
    if not by_block:
        return None
    (reference,) = references([cell for cell in results if not cell.twin])
    twins = next((values for cell, values in all_values.items() if cell.twin), {})
    twin = _differences(figure, twins, by_block.get(reference, {}))
    margin = margin_of(twin, figure.least_margin)

    def judge(pairs: Pairs) -> tuple[Compared, ...]:
        found = [(one, two, _differences(figure, by_block[one], by_block[two])) for one, two in pairs]
        return _judge(figure, margin, [(one, two, differ(values)) for one, two, values in found if values])

    return Family(
        workload=reference.workload,
        run_id=run_id,
        figure=figure,
        medians=_medians(by_block),
        noise=stdev(twin) if len(twin) > 1 else None,
        twin_blocks=len(twin),
        margin=margin,
        compared=judge(_declared(by_block)),
        ranks=_rank(by_block, judge),
    )


def _compare_runs(figure: Figure, results: Mapping[Cell, Result], families: Iterable[Family]) -> Family | None:
    """What is of different runs that are alike, unpaired; its margin is the widest of those runs."""
    all_values = {cell: figure.of(result) for cell, result in results.items() if not cell.twin}
    by_block = {cell: values for cell, values in all_values.items() if values}
    across = _across_runs({cell: results[cell] for cell in by_block})
    pairs = [(one, other) for one, other in across if not unlike(results[one], results[other])]
    if not pairs:
        return None
    runs = {_run_of(results[cell]).id for pair in pairs for cell in pair}
    kind = (pairs[0][0].workload, figure.name)
    of_runs = [one for one in families if one.run_id in runs and (one.workload, one.figure.name) == kind]
    widest = max(of_runs, key=lambda one: one.margin)

    def values(cell: Cell) -> list[float]:
        every = by_block[cell].values()
        return list(every) if figure.is_difference else [math.log(value) for value in every]

    declared = [(one, other, differ_unpaired(values(one), values(other))) for one, other in pairs]
    compared = _judge(figure, widest.margin, declared)
    return replace(widest, run_id=None, medians=_medians(by_block), compared=compared, ranks={})


def _judge(figure: Figure, margin: float, declared: Sequence[tuple[Cell, Cell, Difference]]) -> tuple[Compared, ...]:
    verdicts = judge_all([one for _, _, one in declared], margin, higher_is_better=figure.higher_is_better)
    return tuple(Compared(cell, other, verdict) for (cell, other, _), verdict in zip(declared, verdicts, strict=True))


def _rank(cells: Iterable[Cell], judge: Callable[[Pairs], tuple[Compared, ...]]) -> dict[Cell, int]:
    """The ranks of stacks on the same Python; all pairs of a Python are corrected together. Empty without a claim."""
    ranks: dict[Cell, int] = {}
    known = list(cells)
    for python in sorted({cell.python for cell in known}, key=python_key):
        stacks = [cell for cell in known if cell.python == python]
        compared = judge(combinations(stacks, 2))
        words = {one.verdict.word for one in compared}
        if not words or "not enough blocks" in words:
            continue
        beaten = [one.cell for one in compared if one.verdict.word == "slower"]
        beaten += [one.other for one in compared if one.verdict.word == "faster"]
        ranks |= {cell: 1 + beaten.count(cell) for cell in stacks}
    return ranks


def _medians(by_block: Mapping[Cell, Mapping[int, float]]) -> dict[Cell, float]:
    return {cell: median(values.values()) for cell, values in by_block.items()}


def _across_runs(results: Mapping[Cell, Result]) -> list[tuple[Cell, Cell]]:
    """The declared pairs whose two cells were measured in different runs."""
    return [(one, two) for one, two in _declared(results) if _run_of(results[one]).id != _run_of(results[two]).id]


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
