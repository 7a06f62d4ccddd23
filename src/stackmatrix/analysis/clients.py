"""What a client for every request costs against one that is shared: one stack and Python under two workloads. Pure.

The two workloads are not measured side by side, but in blocks that follow each other, so this comparison has a model of
its own: the mean of the logarithms of the ratios of blocks of the same run and round, with the interval of Student's t,
or where too few blocks belong together, the difference of the two means (Welch 1947). Most of its error is the unrest
of the machine from block to block, which all stacks share: the interval is of each comparison alone.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean, variance

import msgspec
from scipy import special

from stackmatrix.analysis.comparison.verdicts import Comparison, Estimate, Word
from stackmatrix.analysis.metrics import COST, Values
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.results.conditions import Conditions, differences
from stackmatrix.results.model import Result

CLIENT_PER_REQUEST, SHARED_CLIENT = "fanout", "fanout_shared_client"
CONFIDENCE = 0.95
FEWEST_BLOCKS = LOOKS[0]
"""As in every other comparison, nothing is said of fewer blocks."""


def compare_clients(results: Sequence[Result], void: Collection[str]) -> tuple[Comparison, ...]:
    """CPU time of each cell with a client per request, over that of the same cell with a shared one.

    Nothing is compared where the runs of one of the two workloads are in ``void``, or were not made alike.
    """
    by_cell = {result.cell: result for result in results if result.cell.control is None}
    compared = []
    for cell, result in by_cell.items():
        shared = by_cell.get(msgspec.structs.replace(cell, workload=SHARED_CLIENT))
        if cell.workload != CLIENT_PER_REQUEST or shared is None or {CLIENT_PER_REQUEST, SHARED_CLIENT} & set(void):
            continue
        if is_alike(result.conditions, shared.conditions):
            compared += _compare(cell, shared.cell, COST.of(result), COST.of(shared))
    return tuple(compared)


def is_alike(one: Conditions | None, other: Conditions | None) -> bool:
    """Whether two workloads were measured under the same conditions; their arrival rates differ by design."""
    if one is None or other is None:
        return False
    same_rate = (msgspec.structs.replace(each, cost_rate=None) for each in (one, other))
    return not differences(*same_rate)


def _compare(cell: Cell, other: Cell, mine: Values, theirs: Values) -> list[Comparison]:
    if not mine or not theirs:
        return []
    blocks, mean, half = _difference(mine, theirs)
    ends = (None, None) if half is None else (math.exp(mean - half), math.exp(mean + half))
    effect = Estimate(math.exp(mean), *ends)
    word = _word(effect)
    return [
        Comparison(
            cell=cell,
            other=other,
            effect=effect,
            word=word,
            blocks=blocks,
            decided_after=None if word == "undecided" else blocks,
            smallest_decidable=None if half is None else math.expm1(half),
            needed=None,
            looks=(),
        )
    ]


def _difference(mine: Values, theirs: Values) -> tuple[int, float, float | None]:
    """How many blocks are compared, the mean difference of logarithms, and half of its interval."""
    common = [key for key in mine if key in theirs]
    if len(common) >= FEWEST_BLOCKS:
        ratios = [math.log(mine[key] / theirs[key]) for key in common]
        error = math.sqrt(variance(ratios) / len(ratios))
        return len(common), fmean(ratios), _critical(len(common) - 1) * error
    one, two = _logs(mine), _logs(theirs)
    blocks = min(len(one), len(two))
    mean = fmean(one) - fmean(two)
    if blocks < FEWEST_BLOCKS:
        return blocks, mean, None
    parts = [variance(each) / len(each) for each in (one, two)]
    terms = sum(part**2 / (len(each) - 1) for part, each in zip(parts, (one, two), strict=True))
    freedom = sum(parts) ** 2 / terms if terms else 1.0
    return blocks, mean, _critical(freedom) * math.sqrt(sum(parts))


def _logs(values: Mapping[tuple[str, int, int], float]) -> list[float]:
    return [math.log(value) for value in values.values()]


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
