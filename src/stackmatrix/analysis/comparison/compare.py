"""The contrasts of one machine's results, judged in families: one workload by one metric, corrected together. Pure.

Only trials of one run are paired, block by block: they met the same moments of the same machine with the same load.
Cells of different runs are compared unpaired where the runs were alike, else not at all, with what they differ in.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median, stdev

from stackmatrix.analysis.comparison.comparability import across_runs, repeated, run_of, unlike
from stackmatrix.analysis.comparison.contrasts import Contrast, declared
from stackmatrix.analysis.comparison.inference import Difference, differ, differ_unpaired, log_ratios
from stackmatrix.analysis.comparison.verdicts import Verdict, judge_all, margin_of
from stackmatrix.analysis.metrics import CAPACITIES, COST, Metric, metrics_of
from stackmatrix.matrix.cells import Cell, python_key, references
from stackmatrix.matrix.workloads import WORKLOADS, Workload
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.model import Result


@dataclass(frozen=True, slots=True)
class Comparison:
    """A contrast with its verdict."""

    cell: Cell
    other: Cell
    verdict: Verdict

    def effect(self, metric: Metric) -> tuple[float, float | None, float | None]:
        """The ratio of the cell to the other, or their difference, and the ends of its interval."""
        one = self.verdict.difference
        if metric.is_difference:
            return one.mean, one.low, one.high
        low, high = (None if end is None else math.exp(end) for end in (one.low, one.high))
        return math.exp(one.mean), low, high


@dataclass(frozen=True, slots=True)
class Family:
    """All comparisons of one workload by one metric, corrected together.

    ``run_id`` is ``None`` where they are of different runs, and so are not paired. ``noise`` is the standard deviation
    of what the reference cell differs from its twin, over ``twin_blocks`` blocks. ``ranks`` are among the stacks on one
    Python, one more than the number of stacks that are better for sure: stacks that nothing tells apart share a rank.
    """

    workload: str
    run_id: str | None
    metric: Metric
    medians: Mapping[Cell, float]
    noise: float | None
    twin_blocks: int
    margin: float
    compared: tuple[Comparison, ...]
    ranks: Mapping[Cell, int]

    @property
    def is_shown(self) -> bool:
        """Whether it has a table of its own: a metric that is known of one cell only is compared with nothing."""
        return bool(self.compared) and not self.metric.is_minor


def compare_results(results: Sequence[Result], workloads: Mapping[str, Workload] = WORKLOADS) -> tuple[Family, ...]:
    """Every family of every run among one machine's results that has at least two blocks, in the order of the runs.

    After them, for each workload, what is of different runs of the same kind; at the end costs side by side and
    capacities, which have runs of their own and are compared within them only. ``workloads`` says what the names in the
    results stand for: the project's own, or those that a run measures.
    """
    families: list[Family | None] = []
    for workload, by_cell in repeated(results, workloads).items():
        metrics = metrics_of(workloads[workload].compare_rate, workloads[workload].floor_ms)
        runs = sorted({run_of(one).id: run_of(one) for one in by_cell.values()}.values(), key=lambda run: run.started)
        for run in runs:
            of_run = {cell: result for cell, result in by_cell.items() if run_of(result).id == run.id}
            families += [_compare(metric, of_run, run.id) for metric in metrics]
        families += [_compare_runs(metric, by_cell, [one for one in families if one]) for metric in metrics]
    families += _compare_parts(((one, one.cost) for one in results), (COST,))
    families += _compare_parts(((one, one.capacity) for one in results), CAPACITIES)
    return tuple(family for family in families if family is not None)


def _compare_parts(parts: Iterable[tuple[Result, Cost | Capacity | None]], metrics: Sequence[Metric]) -> list[Family]:
    """The families of what was measured apart from the trials, in runs of its own."""
    by_run: dict[tuple[str, str], dict[Cell, Result]] = {}
    for result, part in parts:
        if part is not None:
            by_run.setdefault((result.cell.workload, part.run_id), {})[result.cell] = result
    compared = [_compare(metric, of_run, run_id) for (_, run_id), of_run in by_run.items() for metric in metrics]
    return [family for family in compared if family is not None and family.compared]


def imprecise(families: Iterable[Family]) -> tuple[str, ...]:
    """The metrics that a run which stops on precision has still to wait for, by workload and title.

    What the intervals say plays no part in it: to stop on significance would find differences that are not there.
    """
    return tuple(
        f"{family.workload}: {family.metric.title}"
        for family in families
        if family.metric.precision is not None
        if any(not _is_precise(one, family.metric.precision) for one in family.compared)
    )


def _is_precise(one: Comparison, precision: float) -> bool:
    difference = one.verdict.difference
    return difference.high is not None and difference.high - difference.mean <= precision


def _compare(metric: Metric, results: Mapping[Cell, Result], run_id: str) -> Family | None:
    """One family of one run, paired by block; ``None`` when the metric is known of no cell."""
    by_block = _values(metric, results)
    if not by_block:
        return None
    (reference,) = references([cell for cell in results if not cell.twin])
    twins = next((metric.of(result) for cell, result in results.items() if cell.twin), {})
    twin = differences(metric, twins, by_block.get(reference, {}))
    margin = margin_of(twin, metric.least_margin)

    def judge(pairs: Iterable[Contrast]) -> tuple[Comparison, ...]:
        found = [(one, two, differences(metric, by_block[one], by_block[two])) for one, two in pairs]
        return _judge(metric, margin, [(one, two, differ(values)) for one, two, values in found if values])

    return Family(
        workload=reference.workload,
        run_id=run_id,
        metric=metric,
        medians=_medians(by_block),
        noise=stdev(twin) if len(twin) > 1 else None,
        twin_blocks=len(twin),
        margin=margin,
        compared=judge(declared(by_block)),
        ranks=_rank(by_block, judge),
    )


def _compare_runs(metric: Metric, results: Mapping[Cell, Result], families: Iterable[Family]) -> Family | None:
    """What is of different runs that are alike, unpaired; its margin is the widest of those runs."""
    by_block = _values(metric, results)
    across = across_runs({cell: results[cell] for cell in by_block})
    pairs = [(one, other) for one, other in across if not unlike(results[one], results[other])]
    if not pairs:
        return None
    runs = {run_of(results[cell]).id for pair in pairs for cell in pair}
    kind = (pairs[0][0].workload, metric.name)
    of_runs = [one for one in families if one.run_id in runs and (one.workload, one.metric.name) == kind]
    widest = max(of_runs, key=lambda one: one.margin)

    def values(cell: Cell) -> list[float]:
        every = by_block[cell].values()
        return list(every) if metric.is_difference else [math.log(value) for value in every]

    contrasts = [(one, other, differ_unpaired(values(one), values(other))) for one, other in pairs]
    compared = _judge(metric, widest.margin, contrasts)
    return replace(widest, run_id=None, medians=_medians(by_block), compared=compared, ranks={})


def _judge(metric: Metric, margin: float, found: Sequence[tuple[Cell, Cell, Difference]]) -> tuple[Comparison, ...]:
    verdicts = judge_all([one for _, _, one in found], margin, higher_is_better=metric.higher_is_better)
    return tuple(Comparison(cell, other, verdict) for (cell, other, _), verdict in zip(found, verdicts, strict=True))


def _rank(cells: Iterable[Cell], judge: Callable[[Iterable[Contrast]], tuple[Comparison, ...]]) -> dict[Cell, int]:
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


def _values(metric: Metric, results: Mapping[Cell, Result]) -> dict[Cell, dict[int, float]]:
    """The metric by cell and block, of the cells that have it; not of twins."""
    found = {cell: metric.of(result) for cell, result in results.items() if not cell.twin}
    return {cell: values for cell, values in found.items() if values}


def _medians(by_block: Mapping[Cell, Mapping[int, float]]) -> dict[Cell, float]:
    return {cell: median(values.values()) for cell, values in by_block.items()}


def differences(metric: Metric, cell: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, ...]:
    """What the cell differs from the other by in each block that has both: logarithms of ratios, or differences."""
    blocks = sorted(cell.keys() & other.keys())
    one, two = [cell[block] for block in blocks], [other[block] for block in blocks]
    if metric.is_difference:
        return tuple(mine - theirs for mine, theirs in zip(one, two, strict=True))
    return log_ratios(one, two)
