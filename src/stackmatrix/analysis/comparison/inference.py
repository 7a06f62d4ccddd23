"""What a table of cells by blocks says of pairs of cells, look by look. Pure.

Every interval is simultaneous: in 95 % of runs, all intervals of all looks of a family hold what is true. So what a
comparison may be called is read off its interval, and may be called so from then on: the interval shown is what the
looks so far have in common, which holds what is true whenever each of them does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from stackmatrix.analysis.comparison.block_model import Contrasts, Fit
from stackmatrix.analysis.comparison.looks import GOING_ON, Spending, looks_at, two_sided_levels
from stackmatrix.analysis.comparison.moderation import Array
from stackmatrix.matrix.profiles import LOOKS

type Finding = Literal["more", "less", "same", "undecided"]
"""What is found of a pair: the first cell has more, or less, than the second."""

FINDINGS: tuple[Finding, ...] = ("undecided", "same", "more", "less")
UNDECIDED, SAME, MORE, LESS = range(4)

ROUNDING = 1e-9
"""By which an estimate may leave an interval of no width."""
LIKELY = 0.84
"""Standard errors beyond the interval's half at which a difference is decided in four of five runs: the quantile of the
normal distribution."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a pair stood at a look. ``low`` and ``high`` are ``None`` where there was no interval yet."""

    blocks: int
    estimate: float
    low: float | None
    high: float | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Inference:
    """What is said of one pair, in units of the table.

    ``estimate`` is ``None`` where nothing links the two. ``decidable`` is the smallest difference that is decided in
    four of five runs of as many blocks. ``needed`` is the look at which the pair will probably be decided, from its
    present estimate and noise. ``contradicts`` says that an estimate fell out of what earlier looks were sure of, as it
    does where cells drift apart, or one time in some dozens by chance: then the last look alone is shown, and speaks.
    """

    estimate: float | None
    low: float | None
    high: float | None
    finding: Finding
    decided_after: int | None
    decidable: float | None
    needed: int | None
    looks: tuple[Seen, ...]
    contradicts: bool = False


@dataclass(frozen=True, slots=True)
class TableInference:
    """Of a whole table: each pair's inference, and the standard deviation of the block model's rest over all blocks."""

    pairs: tuple[Inference, ...]
    rest: float | None


@dataclass(frozen=True, slots=True)
class _Prospects:
    """Of each pair, the smallest difference that is decidable now, and the look at which it will be decided."""

    decidable: list[float | None]
    needed: list[int | None]


@dataclass(frozen=True, slots=True)
class _Standing:
    """How all pairs stood at a look; infinite where there was no interval yet."""

    look: int
    estimates: list[float]
    low: list[float]
    high: list[float]
    words: list[int]

    def of(self, place: int) -> Seen:
        low, high = self.low[place], self.high[place]
        is_shown = math.isfinite(low)
        ends = (low, high) if is_shown else (None, None)
        return Seen(self.look, self.estimates[place], ends[0], ends[1], FINDINGS[self.words[place]])


@dataclass
class _Course:
    """The intervals of all pairs over the looks so far, as arrays by pair."""

    low: Array
    high: Array
    words: NDArray[np.int_]
    contradicts: NDArray[np.bool_]
    decided_after: NDArray[np.int_]

    @classmethod
    def of(cls, pairs: int) -> "_Course":
        """Nothing is known of so many pairs."""
        wide, none = np.full(pairs, np.inf), np.zeros(pairs, dtype=int)
        return cls(-wide, wide.copy(), none, none > 0, none.copy())

    def take(self, look: int, estimates: Array, halves: Array, margin: float) -> _Standing:
        """Add a look; where ``halves`` is NaN, there is nothing to add."""
        is_known = ~np.isnan(halves)
        low = np.where(is_known, np.maximum(self.low, estimates - halves), self.low)
        high = np.where(is_known, np.minimum(self.high, estimates + halves), self.high)
        is_outside = (estimates < low - ROUNDING) | (estimates > high + ROUNDING)
        self.contradicts = self.contradicts | (is_known & is_outside)
        starts_anew = self.contradicts & is_known
        self.low = np.where(starts_anew, estimates - halves, low)
        self.high = np.where(starts_anew, estimates + halves, high)
        found = np.select(
            [(self.low >= -margin) & (self.high <= margin), self.low > 0, self.high < 0], [SAME, MORE, LESS], UNDECIDED
        )
        words = np.where((self.words == UNDECIDED) | starts_anew, found, self.words)
        self.decided_after = np.where(words != self.words, look, self.decided_after)
        self.words = words
        return _Standing(look, estimates.tolist(), self.low.tolist(), self.high.tolist(), self.words.tolist())


def infer(
    table: Array,
    pairs: Sequence[tuple[int, int]],
    margin: float,
    rounds: Sequence[int] | None = None,
    spending: Spending = GOING_ON,
) -> TableInference:
    """Judge each pair of cells of a table of cells by blocks, in the order in which the blocks were made.

    A value that is missing is NaN. ``margin`` is the difference that matters. ``rounds`` has how many columns there are
    after each round, where a round of all cells is made in several batches, each a column: looks are at rounds. A pair
    has an interval from the look on at which both cells have as many blocks as the first look needs. ``spending`` says
    how much of the error each look may make.
    """
    ends = [*range(1, table.shape[1] + 1)] if rounds is None else rounds
    blocks, levels = len(ends), two_sided_levels(len(table), tuple(pairs), spending) if pairs else ()
    course, standings = _Course.of(len(pairs)), list[_Standing]()
    last: tuple[Contrasts, Array, int] | None = None
    fit = None
    for look, level in zip(looks_at(blocks), levels, strict=False):
        seen = table[:, : ends[look - 1]]
        fit = Fit.of(seen)
        if fit is not None:
            contrasts = fit.contrast(pairs)
            halves = _halves(contrasts, level) + _hidden(seen, pairs)
            standings.append(course.take(look, contrasts.estimates, halves, margin))
            last = (contrasts, halves, look)
    fit = fit if fit is not None and last is not None and last[2] == blocks else Fit.of(table)
    estimates = _direct(table, pairs) if last is None else last[0].estimates
    if np.isnan(estimates).any():
        estimates = np.where(np.isnan(estimates), _direct(table, pairs), estimates)
    prospects = _prospects(last, levels, margin, len(pairs))
    told = tuple(_inference(course, standings, place, estimates.tolist(), prospects) for place in range(len(pairs)))
    return TableInference(told, None if fit is None else fit.rest)


def _halves(contrasts: Contrasts, level: float) -> Array:
    """Half of each pair's interval."""
    return np.asarray(special.stdtrit(contrasts.freedoms, 1 - level / 2) * contrasts.errors)


def _hidden(table: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """NaN for the pairs of which a cell has fewer blocks than the first look needs, else 0."""
    counts = (~np.isnan(table)).sum(1)
    fewer = np.minimum(*counts[np.asarray(pairs, dtype=int).reshape(-1, 2)].T)
    return np.where(fewer < LOOKS[0], np.nan, 0.0)


def _direct(table: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """The mean difference over the blocks that both cells have, for what no look has seen; NaN where there is none."""
    apart = [table[one] - table[other] for one, other in pairs]
    return np.array([one[~np.isnan(one)].mean() if (~np.isnan(one)).any() else np.nan for one in apart])


def _prospects(
    last: tuple[Contrasts, Array, int] | None, levels: Sequence[float], margin: float, pairs: int
) -> _Prospects:
    if last is None:
        return _Prospects([None] * pairs, [LOOKS[0]] * pairs)
    contrasts, halves, look = last
    needed: list[int | None] = [None] * pairs
    for later, level in reversed([(at, level) for at, level in zip(LOOKS, levels, strict=True) if at > look]):
        grown = Contrasts(
            contrasts.estimates,
            contrasts.errors * np.sqrt(look / later),
            contrasts.freedoms * (later - 1) / (look - 1),
        )
        half, size = _halves(grown, level), np.abs(contrasts.estimates)
        for place in np.flatnonzero((size > half) | (size + half <= margin)).tolist():
            needed[place] = later
    decidable = halves + LIKELY * contrasts.errors
    return _Prospects([None if math.isnan(one) else one for one in decidable.tolist()], needed)


def _inference(
    course: _Course, standings: Sequence[_Standing], place: int, estimates: Sequence[float], prospects: _Prospects
) -> Inference:
    estimate, finding = estimates[place], FINDINGS[course.words[place]]
    low, high = float(course.low[place]), float(course.high[place])
    is_shown, is_decided = math.isfinite(low), finding != "undecided"
    if is_shown:
        estimate = min(max(estimate, low), high)
    seen = (standing.of(place) for standing in standings)
    return Inference(
        estimate=None if math.isnan(estimate) else estimate,
        low=low if is_shown else None,
        high=high if is_shown else None,
        finding=finding,
        decided_after=int(course.decided_after[place]) if is_decided else None,
        decidable=prospects.decidable[place],
        needed=None if is_decided else prospects.needed[place],
        looks=tuple(one for one in seen if not math.isnan(one.estimate)),
        contradicts=bool(course.contradicts[place]),
    )
