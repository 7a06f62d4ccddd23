"""Which cells stand side by side, where there are more than one block can hold. Pure.

Each batch has the cell that controls repeat, and the controls, so that every batch proves itself and links the cells of
one to those of the others. The others are drawn anew in each round, so that all meet.
"""

import math
import random
from collections.abc import Sequence

from stackmatrix.analysis.comparison.contrasts import repeated_by
from stackmatrix.matrix.cells import Cell

MOST_TOGETHER = 26
"""Two dozen cells and the controls: more share a core so that each is asked less than once a second."""
CELL_BYTES = 150_000_000
"""What a cell takes of memory, with some to spare: stacks of one process take 50 to 110 MB."""
MEMORY_SHARE = 0.5
"""Of the machine's memory that a block may take."""
FEWEST_TOGETHER = 6


def most_together(memory_bytes: int) -> int:
    """How many cells may stand side by side on a machine with so much memory."""
    return max(FEWEST_TOGETHER, min(MOST_TOGETHER, int(MEMORY_SHARE * memory_bytes / CELL_BYTES)))


def batches(cells: Sequence[Cell], most: int, seed: str) -> tuple[tuple[Cell, ...], ...]:
    """The cells of one round in batches of ``most`` at most and about the same size, each in the order given."""
    if len(cells) <= most:
        return (tuple(cells),)
    controls = {cell for cell in cells if cell.control is not None}
    shared = controls | ({repeated_by(cell) for cell in controls} & {*cells})
    others = [cell for cell in cells if cell not in shared]
    random.Random(seed).shuffle(others)
    count = math.ceil(len(others) / (most - len(shared)))
    parts = [{*others[place::count]} | shared for place in range(count)]
    return tuple(tuple(cell for cell in cells if cell in part) for part in parts)
