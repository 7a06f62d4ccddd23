"""The plan of an open level: a seeded Poisson process. The driver follows it, and a check counts against it.

Only the standard library is imported: the driver reads this inside locust.
"""

import random
from collections.abc import Iterator


def plan_seed(trial_seed: int, level: int) -> str:
    """The seed of one level of a ladder: the same for every cell of a block, and for a level's second attempt."""
    return f"{trial_seed}:{level}"


def arrivals(rate: float, starts_s: float, seed: str) -> Iterator[float]:
    """Intended starts of a Poisson process of ``rate`` per second, without end; the same seed gives the same plan."""
    generator = random.Random(seed)
    at_s = starts_s
    while True:
        at_s += generator.expovariate(rate)
        yield at_s


def planned(rate: float, settle_s: float, window_s: float, seed: str) -> int:
    """How many arrivals the plan has in a window that begins ``settle_s`` after its start."""
    count = 0
    for at_s in arrivals(rate, 0.0, seed):
        if at_s >= settle_s + window_s:
            return count
        count += at_s >= settle_s
    raise AssertionError
