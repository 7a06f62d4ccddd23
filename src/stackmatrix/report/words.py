"""How numbers, verdicts, capacities and counts are put in words, alike in a page and in a terminal. Pure."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from stackmatrix.analysis.comparison.comparability import Refusal
from stackmatrix.analysis.comparison.compare import Comparison, Family
from stackmatrix.analysis.comparison.counts import MARGIN, Agreement, CountComparison, CountRow, typical_gap
from stackmatrix.analysis.summary import CellSummary, MachineSummary
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.objectives import LOWEST_RATE
from stackmatrix.matrix.stacks import PYTHONS
from stackmatrix.results.capacity import SloCapacity

NOTHING = "–"
"""Stands where there is no number."""


def number(value: float | None, digits: int) -> str:
    """A number with this many digits after the point, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def megabytes(value: float | None) -> str:
    return number(None if value is None else value / 1e6, 0)


def plateau(row: CellSummary) -> str:
    """The highest throughput; where the users were the limit, the plateau is at least that."""
    sign = "≥ " if row.plateau is not None and row.plateau.limiter == "users" else ""
    return sign + number(row.plateau_rps, 1)


def explanation(family: Family) -> str:
    """What is compared, which way is better, and what this run cannot tell apart."""
    metric = family.metric
    better = "more is better" if metric.higher_is_better else "less is better"
    if family.noise is None:
        noise = "no twin was measured, so the noise is not known"
    else:
        noise = f"the same cell differs from itself by {amount(family, family.noise)} (sd, {family.twin_blocks} blocks)"
    margin = amount(family, family.margin)
    unpaired = "" if family.run_id else "; of different runs, so not paired"
    return f"{metric.title} in {metric.unit}, {better}; {noise}; within {margin} cells count as the same{unpaired}"


def outcomes(family: Family) -> str:
    """How often each verdict was given, most frequent first."""
    found = Counter(verdict(family, one) for one in family.compared)
    return ", ".join(f"{count} {word}" for word, count in found.most_common())


def ranks(family: Family) -> tuple[str, ...]:
    """The stacks on each Python by rank, one sentence each."""
    sentences = []
    for python in sorted({cell.python for cell in family.ranks}, key=python_key):
        ranked = sorted((rank, cell.stack) for cell, rank in family.ranks.items() if cell.python == python)
        places = groupby(ranked, key=lambda place: place[0])
        order = "; ".join(f"{rank}. {', '.join(stack for _, stack in stacks)}" for rank, stacks in places)
        sentences.append(f"Ranks on {python}, shared where nothing tells stacks apart: {order}.")
    return tuple(sentences)


def refusal(one: Refusal) -> str:
    """A comparison that is not made, and why."""
    cell, differs = one.cell, ", ".join(one.differs)
    return f"{cell.stack} on {cell.python} is not compared with {other(one.other, cell)}: they differ in {differs}."


def amount(family: Family, value: float) -> str:
    """A difference in the unit of the metric, or as per cent."""
    return f"{value:.1f} {family.metric.unit}" if family.metric.is_difference else f"{value:.1%}"


def other(cell: Cell, than: Cell) -> str:
    """A cell by what makes it another than this."""
    return cell.stack if cell.stack != than.stack else f"Python {cell.python}"


def effect(family: Family, one: Comparison) -> str:
    """The ratio to the other cell or the difference from it, with its 95 % interval."""
    middle, low, high = one.effect(family.metric)
    digits, sign = (1, "+") if family.metric.is_difference else (3, "")
    within = "" if low is None or high is None else f" ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"
    return f"{middle:{sign}.{digits}f}{within}"


def p_value(one: Comparison) -> str:
    """The exact p of the signs."""
    return number(one.verdict.difference.p, 3)


def verdict(family: Family, one: Comparison) -> str:
    """The verdict in the words of the metric; "same" means nothing without its margin."""
    same = f"same within {amount(family, family.margin)}"
    words = {"faster": family.metric.better, "slower": family.metric.worse, "same": same}
    return words.get(one.verdict.word, one.verdict.word)


def capacity(row: CellSummary, slo_ms: float) -> str:
    """The capacity of a cell under an SLO, in arrivals per second."""
    one = row.capacity.under(slo_ms) if row.capacity is not None else None
    return NOTHING if one is None else sustained(one)


def sustained(one: SloCapacity) -> str:
    """The last rate that passed, its interval, and the first that failed, in arrivals per second."""
    if one.state == "undecided":
        return "undecided"
    fails = "" if one.first_fail is None else f"; fails at {rate(one.first_fail)}"
    if one.last_pass is None:
        return f"never{fails or f'; fails at {rate(LOWEST_RATE)}'}"
    within = "" if one.low is None or one.high is None else f" ({rate(one.low)} to {rate(one.high)})"
    return f"{rate(one.last_pass)}{within}{fails}"


def rate(value: float) -> str:
    """Arrivals per second, to three digits."""
    return f"{value:.3g}"


def confirmed(row: CellSummary) -> str:
    """In how many blocks each SLO was confirmed, and why the search ended early."""
    assert row.capacity is not None
    blocks = {len(one.decided) for one in row.capacity.sustained}
    words = f"{min(blocks)} to {max(blocks)}" if len(blocks) > 1 else str(max(blocks, default=0))
    return words if row.capacity.failure is None else f"{words}; {row.capacity.failure}"


def limiters(row: CellSummary) -> str:
    """The bounds that were nearest where the SLOs were missed first."""
    found = row.capacity.sustained if row.capacity is not None else ()
    return ", ".join(dict.fromkeys(one.limiter for one in found if one.limiter is not None)) or NOTHING


def spread(row: CountRow) -> str:
    """How far the repeats of a count are apart, as a share of their mean."""
    repeats = row.count.repeats
    return f"{(max(repeats) - min(repeats)) / row.count.mean:.2%} of {len(repeats)}" if len(repeats) > 1 else "once"


def count_ratio(row: CountRow, one: CountComparison | None) -> str:
    """A count over that of another cell, with its 95 % interval and the verdict."""
    if one is None:
        return NOTHING
    ratio = one.ratio
    within = "" if ratio.low is None else f" ({ratio.low:.3f} to {ratio.high:.3f})"
    word = f"same within {MARGIN:.1%}" if ratio.word == "same" else ratio.word
    return f"{ratio.ratio:.3f}{within} × {other(one.other, row.cell)}: {word}"


def heaviest(row: CountRow) -> str:
    """The objects in which most is executed, with their share."""
    return ", ".join(f"{part.object} {part.instructions / row.count.mean:.0%}" for part in row.count.objects[:3])


def in_flights(agreed: Sequence[Agreement]) -> tuple[int, ...]:
    """The numbers of requests in flight at which any of the cells was counted."""
    return tuple(sorted({in_flight for one in agreed for in_flight in one.instructions}))


def gaps(agreed: Sequence[Agreement]) -> str:
    """How far ratios of CPU time and of instructions typically are from each other."""
    known = [
        f"{gap:.0%} from that of instructions at {in_flight} in flight"
        for in_flight in in_flights(agreed)
        if (gap := typical_gap(agreed, in_flight)) is not None
    ]
    return f"Typically (median of {len(agreed)} cells) a ratio of CPU time is {' and '.join(known)}."


def skipped(machine: MachineSummary) -> tuple[str, ...]:
    """One sentence for each Python of the axis that was skipped or not tried on a machine."""
    measured = {row.cell.python for workload in machine.workloads for row in workload.rows}
    reasons: dict[str, Counter[str]] = {}
    for workload in machine.workloads:
        for row in workload.skipped:
            reasons.setdefault(row.cell.python, Counter())[row.reason or ""] += 1
    sentences = []
    for python in sorted({*PYTHONS, *reasons}, key=python_key):
        if python in reasons:
            why = "; ".join(f"{reason} ({count} cells)" for reason, count in reasons[python].items())
            sentences.append(f"Python {python} skipped: {why}.")
        elif python not in measured:
            sentences.append(f"Python {python} not measured.")
    return tuple(sentences)
