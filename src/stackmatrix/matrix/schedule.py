"""In which order cells are measured: every cell once per block, each block in its own random order."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.matrix.cells import Cell


@dataclass(frozen=True, slots=True)
class ScheduledTrial:
    """One trial to be run: its place in the run, and the seed for everything random in it."""

    cell: Cell
    block: int
    order: int
    seed: int


def schedule(cells: Sequence[Cell], blocks: int, seed: int) -> Iterator[ScheduledTrial]:
    """Every cell once per block, each block in its own random order; all cells of a block share its seed.

    The seed is shared so that open-loop arrivals are the same plan for every cell of a block.
    """
    generator = random.Random(seed)
    for block in range(blocks):
        order = list(cells)
        generator.shuffle(order)
        block_seed = generator.getrandbits(32)
        for position, cell in enumerate(order):
            yield ScheduledTrial(cell, block, position, block_seed)
