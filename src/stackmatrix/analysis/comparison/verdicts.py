"""When a cell may be called different from another.

The unit is a trial. Two cells are compared within each block by the logarithm of their ratio (overheads, which may be
near zero, by their difference in ms), so that what a block's moment does to both cancels. A verdict needs six blocks:
with fewer, an exact test of signs cannot reach p = 0.05 whatever was measured. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Literal

from stackmatrix.analysis.comparison.inference import SIGNIFICANCE, Difference, holm, p_beyond

BLOCKS_TO_CLAIM = 6
LEAST_MARGIN = 0.02
"""Differences of less than 2 % are called none, however surely they are there."""
TWIN_SDS = 2.0
"""The margin is at least so many standard deviations of what the same cell differs from itself."""

type VerdictWord = Literal["faster", "slower", "same", "undecided", "not enough blocks"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a contrast. ``p_holm`` is corrected for all contrasts of its family."""

    difference: Difference
    p_holm: float | None
    word: VerdictWord


def margin_of(twin: Sequence[float] | None, least: float = LEAST_MARGIN) -> float:
    """How far apart two cells may be and still count as the same: two standard deviations of the A/A twin at least."""
    spread = stdev(twin) if twin is not None and len(twin) > 1 else 0.0
    return max(least, TWIN_SDS * spread)


def judge_all(differences: Sequence[Difference], margin: float, *, higher_is_better: bool) -> tuple[Verdict, ...]:
    """The verdicts of one family of contrasts, declared before the run; corrected together by Holm."""
    tested = [place for place, one in enumerate(differences) if one.blocks >= BLOCKS_TO_CLAIM]
    beyond = [p_beyond(differences[place], margin) or 0.0 for place in tested]
    corrected = dict(zip(tested, holm(beyond), strict=True))
    return tuple(
        Verdict(one, p := corrected.get(place), _word(one, p, margin, higher_is_better=higher_is_better))
        for place, one in enumerate(differences)
    )


def _word(one: Difference, p_holm: float | None, margin: float, *, higher_is_better: bool) -> VerdictWord:
    """Beyond the margin by interval, by Holm's p and by the signs: faster or slower. Inside of it: same."""
    if p_holm is None or one.low is None or one.high is None:
        return "not enough blocks"
    if -margin < one.low and one.high < margin:
        return "same"
    is_beyond = one.low > margin or one.high < -margin
    if is_beyond and p_holm <= SIGNIFICANCE and one.p is not None and one.p <= SIGNIFICANCE:
        return "faster" if (one.mean > 0) == higher_is_better else "slower"
    return "undecided"
