"""Which cells of one workload are compared with which: declared before anything is measured. Pure.

The stacks on each Python with each other, and each stack's Python with the one before: overridden packages with the
locked ones, a build without the GIL with the plain one. Beside them the two controls, each with the cell that it
repeats.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import plain_before, python_key
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS

type Contrast = tuple[Cell, Cell]
"""A cell, and the one that it is compared with."""


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """Cells by the order of the table of stacks, unknown ones after it by name; then by Python, controls last."""
    places = {name: place for place, name in enumerate(STACKS)}
    return sorted(
        cells,
        key=lambda one: (
            (places.get(one.stack, len(places)), one.stack),
            python_key(one.python),
            one.control is not None,
            one.control != "twin",
        ),
    )


def repeated_by(control: Cell) -> Cell:
    """The reference cell that a control repeats."""
    return replace(control, control=None)


def declared(cells: Iterable[Cell]) -> list[Contrast]:
    """Every comparison among cells of one workload, controls left out; the reference stack is always the other."""
    known = [cell for cell in in_order(cells) if cell.control is None]
    pairs = []
    for cell in known:
        pairs += [(one, cell) for one in known if one.python == cell.python and _is_other_of(cell, one, known)]
        before = python_before(cell, known)
        pairs += [] if before is None else [(cell, before)]
    return pairs


def control_contrasts(cells: Iterable[Cell]) -> list[Contrast]:
    """Each control with the cell that it repeats, where that is there."""
    known = in_order(cells)
    return [(cell, repeated_by(cell)) for cell in known if cell.control is not None and repeated_by(cell) in known]


def python_before(cell: Cell, cells: Iterable[Cell]) -> Cell | None:
    """The same stack on the Python that the cell's is compared with, where it is there."""
    of_stack = {one.python: one for one in cells if one.stack == cell.stack}
    before = plain_before(cell.python, of_stack)
    return None if before is None else of_stack[before]


def _is_other_of(cell: Cell, one: Cell, known: Sequence[Cell]) -> bool:
    """Whether ``cell`` is what ``one`` is compared with."""
    if cell == one or REFERENCE_STACK in (one.stack, cell.stack):
        return cell != one and cell.stack == REFERENCE_STACK
    return known.index(cell) < known.index(one)
