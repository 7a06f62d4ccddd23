"""Instructions per request: from what was counted to what the result file says, and what differs for sure. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stackmatrix.callgrind import Costs, by_object
from stackmatrix.model import InstructionCount, Part
from stackmatrix.verdicts import SIGNIFICANCE, holm, p_beyond, t_interval, welch

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


def compare(pairs: Sequence[tuple[InstructionCount, InstructionCount]]) -> tuple[Ratio, ...]:
    """The ratio of the first to the second count of each pair; the words are corrected by Holm for all pairs together.

    Repeats of different cells do not belong together in any way, so they are not paired.
    """
    tests = [welch(*([math.log(value) for value in count.repeats] for count in pair)) for pair in pairs]
    beyond = [p_beyond(test, MARGIN) for test in tests]
    corrected = iter(holm([p for p in beyond if p is not None]))
    ratios = []
    for test, p in zip(tests, beyond, strict=True):
        if p is None or test.low is None or test.high is None:
            ratios.append(Ratio(math.exp(test.mean), None, None, "counted once"))
            continue
        is_sure = next(corrected) <= SIGNIFICANCE
        word: Word = "undecided"
        if test.low > -MARGIN and test.high < MARGIN:
            word = "same"
        elif is_sure and (test.low > MARGIN or test.high < -MARGIN):
            word = "more" if test.mean > 0 else "fewer"
        ratios.append(Ratio(math.exp(test.mean), math.exp(test.low), math.exp(test.high), word))
    return tuple(ratios)
