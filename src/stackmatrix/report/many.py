"""How much of a long list is told: a few stacks one by one; of many both ends of their order, and how many lie between.

The one place where that is decided, for sentences, tables and charts. What is not told stands in the table to which a
sentence leads. Pure.
"""

from collections.abc import Collection, Sequence
from itertools import groupby

from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report.words import join

FEW = 8
"""Stacks that a sentence names one by one; more of them nobody reads."""
ENDS = 3
"""Of many, those that are named at each end of their order, or of those that are alike."""
MOST_ROWS = 12
"""Of a table on the first page: the demo's six, and ``ENDS`` at each end."""


def is_many(count: int) -> bool:
    return count > FEW


def names(stacks: Collection[str], most: int = FEW) -> str:
    """All names where there are at most so many, else the first ``ENDS`` and how many more there are."""
    if len(stacks) <= most:
        return join(stacks)
    return join([*[*stacks][:ENDS], f"{len(stacks) - ENDS} more"])


def ranked(sizes: Sequence[tuple[str, str]]) -> str:
    """Many sizes in their order, each with its stack: those at both ends, and those that are alike together.

    ``72 with a, b, c and 23 more; 60 with d; 41 with e``.
    """
    groups = [(size, [stack for _, stack in alike]) for size, alike in groupby(sizes, key=lambda one: one[0])]
    told = [f"{size} with {names(stacks, ENDS)}" for size, stacks in groups]
    between = groups[ENDS:-ENDS]
    if sum(len(stacks) for _, stacks in between) > 1:
        told[ENDS:-ENDS] = [f"{sum(len(stacks) for _, stacks in between)} more between"]
    return "; ".join(told)


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
    """All stacks where they fit a small table, else the cheapest, the dearest, and those of the demo, by cost."""
    stacks = by_cost(workload)
    if len(stacks) <= MOST_ROWS:
        return stacks
    costs = workload.family(COST)
    known = {cell.stack for cell in costs.values} if costs is not None else set()
    at_ends = ends([stack for stack in stacks if stack in known])
    return tuple(stack for stack in stacks if stack in at_ends or is_of_the_demo(stack))


def is_of_the_demo(stack: str) -> bool:
    row = STACKS.get(stack)
    return row is not None and row.is_seed


def is_told_against(cell: Cell, other: Cell, reference: Cell | None) -> bool:
    """Whether a comparison of two stacks answers a question of its own: with the reference, or with what one varies."""
    row = STACKS.get(cell.stack)
    varied = row.varies.stack if row is not None and row.varies is not None else None
    return cell.stack == other.stack or other.stack in {varied, reference.stack if reference else None}
