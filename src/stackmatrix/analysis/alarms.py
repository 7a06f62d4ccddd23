"""What comparisons of one thing with itself say of the others: how often they cry wolf, and how fine they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scipy import stats

from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument

CONFIDENCE = 0.95
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2)
"""Those that people set."""
MOST_UNDECIDED = 0.1
"""Of comparisons may be undecided at a threshold that is recommended."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """One figure over comparisons of a thing with itself.

    Of ``compared`` comparisons, in which each cell counts, ``called`` found a difference that is not there; in the long
    run it is at most the share ``called_at_most``, with 95 % confidence. ``decides`` are the smallest, the median and
    the largest difference that one of them could decide: of the ratio from one, or in the unit. ``passed`` is how many
    would have passed a gate of each threshold, and ``threshold`` the lowest that nearly all pass.
    """

    figure: str
    compared: int
    called: int
    called_at_most: float
    decides: tuple[float, float, float] | None
    passed: tuple[tuple[float, int], ...]
    threshold: float | None


def alarms_of(documents: Sequence[ComparisonDocument]) -> tuple[Alarms, ...]:
    """Every figure of these comparisons, in the order in which they come; void ones are no comparisons."""
    by_figure: dict[str, list[ComparedFigure]] = {}
    for document in documents:
        void = {one.workload for one in document.controls if one.void is not None}
        for figure in document.figures:
            if figure.low is not None and figure.workload not in void:
                by_figure.setdefault(figure.figure, []).append(figure)
    return tuple(_alarms(name, figures) for name, figures in by_figure.items())


def _alarms(name: str, figures: Sequence[ComparedFigure]) -> Alarms:
    called = sum(one.word in ("better", "worse") for one in figures)
    decidable = [one.smallest_decidable for one in figures if one.smallest_decidable is not None]
    passed = tuple((limit, sum(_passes(one, limit) for one in figures)) for limit in THRESHOLDS)
    enough = (1 - MOST_UNDECIDED) * len(figures)
    return Alarms(
        figure=name,
        compared=len(figures),
        called=called,
        called_at_most=at_most(called, len(figures)),
        decides=(min(decidable), median(decidable), max(decidable)) if decidable else None,
        passed=passed,
        threshold=next((limit for limit, count in passed if count >= enough), None),
    )


def at_most(called: int, count: int) -> float:
    """The upper limit of a share of which so many were seen, one-sided (Clopper and Pearson 1934)."""
    return 1.0 if called == count else float(stats.beta.ppf(CONFIDENCE, called + 1, count - called))


def _passes(one: ComparedFigure, limit: float) -> bool:
    """Whether it is sure that the head is not worse by the limit, as a share."""
    if one.compares != "ratio" or one.low is None or one.high is None:
        return False
    return 1 - one.low < limit if one.higher_is_better else one.high - 1 < limit
