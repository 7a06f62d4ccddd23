"""What a run still has to measure: cells all of whose comparisons are decided leave the later blocks. Pure.

Only metrics that a run goes on for count (``Metric.headline``). Whoever leaves is not asked again, so that the time
goes to what is open; the reference cell and its controls stay, since every block has to prove itself.
"""

from collections.abc import Iterable

from stackmatrix.analysis.comparison.contrasts import in_order, repeated_by
from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.matrix.cells import Cell, reference_of
from stackmatrix.matrix.profiles import LOOKS


def open_cells(families: Iterable[Family]) -> set[Cell]:
    """The cells that have to be in the next blocks; none of a workload in which nothing is left to decide."""
    return {cell for family in families if family.metric.headline for cell in _open_in(family)}


def forecast(family: Family) -> int | None:
    """How many more blocks the family's open comparisons and its controls probably take.

    ``None`` where, as things stand, one of them is not decided by the last look.
    """
    if _is_settled(family):
        return 0
    controls = [one for one in (family.controls.twin, family.controls.planted) if one is not None]
    waited = controls if family.controls.state == "not yet known" else []
    needed = [one.needed for one in (*family.open, *waited) if not one.is_decided]
    known = [one for one in needed if one is not None]
    if len(known) < len(needed):
        return None
    return max(0, max(known, default=LOOKS[0]) - family.blocks)


def _is_settled(family: Family) -> bool:
    """Whether more blocks would add nothing: all is decided, or no later look is left, or the runs are void."""
    if family.void is not None or family.blocks >= LOOKS[-1]:
        return True
    return family.blocks >= LOOKS[0] and not family.open and family.controls.state != "not yet known"


def _open_in(family: Family) -> set[Cell]:
    if _is_settled(family):
        return set()
    cells = set(family.values)
    if family.blocks < LOOKS[0]:
        return cells
    controls = {cell for cell in cells if cell.control is not None}
    reference = reference_of(in_order(cells))
    stay = controls | {repeated_by(cell) for cell in controls} | ({reference} if reference else set())
    return (stay & cells) | {cell for one in family.open for cell in (one.cell, one.other)}
