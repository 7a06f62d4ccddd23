"""The block model: a value is its cell's effect, its block's effect, and a rest. Pure.

Cells that stood side by side met the same moments of the machine, so that the block's effect takes out what these
moments did to all of them (up to a tenth, where the rest is under two per cent). It is fitted by least squares and not
by pairing blocks, so that a cell that misses a block, or has left the run, costs that block only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stackmatrix.analysis.comparison.moderation import Array, Variances, moderate

LEAST_FREEDOM = 1e-6
"""Of a cell's residuals, below which they say nothing of its variance: it had no block that others shared."""

LEAST_ROOT = 1e-9
"""Of the largest root of the normal equations, below which a root is zero but for rounding."""


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Differences of pairs of cells: estimates, standard errors and degrees of freedom.

    Of a pair that no block links, directly or by way of other cells, estimate and error are NaN.
    """

    estimates: Array
    errors: Array
    freedoms: Array


@dataclass(frozen=True, slots=True)
class Fit:
    """The fitted model of a table of cells by blocks.

    ``effects`` are those of the cells, up to a constant for all. ``solver`` turns sums over a cell's blocks into
    effects; ``shown`` is 1 where a cell has a value of a block. ``rest`` is the standard deviation of what is left over
    with ``freedom`` degrees of freedom, ``noise`` the variance of each cell's rest.
    """

    effects: Array
    solver: Array
    shown: Array
    noise: Variances
    rest: float
    freedom: float

    @classmethod
    def of(cls, table: Array) -> Self | None:
        """Fit a table of cells by blocks, NaN where a value is missing; ``None`` where nothing would be left over."""
        shown = (~np.isnan(table)).astype(float)
        sizes = shown.sum(0)
        table, shown, sizes = table[:, sizes > 1], shown[:, sizes > 1], sizes[sizes > 1]
        if not sizes.size:
            return None
        values = np.where(shown > 0, table, 0.0)
        centred = shown * (values - values.sum(0) / sizes)
        # The normal equations of the cells' effects, once those of the blocks are eliminated: a graph's Laplacian.
        laplacian = np.diag(shown.sum(1)) - (shown / sizes) @ shown.T
        roots, directions = np.linalg.eigh(laplacian)
        kept = roots > LEAST_ROOT * roots[-1]
        solver = (directions[:, kept] / roots[kept]) @ directions[:, kept].T
        effects = solver @ centred.sum(1)
        fitted = effects[:, None] * shown
        left = centred - shown * (fitted - fitted.sum(0) / sizes)
        freedom = float(shown.sum() - sizes.size - kept.sum())
        if freedom <= 0:
            return None
        noise = _noise(left, shown, solver, freedom)
        return cls(effects, solver, shown, noise, float(np.sqrt((left**2).sum() / freedom)), freedom)

    def contrast(self, pairs: Sequence[tuple[int, int]]) -> Contrasts:
        """Each pair's first cell less its second."""
        one, other = np.asarray(pairs, dtype=int).reshape(-1, 2).T
        weights = self.solver[one] - self.solver[other]
        sizes = self.shown.sum(0)
        in_block = weights @ self.shown / sizes
        # Of each cell, the sum of the squares by which its values enter the difference.
        squares = weights**2 * self.shown.sum(1) - 2 * weights * (in_block @ self.shown.T) + in_block**2 @ self.shown.T
        parts = squares * self.noise.variance
        variance = parts.sum(1)
        # The mean of the two cells' degrees of freedom, weighted by what each adds to the variance: the variances of
        # different cells share what they borrowed, and so are not as independent as Satterthwaite's sum assumes.
        freedoms = np.divide(variance, (parts / self.noise.freedom).sum(1), out=np.full(len(variance), self.freedom),
                             where=variance > 0)  # fmt: skip
        is_linked = self._are_linked(one, other)
        hidden = np.where(is_linked, 0.0, np.nan)
        estimates = self.effects[one] - self.effects[other] + hidden
        return Contrasts(estimates, np.sqrt(np.maximum(variance, 0.0)) + hidden, np.minimum(freedoms, self.freedom))

    def _are_linked(self, one: NDArray[np.int_], other: NDArray[np.int_]) -> NDArray[np.bool_]:
        """Whether blocks link the cells of each pair, directly or by way of others."""
        together = (self.shown @ self.shown.T > 0) | np.eye(len(self.shown), dtype=bool)
        for _ in range(len(together).bit_length()):
            together = together.astype(float) @ together.astype(float) > 0
        return together[one, other]


def _noise(left: Array, shown: Array, solver: Array, freedom: float) -> Variances:
    """The moderated variance of each cell's rest; of a cell without any, what is usual."""
    sizes = shown.sum(0)
    spread = solver @ shown
    leverage = 1 / sizes + np.diag(solver)[:, None] - 2 * spread / sizes + (shown * spread).sum(0) / sizes**2
    own_freedom = (shown * (1 - leverage)).sum(1)
    known = own_freedom > LEAST_FREEDOM
    sums, pooled = (left**2).sum(1), float((left**2).sum()) / freedom
    own = Variances(sums[known] / own_freedom[known], own_freedom[known])
    # A cell's residuals hold a share of its neighbours' rest, as a block's mean does: it is taken out again, so that a
    # noisy cell is seen as noisy as it is. With two cells nothing tells whose rest it was.
    beside = (shown * sizes).sum(1)[known] / shown.sum(1)[known]
    shared = np.maximum(beside - 2, 0)
    unmixed = np.where(shared > 0, ((beside - 1) * own.variance - pooled) / np.maximum(shared, 1e-9), own.variance)
    moderated = moderate(own, unmixed, freedom)
    variance, freedoms = np.full(len(shown), pooled), np.full(len(shown), freedom)
    variance[known], freedoms[known] = moderated.variance, moderated.freedom
    return Variances(variance, freedoms)
