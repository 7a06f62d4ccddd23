"""Which page each arrival asks for: a cycle of all pages, each as often as its weight says, shuffled anew every time.

The order is a function of the seed and of an arrival's number at its own target, so that all targets are asked for the
same pages in the same order, however many stand side by side and however many processes load them. Only the standard
library is imported: the driver reads this inside locust.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from stackmatrix.matrix.pages import Page

LONGEST_CYCLE = 200
"""Requests: about as many as a cost block has of a cell, so that its mix is nearly that of the weights."""
FINEST_WEIGHT = 1_000
"""Weights are told apart to a thousandth."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The page of an arrival, by its place, and how often that page was asked for before, for the page's values."""

    page: int
    values: int


def cycle_counts(weights: Sequence[float]) -> tuple[int, ...]:
    """How often each page comes in a cycle: exactly by the weights, or nearly where the cycle would be too long.

    Every page comes once at least (method of the largest remainder).
    """
    exact = [Fraction(weight).limit_denominator(FINEST_WEIGHT) for weight in weights]
    whole = [int(one * math.lcm(*(each.denominator for each in exact))) for one in exact]
    common = math.gcd(*whole)
    counts = [count // common for count in whole] if common else [1] * len(whole)
    if sum(counts) <= LONGEST_CYCLE and min(counts) > 0:
        return tuple(counts)
    shares = [weight * LONGEST_CYCLE / sum(weights) for weight in weights]
    rounded = [max(1, math.floor(share)) for share in shares]
    rest = sorted(range(len(shares)), key=lambda place: rounded[place] - shares[place])
    for place in rest[: max(0, LONGEST_CYCLE - sum(rounded))]:
        rounded[place] += 1
    return tuple(rounded)


class PageOrder:
    """The turns of a target's arrivals by their number, from 0; numbers may come in any order."""

    def __init__(self, pages: Sequence[Page], seed: str) -> None:
        self._counts = cycle_counts([page.weight for page in pages])
        self._length = sum(self._counts)
        self._seed = seed
        self._cycles: dict[int, tuple[Turn, ...]] = {}

    def __getitem__(self, number: int) -> Turn:
        if self._length == 1:
            return Turn(0, number)
        cycle, place = divmod(number, self._length)
        turns = self._cycles.get(cycle)
        if turns is None:
            turns = self._cycles[cycle] = self._shuffle(cycle)
        return turns[place]

    def _shuffle(self, cycle: int) -> tuple[Turn, ...]:
        places = [place for place, count in enumerate(self._counts) for _ in range(count)]
        random.Random(f"{self._seed}:pages:{cycle}").shuffle(places)
        asked: Counter[int] = Counter({place: cycle * count for place, count in enumerate(self._counts)})
        turns = []
        for place in places:
            turns.append(Turn(place, asked[place]))
            asked[place] += 1
        return tuple(turns)


class OwnNumbers:
    """The number that an arrival of a plan has among those of its own target, where arrivals go to targets in turns."""

    def __init__(self, turns: Sequence[int]) -> None:
        seen: Counter[int] = Counter()
        self._before = []
        for target in turns:
            self._before.append(seen[target])
            seen[target] += 1
        self._a_round = [seen[target] for target in turns]

    def __getitem__(self, number: int) -> int:
        rounds, place = divmod(number, len(self._before))
        return rounds * self._a_round[place] + self._before[place]
