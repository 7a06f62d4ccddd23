"""How much a cell varies from block to block, where there are few blocks but many cells. Pure.

Two or three blocks say almost nothing of a cell's own variance. All cells were measured in the same way, so each one's
is drawn towards what is usual among them, the more so the more alike they are: the empirical Bayes estimate of Smyth
2004 ("Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
section 6). It is drawn up only: how alike a dozen cells are is itself not well known, and a cell that varies more than
the others must not look steady. The more its own variance outweighs what is usual, the fewer degrees of freedom it
borrows from the others: an addition to Smyth, without which one cell three times as noisy as the rest breaks the size
of a family of six cells (``simulate`` shows it).
"""

from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy import special

type Array = NDArray[np.float64]

LEAST_SHARE = 1e-5
"""Of the median variance, that a cell has at least when logarithms are taken: blocks may agree by chance."""
LEAST_PRIOR = 12.0
"""Degrees of freedom that the usual variance is given at least. Smyth's estimate of them from a dozen cells is at times
near nothing, though all are alike; since variances are drawn up only, this costs no size, and it saves power."""
NEWTON_STEPS = 10
"""Of the inverse trigamma function; it converges from one side, and five are enough for twelve digits."""


@dataclass(frozen=True, slots=True)
class Variances:
    """The variance of each cell, and its degrees of freedom."""

    variance: Array
    freedom: Array


def moderate(own: Variances, at_least: Array, total: float) -> Variances:
    """The moderated variance of each cell; ``own`` are those of the cells alone, each with some freedom.

    No variance is below ``at_least``, and no freedom above ``total``, that of all cells together.
    """
    prior, usual = _prior(own)
    usual = max(usual, float(np.average(own.variance, weights=own.freedom)))
    prior = max(prior, LEAST_PRIOR)
    drawn = usual + (own.variance - usual) * own.freedom / (prior + own.freedom)
    variance = np.maximum(drawn, at_least)
    outweighed = np.divide(drawn, variance, out=np.ones_like(drawn), where=variance > 0)
    return Variances(variance, own.freedom + np.clip(prior, 0.0, total - own.freedom) * outweighed)


def _prior(own: Variances) -> tuple[float, float]:
    """The degrees of freedom of the variance that is usual among the cells, and that variance.

    By the mean and the variance of the logarithms, as far as these vary by more than chance alone makes them: infinite
    where they do not.
    """
    known = own.variance[own.variance > 0]
    if len(own.variance) < 2 or not known.size:
        return np.inf, 0.0
    half = own.freedom / 2
    least = LEAST_SHARE * (median(own.variance.tolist()) or float(known.max()))
    logs = np.log(np.maximum(own.variance, least)) - special.digamma(half) + np.log(half)
    # The trigamma function is Hurwitz' zeta of 2.
    excess = float(np.var(logs, ddof=1) - np.mean(special.zeta(2, half)))
    if excess <= 0:
        return np.inf, 0.0
    prior = _inverse_trigamma(excess)
    return 2 * prior, float(np.exp(np.mean(logs) + special.digamma(prior) - np.log(prior)))


def _inverse_trigamma(value: float) -> float:
    """The x whose trigamma is the value: Newton's method on its reciprocal, as in Smyth's appendix."""
    x = 0.5 + 1 / value
    for _ in range(NEWTON_STEPS):
        trigamma = special.zeta(2, x)
        x += trigamma * (1 - trigamma / value) / (-2 * special.zeta(3, x))
    return float(x)
