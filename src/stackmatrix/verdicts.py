"""When may one figure be called different from another? Pure statistics, on values that belong together by block.

The unit is a trial. Two cells are compared within each block by the logarithm of their ratio (overheads, which may be
near zero, by their difference in ms), so that what a block's moment does to both cancels. A verdict needs six blocks:
with fewer, an exact test of signs cannot reach p = 0.05 whatever was measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

import numpy as np
from scipy import stats

BLOCKS_TO_CLAIM = 6
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
LEAST_MARGIN = 0.02
"""Differences of less than 2 % are called none, however surely they are there."""
TWIN_SDS = 2.0
"""The margin is at least so many standard deviations of what the same cell differs from itself."""
MOST_EXACT = 20
"""Blocks up to which every assignment of signs is tried: a million."""

type Word = Literal["faster", "slower", "same", "undecided", "not enough blocks"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a cell differs from another over the blocks that have both: logarithms of ratios, or differences.

    ``low`` and ``high`` are the 95 % interval of Student's t for the mean; they and ``p``, of the exact sign-flip test
    (Fisher 1935), are ``None`` below two blocks.
    """

    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def blocks(self) -> int:
        """How many blocks have both cells."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A declared comparison and what may be said of it. ``p_holm`` is corrected for all comparisons of its family."""

    difference: Difference
    margin: float
    p_beyond: float | None
    p_holm: float | None
    word: Word


def log_ratios(cell: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """The logarithm of the ratio of a cell to another in each block.

    Raises:
        ValueError: when a figure is not above 0, or the blocks are not the same.

    """
    return tuple(math.log(one / two) for one, two in zip(cell, other, strict=True))


def t_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """The mean, and the ends of the 95 % interval of Student's t for it; ``None`` below two values.

    Raises:
        ValueError: when there is no value.

    """
    if not values:
        raise ValueError("no values")
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def differ(values: Sequence[float]) -> Difference:
    """The mean of some paired differences, with interval and p.

    Raises:
        ValueError: when there is none.

    """
    mean, low, high = t_interval(values)
    return Difference(tuple(values), mean, low, high, sign_flip_p(values) if len(values) > 1 else None)


def sign_flip_p(values: Sequence[float]) -> float:
    """Two-sided p of the sign-flip test: how many assignments of signs give a sum at least as far from zero.

    Exact up to ``MOST_EXACT`` values; above, of a fixed sample of as many assignments, the observed one among them.
    """
    observed = abs(math.fsum(values))
    if len(values) <= MOST_EXACT:
        sums = np.zeros(1)
        for value in values:
            sums = np.concatenate((sums + value, sums - value))
    else:
        generator = np.random.default_rng(0)
        signs = generator.choice((-1.0, 1.0), size=(2**MOST_EXACT // len(values), len(values)))
        sums = np.append(signs @ np.asarray(values), observed)
    tolerance = 1e-9 * max(1e-300, float(np.abs(values).sum()))
    return float((np.abs(sums) >= observed - tolerance).mean())


def margin_of(twin: Sequence[float] | None, least: float = LEAST_MARGIN) -> float:
    """Within what a cell counts as the same: twice the A/A twin's standard deviation, and ``least`` at least."""
    spread = stdev(twin) if twin is not None and len(twin) > 1 else 0.0
    return max(least, TWIN_SDS * spread)


def p_beyond(difference: Difference, margin: float) -> float | None:
    """One-sided p of Student's t that the mean lies beyond the margin, on the side on which it was seen."""
    if difference.blocks < 2:
        return None
    error = stdev(difference.values) / math.sqrt(difference.blocks)
    beyond = abs(difference.mean) - margin
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    return float(stats.t.sf(beyond / error, difference.blocks - 1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p values corrected for being that many (Holm 1979): the smallest times n, the next times n - 1, and so on."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return tuple(corrected)


def judge_all(differences: Sequence[Difference], margin: float, *, higher_is_better: bool) -> tuple[Verdict, ...]:
    """The verdicts of one family of comparisons, declared before the run; corrected together by Holm."""
    beyond = [p_beyond(one, margin) for one in differences]
    tested = [place for place, one in enumerate(differences) if one.blocks >= BLOCKS_TO_CLAIM]
    corrected = dict(zip(tested, holm([beyond[place] or 0.0 for place in tested]), strict=True))
    verdicts = []
    for place, one in enumerate(differences):
        verdict = Verdict(one, margin, beyond[place], corrected.get(place), "undecided")
        verdicts.append(replace(verdict, word=_word(verdict, higher_is_better=higher_is_better)))
    return tuple(verdicts)


def _word(verdict: Verdict, *, higher_is_better: bool) -> Word:
    """Beyond the margin by interval, by Holm's p and by the signs: faster or slower. Inside of it: same."""
    one, margin = verdict.difference, verdict.margin
    if one.blocks < BLOCKS_TO_CLAIM or one.low is None or one.high is None:
        return "not enough blocks"
    if -margin < one.low and one.high < margin:
        return "same"
    is_beyond = one.low > margin or one.high < -margin
    is_sure = verdict.p_holm is not None and verdict.p_holm <= SIGNIFICANCE
    if is_beyond and is_sure and one.p is not None and one.p <= SIGNIFICANCE:
        return "faster" if (one.mean > 0) == higher_is_better else "slower"
    return "undecided"
