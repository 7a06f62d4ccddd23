"""Instructions per request: from what was counted to what the result file says, and what differs for sure. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from stackmatrix.analysis.callgrind import Costs, by_object
from stackmatrix.analysis.comparison.moderation import Spread, moderate
from stackmatrix.analysis.comparison.verdicts import SIGNIFICANCE, Difference, holm, p_beyond, t_interval
from stackmatrix.results.model import CostPart, InstructionCount

HEAVIEST = 12
"""Functions that are kept: on the stacks of the table they make half of the cost and more."""


def summarise(in_flight: int, requests: int, repeats: Sequence[Costs]) -> InstructionCount:
    """Instructions per request over the repeats, each of which counted ``requests`` requests.

    Raises:
        ValueError: when there is no repeat.

    """
    each = tuple(costs.total() / requests for costs in repeats)
    mean, low, high = t_interval(each)
    total = sum(repeats, Costs())
    per_request = 1 / (requests * len(repeats))
    parts = [CostPart(object=name, instructions=cost * per_request) for name, cost in by_object(total).most_common()]
    functions = [
        CostPart(object=function.object, function=function.name, instructions=cost * per_request)
        for function, cost in total.most_common(HEAVIEST)
    ]
    known = any(part.object for part in parts)
    return InstructionCount(
        in_flight=in_flight,
        requests=requests,
        repeats=each,
        mean=mean,
        low=low,
        high=high,
        objects=tuple(parts) if known else (),
        functions=tuple(functions) if known else (),
    )


MARGIN = 0.005
"""Ratios within half a per cent of one are called the same: where a path is longer, a count moves, too."""

type Word = Literal["fewer", "more", "same", "undecided", "counted once"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One count over another, with the 95 % interval of Student's t on the logarithms, and what may be said of it."""

    ratio: float
    low: float | None
    high: float | None
    word: Word


def compare(pairs: Sequence[tuple[InstructionCount, InstructionCount]]) -> tuple[Ratio, ...]:
    """The ratio of the first to the second count of each pair, all of them of one table: counted in the same way.

    Repeats of different cells do not belong together in any way, so they are not paired. How far those of one cell are
    apart is learned from all cells of the table; the words are corrected by Holm for all pairs together.
    """
    logs = {id(count): [math.log(value) for value in count.repeats] for pair in pairs for count in pair}
    spreads = dict(zip(logs, moderate(list(logs.values())), strict=True))
    differences = [_differ(*((logs[id(count)], spreads[id(count)]) for count in pair)) for pair in pairs]
    beyond = [p_beyond(one, MARGIN) for one in differences]
    corrected = iter(holm([p for p in beyond if p is not None]))
    ratios = []
    for one, p in zip(differences, beyond, strict=True):
        if p is None or one.low is None or one.high is None:
            ratios.append(Ratio(math.exp(one.mean), None, None, "counted once"))
            continue
        is_sure = next(corrected) <= SIGNIFICANCE
        word: Word = "undecided"
        if one.low > -MARGIN and one.high < MARGIN:
            word = "same"
        elif is_sure and (one.low > MARGIN or one.high < -MARGIN):
            word = "more" if one.mean > 0 else "fewer"
        ratios.append(Ratio(math.exp(one.mean), math.exp(one.low), math.exp(one.high), word))
    return tuple(ratios)


type Logs = tuple[Sequence[float], Spread | None]
"""The logarithms of a cell's repeats, and how far they are apart."""


def _differ(one: Logs, other: Logs) -> Difference:
    """The difference of two means. Both spreads are largely the same knowledge: the fewer degrees of freedom count."""
    (mine, spread), (theirs, their_spread) = one, other
    mean, repeats = fmean(mine) - fmean(theirs), min(len(mine), len(theirs))
    if spread is None or their_spread is None:
        return Difference(mean, None, 0, repeats, None, is_paired=False)
    error = math.sqrt(spread.variance / len(mine) + their_spread.variance / len(theirs))
    return Difference(mean, error, min(spread.freedom, their_spread.freedom), repeats, None, is_paired=False)
