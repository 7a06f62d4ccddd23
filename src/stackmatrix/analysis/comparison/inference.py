"""How two sets of values differ: intervals, exact tests and corrections, each with its source. Pure statistics."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import fmean, stdev, variance

import numpy as np
from scipy import special

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
MOST_EXACT = 20
"""Blocks up to which every assignment of signs is tried: a million."""
MOST_DIVISIONS = 20_000
"""Ways to divide unpaired values up to which every one is tried."""


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
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.mean + self.half


@cache
def _critical(freedom: float) -> float:
    """The quantile of Student's t for a two-sided interval; kept, since every look at an end asks for it."""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def log_ratios(cell: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """The logarithm of the ratio of a cell to another in each block.

    Raises:
        ValueError: when a value is not above 0, or the blocks are not the same.

    """
    return tuple(math.log(one / two) for one, two in zip(cell, other, strict=True))


def mean_of(values: Sequence[float]) -> Difference:
    """The mean of values, without p; with an error from two values on.

    Raises:
        ValueError: when there is no value.

    """
    if not values:
        raise ValueError("no values")
    count = len(values)
    return Difference(fmean(values), stdev(values) / math.sqrt(count) if count > 1 else None, count - 1, count, None)


def differ(values: Sequence[float]) -> Difference:
    """The mean of paired differences.

    Raises:
        ValueError: when there is none.

    """
    difference = mean_of(values)
    return difference if difference.error is None else replace(difference, p=sign_flip_p(values))


def differ_unpaired(one: Sequence[float], other: Sequence[float]) -> Difference:
    """The difference of two means of values that do not belong together, each with its own error (Welch 1947).

    Raises:
        ValueError: when there is no value.

    """
    mean, count = fmean(one) - fmean(other), min(len(one), len(other))
    if count < 2:
        return Difference(mean, None, 0, count, None, is_paired=False)
    parts = [variance(each) / len(each) for each in (one, other)]
    terms = sum(part**2 / (len(each) - 1) for part, each in zip(parts, (one, other), strict=True))
    freedom = sum(parts) ** 2 / terms if terms else 1.0
    return Difference(mean, math.sqrt(sum(parts)), freedom, count, permutation_p(one, other), is_paired=False)


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
    """Two-sided p of the sign-flip test: the share of sign assignments whose sum is as far from zero.

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


def p_beyond(difference: Difference, margin: float) -> float | None:
    """One-sided p of Student's t that the mean lies beyond the margin, on the side on which it was seen."""
    if difference.error is None:
        return None
    beyond = abs(difference.mean) - margin
    if difference.error == 0:
        return 0.0 if beyond > 0 else 1.0
    return float(special.stdtr(difference.freedom, -beyond / difference.error))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p values corrected for their number (Holm 1979): the smallest times n, the next times n - 1, and so on."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return tuple(corrected)
