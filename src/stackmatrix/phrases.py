"""Comparisons and counts as people read them, in a page and in a terminal alike. Pure."""

from stackmatrix.comparison import Compared, Family
from stackmatrix.counted import Against, CountedRow
from stackmatrix.model import Cell
from stackmatrix.wording import NOTHING, number


def title(family: Family) -> str:
    """What is compared, which way is better, and what this run cannot tell apart."""
    figure = family.figure
    better = "more is better" if figure.higher_is_better else "less is better"
    if family.noise is None:
        noise = "no twin was measured, so the noise is not known"
    else:
        noise = f"the same cell differs from itself by {amount(family, family.noise)} (sd, {family.twin_blocks} blocks)"
    margin = amount(family, family.margin)
    return f"{figure.title} in {figure.unit}, {better}; {noise}; within {margin} cells count as the same"


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
    """The verdict; memory is not faster or slower, but less or more."""
    return {"faster": family.figure.better, "slower": family.figure.worse}.get(one.verdict.word, one.verdict.word)


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
    return f"{ratio.ratio:.3f}{within} × {other(one.other, row.cell)}: {ratio.word}"


def parts(row: CountedRow) -> str:
    """The objects in which most is executed, with their share."""
    return ", ".join(f"{part.object} {part.instructions / row.count.mean:.0%}" for part in row.count.objects[:3])
