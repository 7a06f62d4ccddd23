"""What a gate says, in sentences: of a figure's change, of what would decide it, and of the whole. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stackmatrix.analysis.comparison.verdicts import Estimate
from stackmatrix.analysis.metrics import COST, Metric
from stackmatrix.matrix.profiles import LOOKS, MOST_BLOCKS
from stackmatrix.results.comparison import ComparedFigure, GatedFigure, Outcome

ORDER: tuple[Outcome, ...] = ("regression", "void", "undecided", "passed")
"""The first of these that any figure has is the outcome of the whole."""
HAVE: Mapping[Outcome, tuple[str, str]] = {
    "regression": ("is a regression", "are regressions"),
    "void": ("is void", "are void"),
    "undecided": ("is undecided", "are undecided"),
    "passed": ("passed", "passed"),
}
HOW = {"regression": "at least", "passed": "less than", "undecided": "and whether by"}
HOW_SURE = {"regression": " worse for sure", "passed": " worse for sure", "undecided": " or more is undecided"}


def prospect(one: ComparedFigure, worse: Estimate, metric: Metric, limit: float, minutes: float | None) -> str:
    """What would decide a figure: intervals narrow with the root of the number of blocks."""
    blocks = f"{one.blocks} block{'' if one.blocks == 1 else 's'}"
    if one.smallest_decidable is None or not one.blocks:
        return f"Nothing is judged before {LOOKS[0]} blocks, and there {'is' if one.blocks == 1 else 'are'} {blocks}."
    smallest = one.smallest_decidable / ((one.base or 1) if one.compares == "difference" else 1)
    if smallest <= limit:
        told, needed = (
            f"It is too near to {percent(limit)} for {blocks} to tell",
            _blocks_apart(one.blocks, worse, limit),
        )
        beyond = "so choose another --threshold"
    else:
        told = f"{percent(limit)} is less than {blocks} decide here, which is {percent(smallest)}"
        needed = math.ceil(one.blocks * (smallest / limit) ** 2)
        beyond = f"which decide about {percent(smallest * math.sqrt(one.blocks / MOST_BLOCKS))}"
    if metric.kind != COST.kind:  # further ones are not made in a longer run
        return f"{told}, so choose another --threshold."
    if needed is None or needed > MOST_BLOCKS:
        return f"{told}; that takes more than the {MOST_BLOCKS} blocks of the longest comparison, {beyond}."
    takes = "" if minutes is None else f", {math.ceil(needed * minutes / one.blocks)} minutes in all"
    return f"{told}; about {needed} blocks decide it{takes}."


def _blocks_apart(blocks: int, worse: Estimate, limit: float) -> int | None:
    """How many blocks set an estimate apart from a limit, if it stays where it is; ``None`` where none would."""
    if worse.low is None or worse.high is None or worse.mid == limit:
        return None
    half = worse.high - worse.mid if worse.mid < limit else worse.mid - worse.low
    return max(blocks + 1, math.ceil(blocks * (half / (worse.mid - limit)) ** 2))


def percent(share: float) -> str:
    """``8.5 %``, and ``12 %``: a digit after the point where there is little before it."""
    text = f"{100 * share:.{int(abs(share) < 0.0995)}f}".removesuffix(".0")
    return f"{'0' if text == '-0' else text} %"


def span(low: float, high: float) -> str:
    """``7 to 9 %``."""
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def sized(worse: Estimate) -> str:
    """``8 % worse (7 to 9 %)``, or ``better``."""
    sign = -1 if worse.mid < 0 else 1
    told = f"{percent(sign * worse.mid)} {'better' if sign < 0 else 'worse'}"
    if worse.low is None or worse.high is None:
        return told
    return f"{told} ({span(*sorted((sign * worse.low, sign * worse.high)))})"


def whole(judged: Sequence[GatedFigure], outcome: Outcome, threshold: float) -> str:
    """The whole in a sentence: what decided it, and how many figures came out how."""
    if not judged:
        return "Void. Nothing was to be measured."
    if outcome == "passed":
        return f"Passed. {' '.join(_passed(judged, threshold))}"
    first = next(one for one in judged if one.outcome == outcome)
    told = f"{outcome.capitalize()}. {first.sentence.rstrip('.')}."
    return told if len(judged) == 1 else f"{told} {_counted(judged)}"


def _counted(judged: Sequence[GatedFigure]) -> str:
    counts = {each: sum(one.outcome == each for one in judged) for each in ORDER}
    *parts, last = [f"{count} {HAVE[each][count != 1]}" for each, count in counts.items() if count]
    if not parts:
        return f"All {last.replace(' ', ' figures ', 1)}."
    return f"Of {len(judged)} figures {', '.join(parts)} and {last}."


def _passed(judged: Iterable[GatedFigure], threshold: float) -> Iterator[str]:
    changes = [one for one in judged if not one.is_budget]
    budgets = [one for one in judged if one.is_budget]
    if changes:
        waived = [one.sentence.rstrip(".") for one in changes if one.waiver is not None]
        but = f", but for {len(waived)} waived" if waived else ""
        what = "The one figure is not" if len(changes) == 1 else f"None of {len(changes)} figures is"
        yield f"{what} worse by {percent(threshold)} or more, for sure{but}."
        yield from (f"{one}." for one in waived)
    if budgets:
        yield f"{len(budgets)} budget{' is' if len(budgets) == 1 else 's are'} kept."
