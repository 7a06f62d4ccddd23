"""How much of a long list is told: a few stacks one by one; of many some, and how many more there are.

The one place where that is decided, for sentences, tables and charts. What is not told stands in the table to which a
sentence leads. Pure.
"""

from collections.abc import Collection, Sequence

from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.ramp import has_slots_for as has_slots
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.stacks.stack import Variation
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report.words import join

FEW = 6
"""Stacks that a sentence names one by one; more of them nobody reads."""
ENDS = 3
"""Of many, those that are named before the others are counted, or that a table has at each end of its order."""
MOST_ROWS = 14
"""Of a table on the first page: the demo's six, two that people ask for, and ``ENDS`` at each end."""


def is_many(count: int) -> bool:
    return count > FEW


def names(stacks: Collection[str], most: int = FEW) -> str:
    """All names where there are at most so many, else the first ``ENDS`` and how many more there are."""
    if len(stacks) <= most:
        return join(stacks)
    return join([*[*stacks][:ENDS], f"{len(stacks) - ENDS} more"])


def ends[Item](items: Sequence[Item]) -> list[Item]:
    """All items of a few, else those at both ends."""
    return [*items[:ENDS], *items[-ENDS:]] if is_many(len(items)) else [*items]


def by_value(family: Family, stacks: Collection[str]) -> tuple[str, ...]:
    """Many stacks by their value on the newest Python, the best first and those without one last; a few as they are."""
    newest: dict[str, float] = {}
    for cell, value in sorted(family.values.items(), key=lambda one: newest_key(one[0].python)):
        if cell.control is None:
            newest[cell.stack] = -value.mid if family.metric.higher_is_better else value.mid
    if not is_many(len(stacks)):
        return tuple(stacks)
    return tuple(sorted(stacks, key=lambda stack: newest.get(stack, float("inf"))))


def by_cost(workload: WorkloadSummary) -> tuple[str, ...]:
    """The stacks of a workload: many by what they cost, a few in the order of the table of stacks."""
    family = workload.family(COST)
    return workload.stacks if family is None else by_value(family, workload.stacks)


def on_the_first_page(workload: WorkloadSummary) -> tuple[str, ...]:
    """All stacks where they fit a small table, else the cheapest, the dearest, the demo's and what is asked for."""
    stacks = by_cost(workload)
    if len(stacks) <= MOST_ROWS:
        return stacks
    costs = workload.family(COST)
    known = {cell.stack for cell in costs.values} if costs is not None else set()
    at_ends = ends([stack for stack in stacks if stack in known])
    return tuple(stack for stack in stacks if stack in at_ends or is_of_the_demo(stack) or is_asked_for(stack))


def is_of_the_demo(stack: str) -> bool:
    row = STACKS.get(stack)
    return row is not None and row.is_seed


def variation(stack: str) -> Variation | None:
    """The row that a stack differs from in one thing, and the thing; ``None`` where there is none."""
    row = STACKS.get(stack)
    return None if row is None else row.varies


def is_asked_for(stack: str) -> bool:
    varies = variation(stack)
    return varies is not None and varies.is_asked_for


def has_slots_for(workload: str, stack: str) -> bool:
    """Whether a stack has slots enough for a workload's reference rate, as far as the tables know them."""
    row, page = STACKS.get(stack), WORKLOADS.get(workload)
    return row is None or page is None or has_slots(page.compare_rate, page.unloaded_ms / 1000, row.slots)


def is_told_against(cell: Cell, other: Cell, reference: Cell | None) -> bool:
    """Whether a comparison of two stacks answers a question of its own: with the reference, or with what one varies."""
    varies = variation(cell.stack)
    known = {reference.stack if reference else None, varies.stack if varies else None}
    return other.stack in {cell.stack, *known}
