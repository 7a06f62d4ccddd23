"""Instruction counts compared: with the Python before, with the reference stack, and with CPU time. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from stackmatrix.analysis.comparison.contrasts import Contrast, declared, python_before, reference_of
from stackmatrix.analysis.comparison.inference import SIGNIFICANCE, Difference, holm, p_beyond
from stackmatrix.analysis.comparison.moderation import Variance, moderate
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.instructions import InstructionCount, Instructions

MARGIN = 0.005
"""Ratios within half a per cent of one are called the same: where a path is longer, a count moves, too."""

type CountWord = Literal["fewer", "more", "same", "undecided", "counted once"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One count over another, with the 95 % interval of Student's t on the logarithms, and the verdict."""

    ratio: float
    low: float | None
    high: float | None
    word: CountWord


@dataclass(frozen=True, slots=True)
class CountComparison:
    """A count over that of another cell."""

    other: Cell
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class CountRow:
    """One cell at one number of requests in flight."""

    cell: Cell
    count: InstructionCount
    python_before: CountComparison | None
    reference: CountComparison | None


def compare_counts(counted: Mapping[Cell, Instructions]) -> tuple[CountRow, ...]:
    """All counts of one workload's cells, in their order.

    Counts with another number of requests in flight are another metric: they are compared, and corrected, apart.
    """
    at_load: dict[int, dict[Cell, InstructionCount]] = {}
    for cell, one in counted.items():
        for count in one.counts:
            at_load.setdefault(count.in_flight, {})[cell] = count
    ratios: dict[int, dict[Contrast, Ratio]] = {}
    for in_flight, counts in at_load.items():
        contrasts = declared(counts)
        found = compare_pairs([(counts[cell], counts[other]) for cell, other in contrasts])
        ratios[in_flight] = dict(zip(contrasts, found, strict=True))

    def compared(cell: Cell, in_flight: int, other: Cell | None) -> CountComparison | None:
        ratio = None if other is None else ratios[in_flight].get((cell, other))
        return None if other is None or ratio is None else CountComparison(other, ratio)

    return tuple(
        CountRow(
            cell,
            count,
            compared(cell, count.in_flight, python_before(cell, at_load[count.in_flight])),
            compared(cell, count.in_flight, reference_of(cell)),
        )
        for cell, one in counted.items()
        for count in one.counts
    )


def compare_pairs(pairs: Sequence[tuple[InstructionCount, InstructionCount]]) -> tuple[Ratio, ...]:
    """The ratio of the first to the second count of each pair, all of them of one table: counted in the same way.

    Repeats of different cells do not belong together in any way, so they are not paired. How far those of one cell are
    apart is learned from all cells of the table; the verdicts are corrected by Holm for all pairs together.
    """
    logs = {id(count): [math.log(value) for value in count.repeats] for pair in pairs for count in pair}
    variances = dict(zip(logs, moderate(list(logs.values())), strict=True))
    differences = [_difference(*((logs[id(count)], variances[id(count)]) for count in pair)) for pair in pairs]
    beyond = [p_beyond(one, MARGIN) for one in differences]
    corrected = iter(holm([p for p in beyond if p is not None]))
    return tuple(
        _ratio(one, None if p is None else next(corrected)) for one, p in zip(differences, beyond, strict=True)
    )


def _ratio(one: Difference, p_holm: float | None) -> Ratio:
    if p_holm is None or one.low is None or one.high is None:
        return Ratio(math.exp(one.mean), None, None, "counted once")
    word: CountWord = "undecided"
    if one.low > -MARGIN and one.high < MARGIN:
        word = "same"
    elif p_holm <= SIGNIFICANCE and (one.low > MARGIN or one.high < -MARGIN):
        word = "more" if one.mean > 0 else "fewer"
    return Ratio(math.exp(one.mean), math.exp(one.low), math.exp(one.high), word)


type Logs = tuple[Sequence[float], Variance | None]
"""The logarithms of a cell's repeats, and their variance."""


def _difference(one: Logs, other: Logs) -> Difference:
    """The difference of two means. Both variances are largely the same knowledge: the fewer degrees of freedom hold."""
    (mine, variance), (theirs, their_variance) = one, other
    mean, repeats = fmean(mine) - fmean(theirs), min(len(mine), len(theirs))
    if variance is None or their_variance is None:
        return Difference(mean, None, 0, repeats, None, is_paired=False)
    error = math.sqrt(variance.variance / len(mine) + their_variance.variance / len(theirs))
    return Difference(mean, error, min(variance.freedom, their_variance.freedom), repeats, None, is_paired=False)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A cell's ratios to the reference stack on its Python: of CPU time per request, and of counts.

    ``instructions`` is by the number of requests in flight.
    """

    cell: Cell
    cpu: float
    instructions: Mapping[int, float]


def agree(cpu: Mapping[Cell, float], counted: Mapping[Cell, Instructions]) -> tuple[Agreement, ...]:
    """The cells whose ratio of CPU time to the reference is known, and that are counted as it is."""
    found = []
    for cell, one in counted.items():
        reference = reference_of(cell)
        if cell == reference or cell not in cpu or reference not in counted:
            continue
        mine, theirs = _means(one), _means(counted[reference])
        ratios = {in_flight: mine[in_flight] / theirs[in_flight] for in_flight in mine if in_flight in theirs}
        found.append(Agreement(cell, cpu[cell], ratios))
    return tuple(found)


def typical_gap(found: Iterable[Agreement], in_flight: int) -> float | None:
    """How far a ratio of CPU time typically is from that of counts: the median of their quotients, less one."""
    gaps = [abs(math.log(one.cpu / one.instructions[in_flight])) for one in found if in_flight in one.instructions]
    return math.expm1(median(gaps)) if gaps else None


def _means(one: Instructions) -> dict[int, float]:
    return {count.in_flight: count.mean for count in one.counts}
