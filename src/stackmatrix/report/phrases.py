"""Comparisons and counts as people read them, in a page and in a terminal alike. Pure."""

from collections import Counter
from collections.abc import Sequence

from stackmatrix.analysis.comparison.compare import Compared, Family, Refused
from stackmatrix.analysis.comparison.counts import Against, Agreement, CountedRow, typical_gap
from stackmatrix.analysis.instructions import MARGIN
from stackmatrix.analysis.summary import CellSummary
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.objectives import LOWEST_RATE
from stackmatrix.report.words import NOTHING, number
from stackmatrix.results.capacity import Capacity, Sustained


def title(family: Family) -> str:
    """What is compared, which way is better, and what this run cannot tell apart."""
    figure = family.figure
    better = "more is better" if figure.higher_is_better else "less is better"
    if family.noise is None:
        noise = "no twin was measured, so the noise is not known"
    else:
        noise = f"the same cell differs from itself by {amount(family, family.noise)} (sd, {family.twin_blocks} blocks)"
    margin = amount(family, family.margin)
    unpaired = "" if family.run_id else "; of different runs, so not paired"
    return f"{figure.title} in {figure.unit}, {better}; {noise}; within {margin} cells count as the same{unpaired}"


def found(family: Family) -> str:
    """How many of the comparisons came out how, most frequent first."""
    words = Counter(word(family, one) for one in family.compared)
    return ", ".join(f"{count} {said}" for said, count in words.most_common())


def ranks(family: Family) -> tuple[str, ...]:
    """The stacks on each Python by rank, one sentence each."""
    sentences = []
    for python in sorted({cell.python for cell in family.ranks}, key=python_key):
        places: dict[int, list[str]] = {}
        for cell, rank in family.ranks.items():
            if cell.python == python:
                places.setdefault(rank, []).append(cell.stack)
        order = "; ".join(f"{rank}. {', '.join(sorted(names))}" for rank, names in sorted(places.items()))
        sentences.append(f"Ranks on {python}, shared where nothing tells stacks apart: {order}.")
    return tuple(sentences)


def refused(one: Refused) -> str:
    """A comparison that is not made, and why."""
    cell, differs = one.cell, ", ".join(one.differs)
    return f"{cell.stack} on {cell.python} is not compared with {other(one.other, cell)}: they differ in {differs}."


def amount(family: Family, value: float) -> str:
    """A difference in the unit of the figure, or as per cent."""
    return f"{value:.1f} {family.figure.unit}" if family.figure.is_difference else f"{value:.1%}"


def other(cell: Cell, than: Cell) -> str:
    """A cell by what makes it another than this."""
    return cell.stack if cell.stack != than.stack else f"Python {cell.python}"


def effect(family: Family, one: Compared) -> str:
    """The ratio to the other cell or the difference from it, with its 95 % interval."""
    middle, low, high = one.effect(family.figure)
    digits = 1 if family.figure.is_difference else 3
    sign = "+" if family.figure.is_difference else ""
    within = "" if low is None or high is None else f" ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"
    return f"{middle:{sign}.{digits}f}{within}"


def chance(one: Compared) -> str:
    """The exact p of the signs."""
    return number(one.verdict.difference.p, 3)


def word(family: Family, one: Compared) -> str:
    """The verdict; memory is not faster or slower, but less or more, and "same" means nothing without its margin."""
    said = {"faster": family.figure.better, "slower": family.figure.worse, "same": same(family)}
    return said.get(one.verdict.word, one.verdict.word)


def same(family: Family) -> str:
    """What "same" means in this run."""
    return f"same within {amount(family, family.margin)}"


def plateau(row: CellSummary) -> str:
    """The highest throughput; where the users were the limit, the plateau is at least that."""
    sign = "≥ " if row.plateau is not None and row.plateau.limiter == "users" else ""
    return sign + number(row.plateau_rps, 1)


def millions(row: CountedRow) -> str:
    """A count."""
    return number(row.count.mean / 1e6, 3)


def spread(row: CountedRow) -> str:
    """How far the repeats of a count are apart, as a share of their mean."""
    repeats = row.count.repeats
    return f"{(max(repeats) - min(repeats)) / row.count.mean:.2%} of {len(repeats)}" if len(repeats) > 1 else "once"


def count_ratio(row: CountedRow, one: Against | None) -> str:
    """A count over that of another cell, with its 95 % interval and what may be said of it."""
    if one is None:
        return NOTHING
    ratio = one.ratio
    within = "" if ratio.low is None else f" ({ratio.low:.3f} to {ratio.high:.3f})"
    return f"{ratio.ratio:.3f}{within} × {other(one.other, row.cell)}: {count_word(one)}"


def count_word(one: Against) -> str:
    """What may be said of a ratio of counts."""
    return f"same within {MARGIN:.1%}" if one.ratio.word == "same" else one.ratio.word


def parts(row: CountedRow) -> str:
    """The objects in which most is executed, with their share."""
    return ", ".join(f"{part.object} {part.instructions / row.count.mean:.0%}" for part in row.count.objects[:3])


def in_flights(agreed: Sequence[Agreement]) -> tuple[int, ...]:
    """The numbers of requests in flight at which any of the cells was counted."""
    return tuple(sorted({in_flight for one in agreed for in_flight in one.instructions}))


def gaps(agreed: Sequence[Agreement]) -> str:
    """How far the two kinds of ratios typically are from each other."""
    told = [
        f"{gap:.0%} from that of instructions at {in_flight} in flight"
        for in_flight in in_flights(agreed)
        if (gap := typical_gap(agreed, in_flight)) is not None
    ]
    return f"Typically (median of {len(agreed)} cells) a ratio of CPU time is {' and '.join(told)}."


def sustained(one: Sustained) -> str:
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


def confirmed(capacity: Capacity) -> str:
    """In how many blocks each SLO was confirmed, and why it ended early."""
    blocks = {len(one.told) for one in capacity.sustained}
    words = f"{min(blocks)} to {max(blocks)}" if len(blocks) > 1 else str(max(blocks, default=0))
    return words if capacity.failure is None else f"{words}; {capacity.failure}"


def limiters(capacity: Capacity) -> str:
    """The bounds that were nearest where the SLOs were missed first."""
    return ", ".join(dict.fromkeys(one.limiter for one in capacity.sustained if one.limiter is not None)) or NOTHING
