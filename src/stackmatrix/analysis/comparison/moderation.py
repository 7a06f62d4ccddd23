"""How far repeats of a cell are apart, where there are few of each but many cells. Pure.

Two repeats say almost nothing of their own spread: Student's t with one degree of freedom needs a difference of 13
standard errors. All cells of a table were repeated in the same way, so each one's variance is drawn up towards what is
usual in the table, the more so the more alike they all are: the empirical Bayes estimate of Smyth 2004 ("Linear models
and empirical Bayes methods for assessing differential expression in microarray experiments", section 6). It is never
drawn down: how alike a dozen cells are is itself not well known, and a cell that repeats badly must not look steady.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

import numpy as np
from scipy import optimize, special

LEAST_SHARE = 1e-5
"""Of the table's median variance, that a cell has at least: repeats that agree by chance have no logarithm."""


@dataclass(frozen=True, slots=True)
class Variance:
    """The variance of one cell's repeats, and its degrees of freedom."""

    variance: float
    freedom: float


def moderate(samples: Sequence[Sequence[float]]) -> tuple[Variance | None, ...]:
    """The moderated variance of each sample; ``None`` for one of fewer than two values."""
    repeated = [sample for sample in samples if len(sample) > 1]
    found = iter(_moderate([variance(sample) for sample in repeated], [len(sample) - 1 for sample in repeated]))
    return tuple(next(found) if len(sample) > 1 else None for sample in samples)


def _moderate(variances: Sequence[float], freedoms: Sequence[int]) -> list[Variance]:
    usual, together = _usual(variances, freedoms), sum(freedoms)
    spreads = []
    for one, own in zip(variances, freedoms, strict=True):
        share = usual.freedom / (usual.freedom + own) if np.isfinite(usual.freedom) else 1.0
        drawn = share * usual.variance + (1 - share) * one
        spreads.append(Variance(max(one, drawn), min(usual.freedom + own, together)))
    return spreads


def _usual(variances: Sequence[float], freedoms: Sequence[int]) -> Variance:
    """The variance that is usual among the samples, with its degrees of freedom: 0 where it cannot be estimated.

    By the mean and the variance of the logarithms, as far as these vary by more than chance alone makes them.
    """
    if len(variances) < 2 or not any(variances):
        return Variance(0.0, 0.0)
    half = np.asarray(freedoms) / 2
    least = LEAST_SHARE * (median(variances) or max(variances))
    logs = np.log(np.maximum(variances, least)) - special.digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - np.mean(special.polygamma(1, half)))
    if excess <= 0:
        return Variance(fmean(variances, weights=freedoms), np.inf)
    prior = _inverse_trigamma(excess)
    return Variance(float(np.exp(np.mean(logs) + special.digamma(prior) - np.log(prior))), 2 * prior)


def _inverse_trigamma(value: float) -> float:
    """The x whose trigamma is the value, which lies between 1/x and 1/x + 1/x²."""
    low, high = 1 / value, (1 + (1 + 4 * value) ** 0.5) / (2 * value)
    if low == high:
        return low
    return float(optimize.brentq(lambda x: float(special.polygamma(1, x)) - value, low, high * (1 + 1e-9)))
