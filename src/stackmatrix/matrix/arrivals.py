"""The plan of an open level or a ramp: a seeded Poisson process. The driver follows it, and checks count against it.

Only the standard library is imported: the driver reads this inside locust.
"""

import random
from collections.abc import Iterator, Sequence


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


def climbing(rates: Sequence[float], seconds: Sequence[float], starts_s: float, seed: str) -> Iterator[float]:
    """Intended starts of a Poisson process whose rate changes: each of ``rates`` holds for its ``seconds``.

    It ends with the last of them. A gap is one of an exponential distribution of mean 1, in expected arrivals, so that
    the same seed gives the same pattern at other rates (time change of a Poisson process: Cinlar 1975, chapter 4).
    """
    generator = random.Random(seed)
    due, passed, from_s = generator.expovariate(1.0), 0.0, starts_s
    for rate, lasts_s in zip(rates, seconds, strict=True):
        while due < passed + rate * lasts_s:
            yield from_s + (due - passed) / rate
            due += generator.expovariate(1.0)
        passed += rate * lasts_s
        from_s += lasts_s


def drop_seed(seed: str) -> str:
    """The seed of the arrivals after a ramp's load has dropped; they are :func:`arrivals` of a plan of their own."""
    return f"{seed}:drop"


def planned(rate: float, settle_s: float, window_s: float, seed: str) -> int:
    """How many arrivals the plan has in a window that begins ``settle_s`` after its start."""
    count = 0
    for at_s in arrivals(rate, 0.0, seed):
        if at_s >= settle_s + window_s:
            return count
        count += at_s >= settle_s
    raise AssertionError
