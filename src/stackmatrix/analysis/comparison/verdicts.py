"""When may one figure be called different from another? Pure statistics, on values that belong together by block.

The unit is a trial. Two cells are compared within each block by the logarithm of their ratio (overheads, which may be
near zero, by their difference in ms), so that what a block's moment does to both cancels. A verdict needs six blocks:
with fewer, an exact test of signs cannot reach p = 0.05 whatever was measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import fmean, stdev, variance
from typing import Literal

import numpy as np
from scipy import special

BLOCKS_TO_CLAIM = 6
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
LEAST_MARGIN = 0.02
"""Differences of less than 2 % are called none, however surely they are there."""
TWIN_SDS = 2.0
"""The margin is at least so many standard deviations of what the same cell differs from itself."""
MOST_EXACT = 20
"""Blocks up to which every assignment of signs is tried: a million."""

MOST_DIVISIONS = 20_000
"""Ways to divide unpaired values up to which every one is tried."""

type Word = Literal["faster", "slower", "same", "undecided", "not enough blocks"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a cell differs from another: the mean of logarithms of ratios or of differences, with its standard error.

    Paired, over the ``blocks`` that have both; else over the fewer blocks of the two. ``error`` is ``None`` where
    nothing was repeated, and ``p``, of the exact sign-flip test (Fisher 1935) or of the permutation test (Pitman 1937).
    """

    mean: float
    error: float | None
    freedom: float
    blocks: int
    p: float | None
    is_paired: bool = True

    @property
    def half(self) -> float | None:
        """Half of the 95 % interval of Student's t."""
        return None if self.error is None else _critical(self.freedom) * self.error

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """The upper end of the interval."""
        return None if self.half is None else self.mean + self.half


@dataclass(frozen=True, slots=True)
class Verdict:
    """A declared comparison and what may be said of it. ``p_holm`` is corrected for all comparisons of its family."""

    difference: Difference
    margin: float
    p_beyond: float | None
    p_holm: float | None
    word: Word


@cache
def _critical(freedom: float) -> float:
    """The quantile of Student's t for an interval of two sides. Asked for at every look at an end, so kept."""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


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
    half = _critical(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def differ(values: Sequence[float]) -> Difference:
    """The mean of paired differences.

    Raises:
        ValueError: when there is none.

    """
    if not values:
        raise ValueError("no values")
    count = len(values)
    error = stdev(values) / math.sqrt(count) if count > 1 else None
    return Difference(fmean(values), error, count - 1, count, sign_flip_p(values) if count > 1 else None)


def differ_unpaired(one: Sequence[float], other: Sequence[float]) -> Difference:
    """The difference of two means of values that do not belong together.

    Raises:
        ValueError: when there is no value.

    """
    difference = welch(one, other)
    return difference if difference.error is None else replace(difference, p=permutation_p(one, other))


def welch(one: Sequence[float], other: Sequence[float]) -> Difference:
    """The difference of two means with an error of its own for each (Welch 1947), without p.

    Raises:
        ValueError: when there is no value.

    """
    mean, count = fmean(one) - fmean(other), min(len(one), len(other))
    if count < 2:
        return Difference(mean, None, 0, count, None, is_paired=False)
    parts = [variance(each) / len(each) for each in (one, other)]
    terms = sum(part**2 / (len(each) - 1) for part, each in zip(parts, (one, other), strict=True))
    freedom = sum(parts) ** 2 / terms if terms else 1.0
    return Difference(mean, math.sqrt(sum(parts)), freedom, count, None, is_paired=False)


def permutation_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p that the means differ so much, over all ways to divide the values, or a fixed sample of many."""
    # Imported here, since it takes as long as everything else that a command imports, and few families need it.
    from scipy import stats  # noqa: PLC0415

    result = stats.permutation_test(
        (np.asarray(one), np.asarray(other)),
        lambda first, second, axis: np.mean(first, axis=axis) - np.mean(second, axis=axis),
        vectorized=True,
        n_resamples=MOST_DIVISIONS,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


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
    if difference.error is None:
        return None
    beyond = abs(difference.mean) - margin
    if difference.error == 0:
        return 0.0 if beyond > 0 else 1.0
    return float(special.stdtr(difference.freedom, -beyond / difference.error))


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
