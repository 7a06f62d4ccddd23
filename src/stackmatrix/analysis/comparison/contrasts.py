"""Which cells are compared with which: contrasts, declared before anything is measured. Pure.

Each stack is compared with the reference stack on the same Python, and each stack on a Python with the Python before.
"""

from collections.abc import Iterable

from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.stacks import REFERENCE_STACK

type Contrast = tuple[Cell, Cell]
"""A cell, and the one that it is compared with."""


def reference_of(cell: Cell) -> Cell:
    """The reference stack on the same Python with the same workload."""
    return Cell(stack=REFERENCE_STACK, python=cell.python, workload=cell.workload)


def python_before(cell: Cell, cells: Iterable[Cell]) -> Cell | None:
    """The same stack on the newest of the Pythons that are older."""
    older = [one for one in cells if one.stack == cell.stack and python_key(one.python) < python_key(cell.python)]
    return max(older, key=lambda one: python_key(one.python), default=None)


def declared(cells: Iterable[Cell]) -> list[Contrast]:
    """Every contrast among cells of one workload, in the order of the cells."""
    known = list(cells)
    pairs = []
    for cell in known:
        reference, before = reference_of(cell), python_before(cell, known)
        if reference != cell and reference in known:
            pairs.append((cell, reference))
        if before is not None:
            pairs.append((cell, before))
    return pairs
