"""What each cause costs: one stack and Python under two workloads that differ in it. Pure.

The two workloads are not measured side by side, but in blocks that follow each other, so this comparison has a model of
its own: the mean of the logarithms of the ratios of blocks of the same run and round, with the interval of Student's t,
or where too few blocks belong together, the difference of the two means (Welch 1947). Most of its error is the unrest
of the machine from block to block, which all stacks share: the interval is of each comparison alone. The difference in
ms is that of the same blocks, with an interval made alike.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import msgspec
from scipy import special

from stackmatrix.analysis.comparison.verdicts import Comparison, Estimate, Word, bounded
from stackmatrix.analysis.metrics import COST, Values
from stackmatrix.matrix.causes import CAUSES, Cause
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.blocks import BlockKey
from stackmatrix.results.conditions import Conditions, differences
from stackmatrix.results.model import Result

CONFIDENCE = 0.95
FEWEST_BLOCKS = LOOKS[0]
"""As in every other comparison, nothing is said of fewer blocks."""


@dataclass(frozen=True, slots=True)
class CauseCost:
    """What a cause costs in one cell: ``ms`` of CPU time per request, with the interval where there is one.

    ``comparison`` has the ratio to the cell without it and its word, but for a cause that is all that a workload costs.
    """

    cause: Cause
    cell: Cell
    ms: Estimate
    blocks: int
    comparison: Comparison | None


def cost_causes(results: Sequence[Result], void: Collection[str]) -> tuple[CauseCost, ...]:
    """What each cause costs in each cell that was measured with it and without.

    Nothing is said where the runs of one of the two workloads are in ``void``, or were not made alike.
    """
    by_cell = {result.cell: result for result in results if result.cell.control is None}
    found = []
    for cause in CAUSES:
        if {cause.workload, cause.beside} & set(void):
            continue
        for cell, result in by_cell.items():
            if cell.workload == cause.workload:
                found += _cost(cause, result, by_cell)
    return tuple(found)


def _cost(cause: Cause, result: Result, by_cell: Mapping[Cell, Result]) -> list[CauseCost]:
    mine = COST.of(result)
    if not mine:
        return []
    if cause.beside is None:
        return [CauseCost(cause, result.cell, _estimate([*mine.values()]), len(mine), None)]
    other = by_cell.get(msgspec.structs.replace(result.cell, workload=cause.beside))
    if other is None or not (theirs := COST.of(other)) or not is_alike(result, other):
        return []
    comparison = _compare(result.cell, other.cell, mine, theirs)
    return [CauseCost(cause, result.cell, _difference(mine, theirs)[1], comparison.blocks, comparison)]


def is_alike(one: Result, other: Result) -> bool:
    """Whether two workloads were measured under the same conditions, but for what differs by design.

    By design each has an arrival rate of its own, and variables that it gives its targets.
    """
    if one.conditions is None or other.conditions is None:
        return False
    return not differences(_shared(one.conditions, one.cell), _shared(other.conditions, other.cell))


def _shared(conditions: Conditions, cell: Cell) -> Conditions:
    workload = WORKLOADS.get(cell.workload)
    own = {name for name, _ in workload.variables} if workload is not None else set()
    given = tuple(name for name in conditions.environment.variables if name not in own)
    environment = msgspec.structs.replace(conditions.environment, variables=given)
    return msgspec.structs.replace(conditions, environment=environment, cost_rate=None)


def _compare(cell: Cell, other: Cell, mine: Values, theirs: Values) -> Comparison:
    blocks, logs = _difference(mine, theirs, math.log)
    ends = (None if end is None else math.exp(bounded(end)) for end in (logs.low, logs.high))
    effect = Estimate(math.exp(bounded(logs.mid)), *ends)
    word = _word(effect)
    return Comparison(
        cell=cell,
        other=other,
        effect=effect,
        word=word,
        blocks=blocks,
        decided_after=None if word == "undecided" else blocks,
        smallest_decidable=None if logs.high is None else math.expm1(bounded(logs.high - logs.mid)),
        needed=None,
        looks=(),
    )


def _difference(mine: Values, theirs: Values, of: Callable[[float], float] = float) -> tuple[int, Estimate]:
    """How many blocks are compared, and the mean difference of what they are ``of``, with its interval."""
    common: list[BlockKey] = [key for key in mine if key in theirs]
    if len(common) >= FEWEST_BLOCKS:
        return len(common), _estimate([of(mine[key]) - of(theirs[key]) for key in common])
    one, two = ([of(value) for value in values.values()] for values in (mine, theirs))
    blocks, mean = min(len(one), len(two)), fmean(one) - fmean(two)
    if blocks < FEWEST_BLOCKS:
        return blocks, Estimate(mean, None, None)
    parts = [variance(each) / len(each) for each in (one, two)]
    terms = sum(part**2 / (len(each) - 1) for part, each in zip(parts, (one, two), strict=True))
    freedom = sum(parts) ** 2 / terms if terms else 1.0
    half = _critical(freedom) * math.sqrt(sum(parts))
    return blocks, Estimate(mean, mean - half, mean + half)


def _estimate(values: Sequence[float]) -> Estimate:
    """The mean, with its interval where there are enough values."""
    mean = fmean(values)
    if len(values) < FEWEST_BLOCKS:
        return Estimate(mean, None, None)
    half = _critical(len(values) - 1) * math.sqrt(variance(values) / len(values))
    return Estimate(mean, mean - half, mean + half)


def _critical(freedom: float) -> float:
    """The quantile of Student's t for a two-sided interval."""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _word(effect: Estimate) -> Word:
    """What may be said of a ratio of CPU times, as everywhere: *same* where it lies within what matters."""
    if effect.low is None or effect.high is None:
        return "undecided"
    if 1 - COST.matters < effect.low and effect.high < 1 + COST.matters:
        return "same"
    if effect.low > 1:
        return "worse"
    return "better" if effect.high < 1 else "undecided"
