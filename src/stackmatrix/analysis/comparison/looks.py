"""When evidence is looked at, and how sure each look must be: the error of 5 % is spent on them in advance. Pure.

Whoever looks again and again, and stops where it looks good, finds what is not there. So the blocks after which a
family is looked at are fixed (``matrix.profiles.LOOKS``), and each look may err with a share of the 5 % only (group
sequential tests: Pocock 1977; repeated confidence intervals: Jennison and Turnbull 1989). How sure one comparison must
be then depends on how many are looked at together and on how they hang together, and is found by drawing whole runs
without any difference from a fixed seed.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import special

from stackmatrix.analysis.comparison.moderation import Array
from stackmatrix.analysis.metrics import COST
from stackmatrix.matrix.profiles import LOOKS

ERROR = 0.05
"""The chance that any interval of a family, at any look, misses what is true."""
type Spending = tuple[float, ...]
"""What each look spends of it."""
GOING_ON: Spending = (0.001, 0.004, 0.0275, 0.005, 0.004, 0.004, 0.0045)
"""Of a kind that goes on until all is decided. Most goes to five blocks, about what half an hour of two workloads
holds; little to three and four, where large differences need none, and where a cell that is noisier than the others is
not yet seen to be so; the rest buys the small differences of a longer run."""
AT_THREE: Spending = (0.04, 0.002, 0.004, 0.001, 0.001, 0.001, 0.001)
"""Of a kind that is made three times and then ends: ramps, holds and counts. A later run may add to them."""
MAIN_LOOK = LOOKS[GOING_ON.index(max(GOING_ON))]
"""The look on which most of the error is spent: what a run is planned to find is found by then."""
DRAWS = 40_000
"""Runs that are drawn: the look that spends least has forty of them beyond its bound."""


def spending_of(kind: str) -> Spending:
    """How the error is spent on a kind of measurement: on cost blocks as on what goes on until all is decided."""
    return GOING_ON if kind == COST.kind else AT_THREE


def looks_at(blocks: int) -> tuple[int, ...]:
    """The looks that so many blocks have reached."""
    return tuple(look for look in LOOKS if look <= blocks)


@lru_cache(maxsize=256)
def two_sided_levels(
    cells: int, pairs: tuple[tuple[int, int], ...], spending: Spending = GOING_ON
) -> tuple[float, ...]:
    """The two-sided error of Student's t that each comparison of a family may have at each look.

    They are such that all intervals of all looks hold what is true in 95 % of runs, where every cell is in every block
    and has the same noise. As levels of t they carry over to comparisons with fewer blocks and degrees of freedom.
    """
    generator = np.random.default_rng(0)
    means, squares = np.zeros((cells, DRAWS)), np.zeros(DRAWS)
    survives = np.ones(DRAWS, dtype=bool)
    levels = []
    for (before, look), spent in zip(pairwise((0, *LOOKS)), spending, strict=True):
        added = look - before
        fresh = generator.normal(0, added**-0.5, (cells, DRAWS))
        fresh -= fresh.mean(0)
        if added > 1:
            squares += generator.chisquare((added - 1) * (cells - 1), DRAWS)
        change = fresh - means
        squares += before * added / look * (change**2).sum(0)
        means += change * (added / look)
        freedom = (look - 1) * (cells - 1)
        largest = _largest(means, pairs) / np.sqrt(squares / freedom * 2 / look)
        bound = np.sort(np.where(survives, largest, 0.0))[-round(spent * DRAWS) - 1]
        survives &= largest <= bound
        levels.append(float(2 * special.stdtr(freedom, -bound)))
    return tuple(levels)


def _largest(means: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """The largest difference among the pairs, of each draw."""
    largest, apart = np.zeros(means.shape[1]), np.empty(means.shape[1])
    for one, other in pairs:
        np.subtract(means[one], means[other], out=apart)
        np.abs(apart, out=apart)
        np.maximum(largest, apart, out=largest)
    return largest
