"""The counts of one workload's cells: each beside the Python before, the reference stack, and CPU time. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from stackmatrix.analysis.instructions import Ratio, compare
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.results.model import InstructionCount, Instructions


@dataclass(frozen=True, slots=True)
class Against:
    """A count over that of another cell."""

    other: Cell
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class CountedRow:
    """One cell at one number of requests in flight."""

    cell: Cell
    count: InstructionCount
    python_before: Against | None
    reference: Against | None


def compare_counts(counted: Mapping[Cell, Instructions]) -> tuple[CountedRow, ...]:
    """All counts of one workload's cells, in their order.

    Counts with another number of requests in flight are another figure: they are compared, and corrected, apart.
    """
    found = {(cell, count.in_flight): count for cell, one in counted.items() for count in one.counts}
    before = {key: other for key in found if (other := _python_before(key, found))}
    reference = {key: other for key in found if (other := (reference_of(key[0]), key[1])) in found and other != key}
    ratios: dict[tuple[Key, Key], Ratio] = {}
    for in_flight in dict.fromkeys(in_flight for _, in_flight in found):
        declared = [pair for pair in (*before.items(), *reference.items()) if pair[0][1] == in_flight]
        pairs = [(found[one], found[other]) for one, other in declared]
        ratios.update(zip(declared, compare(pairs), strict=True))

    def against(key: Key, other: Key | None) -> Against | None:
        return None if other is None else Against(other[0], ratios[key, other])

    return tuple(
        CountedRow(key[0], count, against(key, before.get(key)), against(key, reference.get(key)))
        for key, count in found.items()
    )


type Key = tuple[Cell, int]
"""A cell and a number of requests in flight."""


def _python_before(key: Key, found: Iterable[Key]) -> Key | None:
    """The same on the newest Python that is older."""
    cell, in_flight = key
    older = [
        one
        for one in found
        if (one[0].stack, one[1]) == (cell.stack, in_flight) and python_key(one[0].python) < python_key(cell.python)
    ]
    return max(older, key=lambda one: python_key(one[0].python), default=None)


def reference_of(cell: Cell) -> Cell:
    """The reference stack on the same Python with the same workload."""
    return Cell(stack=REFERENCE_STACK, python=cell.python, workload=cell.workload)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A cell's ratios to the reference stack on its Python: of CPU time per request, and of counts."""

    cell: Cell
    cpu: float
    instructions: Mapping[int, float]
    """By the number of requests in flight."""


def agree(cpu: Mapping[Cell, float], counted: Mapping[Cell, Instructions]) -> tuple[Agreement, ...]:
    """The cells whose ratio of CPU time to the reference is known, and that are counted as it is."""
    found = []
    for cell, one in counted.items():
        reference = reference_of(cell)
        if cell == reference or cell not in cpu or reference not in counted:
            continue
        mine, theirs = _means(one), _means(counted[reference])
        ratios = {in_flight: mine[in_flight] / theirs[in_flight] for in_flight in mine if in_flight in theirs}
        found.append(Agreement(cell, cpu[cell], ratios))
    return tuple(found)


def typical_gap(found: Iterable[Agreement], in_flight: int) -> float | None:
    """How far a ratio of CPU time typically is from that of counts: the median of their quotients, less one."""
    gaps = [abs(math.log(one.cpu / one.instructions[in_flight])) for one in found if in_flight in one.instructions]
    return math.expm1(median(gaps)) if gaps else None


def _means(one: Instructions) -> dict[int, float]:
    return {count.in_flight: count.mean for count in one.counts}
