"""How numbers, sizes and verdicts are put in words, alike on every page, in the terminal and in the report. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from stackmatrix.analysis.comparison.verdicts import Comparison, Controls, Estimate, Family, Word
from stackmatrix.analysis.metrics import Metric
from stackmatrix.analysis.samples import Sample
from stackmatrix.analysis.summary import CellSummary, Climb
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import python_key
from stackmatrix.matrix.wording import plural

NOTHING = "–"
"""Stands where there is no number."""
AS_TIMES = 2.0
"""From this ratio on, "4.5 times" is easier to grasp than "350 % more"."""
FEW_TIMES = 1.2
"""Below this ratio, "1.08 times" has two digits after the point."""
MOST_DIGITS = 2
"""After the point of per cent: more are noise in every metric."""
COARSE = 0.02
"""Metrics in which a smaller share than this matters show a digit after the point of per cent."""

SLOW = 10.0
"""Arrivals per second below which a digit after the point is shown."""

STOPPED_BY: dict[str | None, str] = {
    "slots": "slots",
    "target-cpu": "core",
    "database": "database",
    "users": "users",
    None: NOTHING,
}
"""What stopped a ramp, as tables have it; what is not here is unknown."""


def number(value: float | None, digits: int) -> str:
    """A number with this many digits after the point, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share as per cent, without a digit after the point."""
    return NOTHING if value is None else f"{100 * value:.0f} %"


def join(names: Iterable[str]) -> str:
    """``a, b and c``; empty for no name."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def span(values: Collection[float], digits: int) -> str:
    """``2.9 to 4.7``, or one number where both ends look alike."""
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low} to {high}"


def counted(counts: Mapping[str, int]) -> str:
    """How many there are of each thing, nothing of what there is none: ``7 undecided, 10 with a caution``."""
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def value(metric: Metric, estimate: Estimate | None, *, bare: bool = False) -> str:
    """A value in the unit of its metric, with its own interval where there is one, unless it is to be ``bare``."""
    if estimate is None:
        return NOTHING
    if estimate.low is None or estimate.high is None or bare:
        return number(estimate.mid, metric.digits)
    ends = f"{number(estimate.low, metric.digits)} to {number(estimate.high, metric.digits)}"
    return f"{number(estimate.mid, metric.digits)} ({ends})"


def ranged(sample: Sample | None, digits: int, over: str = "") -> str:
    """The median over blocks, and where they differ their range: ``72 (60 to 72 over 2 ramps)``."""
    if sample is None:
        return NOTHING
    ends = span((sample.low, sample.high), digits)
    shown = number(sample.mid, digits)
    return shown if ends == shown else f"{shown} ({ends}{over})"


def held(holds: Sample | None, over: str = "") -> str:
    """Arrivals per second that were held: the median of the ramps, and their range."""
    return ranged(holds, 1 if holds is not None and holds.mid < SLOW else 0, over)


def size(metric: Metric, effect: Estimate, *, bare: bool = False) -> str:
    """How far a cell is from another, in the direction in which it is: ``42 % more CPU (39 to 45 %)``.

    Ratios from ``AS_TIMES`` on are ``4.5 times (4.2 to 4.9)``. ``bare`` leaves out what there is more of, where the
    sentence has it.
    """
    if is_times(metric, effect):
        return f"{effect.mid:.1f} times{_within(effect.low, effect.high, 1, '')}"
    mid, low, high = _signed(metric, effect)
    word = metric.more if mid >= 0 else metric.less
    if mid < 0:
        mid, low, high = -mid, None if high is None else -high, None if low is None else -low
    digits, unit = _digits(metric, mid, low, high), _unit(metric)
    said = word.split()[0] if bare else word
    return f"{mid:.{digits}f} {unit} {said}{_within(low, high, digits, f' {unit}')}"


def against(metric: Metric, effect: Estimate, other: str) -> str:
    """A size and what it is compared with: ``4.5 times (4.2 to 4.9) as much as a shared one``."""
    return f"{size(metric, effect)} {'as much CPU as' if is_times(metric, effect) else 'than'} {other}"


def is_times(metric: Metric, effect: Estimate) -> bool:
    """Whether a ratio is said as "4.5 times"."""
    return not metric.is_difference and effect.mid >= AS_TIMES


def verdict(metric: Metric, effect: Estimate, word: Word, *, bare: bool = False) -> str:
    """A word with its size and interval; "same" means nothing without what matters.

    In ``same`` and ``undecided`` a minus stands for less.
    """
    if word in {"better", "worse"}:
        return size(metric, effect, bare=bare)
    _, low, high = _signed(metric, effect)
    unit = _unit(metric)
    ends = _within(low, high, _digits(metric, None, low, high), f" {unit}")
    if word == "same":
        return f"same within {matters(metric)}{ends}"
    return f"undecided{ends}" if ends else "not yet known"


def grouped(metric: Metric, effects: Sequence[Estimate], word: Word) -> str:
    """Several effects with the same word: the range of their sizes, and the outermost ends of their intervals."""
    if len(effects) == 1:
        return verdict(metric, effects[0], word, bare=True)
    lows = [effect.low for effect in effects if effect.low is not None]
    highs = [effect.high for effect in effects if effect.high is not None]
    outer = Estimate(effects[0].mid, min(lows, default=None), max(highs, default=None))
    if word in {"same", "undecided"}:
        return verdict(metric, outer, word)
    mids = sorted(abs(_signed(metric, effect)[0]) for effect in effects)
    _, *ends = _signed(metric, outer)
    low, high = sorted(abs(end) for end in ends if end is not None) if None not in ends else (None, None)
    digits, unit = _digits(metric, mids[0], low, high), _unit(metric)
    said = (metric.more if _signed(metric, effects[0])[0] >= 0 else metric.less).split()[0]
    return f"{span((mids[0], mids[-1]), digits)} {unit} {said}{_within(low, high, digits, f' {unit}')}"


def standing(metric: Metric, one: Comparison) -> str:
    """How much evidence a comparison has, and how much more it probably needs."""
    blocks = plural(one.blocks, "block")
    if one.decided_after is not None:
        return f"{blocks}, decided after {one.decided_after}"
    if one.smallest_decidable is None:
        return blocks
    later = (
        "is not decided by the last look" if one.needed is None else f"is probably decided after {one.needed} blocks"
    )
    return f"{blocks}, which decide {amount(metric, one.smallest_decidable)}; it {later}"


def matters(metric: Metric) -> str:
    """The smallest difference that matters."""
    return amount(metric, metric.matters)


def amount(metric: Metric, share: float | None) -> str:
    """A difference in the unit of the metric, or as per cent."""
    if share is None:
        return NOTHING
    return f"{share:.3g} {metric.unit}" if metric.is_difference else f"{100 * share:.2g} %"


def title(cell: Cell) -> str:
    return f"{cell.stack} on {cell.python}"


def short(cell: Cell, than: Cell) -> str:
    """A cell by what makes it another than this."""
    if cell.control != than.control:
        return "the reference cell"
    if cell.workload != than.workload:
        return cell.workload
    return cell.stack if cell.stack != than.stack else cell.python


def pair(one: Comparison) -> str:
    """What is compared: ``uvicorn against gunicorn_gevent on 3.13``, ``3.13 against 3.12 with uvicorn``."""
    if one.cell.control is not None:
        return f"the {one.cell.control} of {one.other.stack} on {one.other.python}"
    if one.cell.stack != one.other.stack:
        return f"{one.cell.stack} against {one.other.stack} on {one.cell.python}"
    if one.cell.python != one.other.python:
        return f"{one.cell.python} against {one.other.python} with {one.cell.stack}"
    return f"{one.cell.workload} against {one.other.workload} with {one.cell.stack} on {one.cell.python}"


def explanation(family: Family) -> str:
    """What is compared, which way is better, what matters, and how precise this evidence is."""
    metric = family.metric
    better = "more is better" if metric.higher_is_better else "less is better"
    rest = "" if family.rest is None else f"; the rest of the block model is {amount(metric, family.rest)} (sd)"
    smallest = [one.smallest_decidable for one in family.compared if one.smallest_decidable is not None]
    decides = f", and they decide differences from {amount(metric, min(smallest))} on" if smallest else ""
    return (
        f"{metric.title} in {metric.unit}; {better}, and {matters(metric)} matters. "
        f"{plural(family.blocks, 'block')}{decides}{rest}."
    )


def outcomes(family: Family) -> str:
    """How often each word was found: ``11 of 19 decided: 3 better, 6 worse, 2 same``."""
    found = Counter(one.word for one in family.compared)
    decided = [f"{found[word]} {word}" for word in ("better", "worse", "same") if found[word]]
    count = len(family.compared) - found["undecided"]
    return f"{count} of {len(family.compared)} decided{': ' if decided else ''}{', '.join(decided)}"


def ranks(family: Family) -> tuple[str, ...]:
    """The stacks on each Python by rank, one sentence each; none where nothing is ranked."""
    sentences = []
    for python in sorted({cell.python for cell in family.ranks if cell.control is None}, key=python_key):
        ranked = sorted((rank, cell.stack) for cell, rank in family.ranks.items() if cell.python == python)
        places = groupby(ranked, key=lambda place: place[0])
        order = "; ".join(f"{rank}. {', '.join(stack for _, stack in stacks)}" for rank, stacks in places)
        sentences.append(f"Ranks on {python}, shared where nothing tells stacks apart: {order}.")
    return tuple(sentences)


def controls(metric: Metric, found: Controls) -> str:
    """How the two controls of a workload came out."""
    parts = []
    if found.twin is not None:
        parts.append(f"the twin of the reference cell: {verdict(metric, found.twin.effect, found.twin.word)}")
    if found.planted is not None:
        known = "" if found.planted_effect is None else f"{100 * (found.planted_effect - 1):.1f} % more was burnt, "
        size_found = verdict(metric, found.planted.effect, found.planted.word)
        parts.append(f"the planted cost: {known}{size_found} was found")
    why = (found.reason or "").strip().rstrip(".")
    reason = f" {why[:1].upper()}{why[1:]}." if why else ""
    return f"Controls {found.state}{': ' if parts else '.'}{'; '.join(parts)}{'.' if parts else ''}{reason}"


def comes_back(climb: Climb | None) -> str:
    """Whether and when a cell was back after an overload."""
    if climb is None or not climb.watched:
        return NOTHING
    never = climb.watched - climb.came_back
    not_back = f"not within {climb.watched_s:g} s"
    if climb.back_s is None:
        return not_back
    seconds = f"in {span((climb.back_s.low, climb.back_s.high), int(climb.back_s.low < 1))} s"
    return f"{seconds}; {never} of {climb.watched} {not_back}" if never else seconds


def stopped_by(climb: Climb | None) -> str:
    """What stopped the ramps of a cell."""
    return STOPPED_BY.get(climb.limiter if climb else None, "unknown")


def percentile(row: CellSummary, name: str, *, bare: bool = False) -> str:
    """A pooled percentile in ms, with its interval, unless it is to be ``bare``."""
    found: float | None = getattr(row.latency.times, name) if row.latency else None
    if row.latency is None or found is None:
        return NOTHING
    low, high = (None, None) if bare else row.latency.intervals.get(name, (None, None))
    return f"{found:.0f}{_within(low, high, 0, '')}"


def _signed(metric: Metric, effect: Estimate) -> tuple[float, float | None, float | None]:
    """An effect and its interval as a difference in the unit, or in per cent."""

    def signed(end: float) -> float:
        return end if metric.is_difference else 100 * (end - 1)

    low, high = (None if end is None else signed(end) for end in (effect.low, effect.high))
    return signed(effect.mid), low, high


def _unit(metric: Metric) -> str:
    return metric.unit if metric.is_difference else "%"


def _digits(metric: Metric, mid: float | None, *ends: float | None) -> int:
    """As few digits as show that an end is not zero, where it is not."""
    digits = 1 if metric.is_difference or metric.matters < COARSE else 0
    shown: Sequence[float] = [end for end in (mid, *ends) if end]
    while digits < MOST_DIGITS and any(float(f"{end:.{digits}f}") == 0 for end in shown):
        digits += 1
    return digits


def _within(low: float | None, high: float | None, digits: int, unit: str) -> str:
    """An interval as it follows a number; no interval, no words."""
    return "" if low is None or high is None else f" ({low:.{digits}f} to {high:.{digits}f}{unit})"
