"""Instructions per request: from what was counted to what the result file says, and what differs for sure. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

from scipy import stats

from stackmatrix.callgrind import Costs, by_object
from stackmatrix.model import InstructionCount, Part
from stackmatrix.verdicts import CONFIDENCE, SIGNIFICANCE, holm, t_interval

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
    parts = [Part(object=name, instructions=cost * per_request) for name, cost in by_object(total).most_common()]
    functions = [
        Part(object=function.object, function=function.name, instructions=cost * per_request)
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
    """One count over another, with the 95 % interval of Welch's t on the logarithms, and what may be said of it."""

    ratio: float
    low: float | None
    high: float | None
    word: Word


@dataclass(frozen=True, slots=True)
class _Welch:
    """Difference of two means of logarithms, its standard error and degrees of freedom (Welch 1947)."""

    mean: float
    error: float
    freedom: float

    @classmethod
    def of(cls, one: InstructionCount, other: InstructionCount) -> "_Welch":
        logs = [[math.log(value) for value in count.repeats] for count in (one, other)]
        parts = [variance(each) / len(each) for each in logs]
        error = math.sqrt(sum(parts))
        terms = sum(part**2 / (len(each) - 1) for part, each in zip(parts, logs, strict=True))
        return cls(fmean(logs[0]) - fmean(logs[1]), error, sum(parts) ** 2 / terms if terms else 1.0)

    @property
    def half(self) -> float:
        """Half of the interval."""
        return float(stats.t.ppf((1 + CONFIDENCE) / 2, self.freedom)) * self.error

    @property
    def p_beyond(self) -> float:
        """One-sided p that the difference is beyond the margin."""
        beyond = abs(self.mean) - MARGIN
        if self.error == 0:
            return 0.0 if beyond > 0 else 1.0
        return float(stats.t.sf(beyond / self.error, self.freedom))


def compare(pairs: Sequence[tuple[InstructionCount, InstructionCount]]) -> tuple[Ratio, ...]:
    """The ratio of the first to the second count of each pair; the words are corrected by Holm for all pairs together.

    Repeats of different cells do not belong together in any way, so they are not paired.
    """
    once = [min(len(count.repeats) for count in pair) < 2 for pair in pairs]
    tests = [None if few else _Welch.of(*pair) for pair, few in zip(pairs, once, strict=True)]
    corrected = iter(holm([test.p_beyond for test in tests if test is not None]))
    ratios = []
    for (one, other), test in zip(pairs, tests, strict=True):
        if test is None:
            ratios.append(Ratio(one.mean / other.mean, None, None, "counted once"))
            continue
        low, high = test.mean - test.half, test.mean + test.half
        is_sure = next(corrected) <= SIGNIFICANCE
        word: Word = "undecided"
        if low > -MARGIN and high < MARGIN:
            word = "same"
        elif is_sure and (low > MARGIN or high < -MARGIN):
            word = "more" if test.mean > 0 else "fewer"
        ratios.append(Ratio(math.exp(test.mean), math.exp(low), math.exp(high), word))
    return tuple(ratios)
