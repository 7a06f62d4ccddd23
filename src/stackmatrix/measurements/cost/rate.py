"""How many arrivals per second a block's cells are asked with: as many as keep their core about half busy. Pure.

No more than the generator makes punctually, that is: a few cells of a fast page leave the core more idle.
At 20 a second in all, as it was once, four fifths of the time were spent waiting for requests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import DisturbedError
from stackmatrix.matrix.ramp import HIGHEST_RATE

BUSY_SHARE = 0.5
MOST_BUSY_SHARE = 0.8
"""Busier than this, a rate that was found earlier is given up: requests would wait for the core."""
PLANTED_SHARE = 0.08
"""Of the reference cell's cost, that the planted control burns beside it."""
SLOTS_SHARE = 0.7
"""Of what its slots let through, that a cell is asked for at most: above, requests would wait for a slot."""
COMPARE_SHARE = 0.2
"""Of a core: a rate at which every stack is well, and yet is asked by several visitors at once."""
LEAST_COST_MS = 2.0
"""Of a request, for the rate of comparison: a cheaper page is asked a hundred times a second, and a ramp goes on."""
DIGITS = 2
"""Significant ones, so that the same machine finds the same rate again, and its evidence adds up."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Arrivals per second at each cell, what each cell's request cost in the warm-up, in ms, and how busy all were."""

    per_cell: float
    cost_ms: tuple[float, ...]
    busy_share: float


def find(uses: Sequence[Use], rows: Sequence[LevelRows]) -> Rate:
    """The rate for cells that used so much CPU time for these requests, each asked equally often.

    Raises:
        DisturbedError: when none used any, as where the harness was stopped meanwhile.

    """
    answered = [max(1, len(one.answered)) for one in rows]
    cost_ms = tuple(1000 * use.cpu_s / count for use, count in zip(uses, answered, strict=True))
    if not any(cost_ms):
        raise DisturbedError("Nothing was seen of the warm-up: no target used any CPU time in it.")
    # One request of every cell takes the core as long as all their costs together.
    per_cell = min(BUSY_SHARE / (sum(cost_ms) / 1000), HIGHEST_RATE / len(cost_ms))
    return Rate(float(f"{per_cell:.{DIGITS}g}"), cost_ms, sum(use.cpu_share for use in uses))


def period_of(per_cell: float, slots: int | None, unloaded_ms: float) -> int:
    """In how many rounds a cell has one turn: in each, but for one whose slots would be too few for its arrivals.

    Two slots let 3.3 requests of 600 ms through in a second. There are no more than that many in flight anyway, so that
    a request costs the same when the cell is asked less often.
    """
    if slots is None:
        return 1
    return max(1, math.ceil(per_cell / (SLOTS_SHARE * slots / (unloaded_ms / 1000))))


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is, arrival by arrival, and how many full shares of the arrivals all of them are together."""

    places: tuple[int, ...]
    shares: float


def turns_of(periods: Sequence[int]) -> Turns:
    """The turns of cells with these periods, over as many rounds as it takes until they begin again."""
    rounds = math.lcm(*periods)
    places = tuple(place for turn in range(rounds) for place, period in enumerate(periods) if turn % period == 0)
    return Turns(places, len(places) / rounds)


def compare_rate_of(cost_ms: float) -> float:
    """The rate at which latency is compared where a workload declares none, from what a request costs.

    ``cost_ms`` is the CPU time of a request of the reference cell. So many arrivals per second keep a core busy for a
    fifth of the time, as 1, 2 or 5 times a power of ten. Once it is chosen it has to be kept: latency at another rate
    is another figure.
    """
    exact = COMPARE_SHARE / (max(cost_ms, LEAST_COST_MS) / 1000)
    power = math.floor(math.log10(exact))
    steps = [step * 10.0**exponent for exponent in (power, power + 1) for step in (1, 2, 5)]
    return min(steps, key=lambda one: abs(math.log(one / exact)))
