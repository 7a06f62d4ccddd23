"""What the cost of a stack comes from: its parts beside the reference's, and rows that differ in one thing. Pure.

Every size is a verdict or a cause's cost that the tables have, too; nothing is estimated here.
"""

import math
from collections.abc import Iterator, Sequence

from stackmatrix.analysis.causes import CauseCost
from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary
from stackmatrix.matrix.causes import CAUSES, Cause
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.report import links, many, words
from stackmatrix.report.costs import against
from stackmatrix.report.table import Column, Table, name
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import NOTHING, join

CHANGED = "What does one changed thing cost?"
MOST_CHANGES = 3
"""That the statement tells; the table has all."""


def own(machine: MachineSummary) -> Iterator[Sentence]:
    """How much of what the dearest of the demo's stacks costs more than the reference is there without any call."""
    pairs = ((alone, more) for alone in CAUSES for more in CAUSES if more.beside == alone.workload)
    for alone, more in (pair for pair in pairs if pair[0].beside is None):
        workload, bare = machine.workload(more.workload), machine.workload(alone.workload)
        found = against(workload) if workload is not None else None
        dearer = [one for one in (found.decided if found is not None else ()) if one.word == "worse"]
        for one in reversed([one for one in dearer if many.is_of_the_demo(one.cell.stack)]):
            without = against(bare, one.cell.python) if bare is not None else None
            verdict = without.of(one.cell.stack) if without is not None else None
            parts = [_cost_of(machine, cause, cell) for cell in (one.cell, one.other) for cause in (alone, more)]
            known = [part for part in parts if part is not None]
            if verdict is not None and len(known) == len(parts) and (text := _in_two_parts(known, verdict)):
                stack = one.cell.stack
                yield f"{more.workload}-parts", f"What of {stack}'s cost is {stack}'s?", text, links.CAUSES
                return


def _in_two_parts(parts: Sequence[CauseCost], bare: Comparison) -> str:
    """What a stack costs without any call, which share that is of what it costs more with calls, and what they add.

    ``parts`` are that of the stack without calls, what they add, and the same of the reference; nothing is said where
    their sum is not more than that of the reference.
    """
    mine, added, theirs, theirs_added = parts
    size, reference = words.verdict(COST, bare.effect, bare.word), theirs.cell.stack
    costs = f"the {size} as" if bare.word == "same" else words.against(COST, bare.effect, "").strip()
    extra = mine.ms.mid - theirs.ms.mid
    if (whole := extra + added.ms.mid - theirs_added.ms.mid) <= 0:
        return ""
    share = extra / whole
    what = "nothing" if share <= 0 else "all" if share >= 1 else f"about {words.share(share)}"
    return (
        f"Without any call ({mine.cell.workload}) it costs {words.value(COST, mine.ms)} ms on {mine.cell.python}, "
        f"{costs} {reference}: {what} of what it costs more with calls. These add {words.value(COST, added.ms)} ms, "
        f"against {words.value(COST, theirs_added.ms)} with {reference}."
    )


def _cost_of(machine: MachineSummary, cause: Cause, cell: Cell) -> CauseCost | None:
    """What a cause costs with the stack and Python of a cell, where there is an interval."""
    found = [one for one in machine.causes if one.cause == cause and one.ms.low is not None]
    return next((one for one in found if (one.cell.stack, one.cell.python) == (cell.stack, cell.python)), None)


def changes(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What is otherwise with rows that vary another one, on the newest Python.

    What people ask for is told however it came out; of the rest the largest that are decided.
    """
    family = workload.family(COST)
    every = variations(family) if family is not None else []
    python = max((one.cell.python for one in every), key=newest_key, default=None)
    here = sorted((one for one in every if one.cell.python == python), key=lambda one: -abs(math.log(one.effect.mid)))
    plain = [one for one in here if one.caution is None and one.effect.low is not None]
    asked = [one for one in plain if many.is_asked_for(one.cell.stack)]
    decided = [one for one in plain if one.is_decided and one not in asked]
    told = [*asked, *decided[: max(0, MOST_CHANGES - len(asked))]]
    if not any(one.is_decided for one in plain):
        return
    by_stack: dict[str, list[Comparison]] = {}
    for one in sorted(told, key=lambda one: (not one.is_decided, here.index(one))):
        by_stack.setdefault(one.other.stack, []).append(one)
    sizes = [f"{stack}: {join([_change(one) for one in found])}" for stack, found in by_stack.items()]
    text = f"CPU per request of {workload.name} on {python}, against {'; against '.join(sizes)}."
    with_caution = sum(one.caution is not None for one in here)
    counts = {
        "decided": len(asked) + len(decided) - len(told),
        "undecided": len(here) - with_caution - len(asked) - len(decided),
        "with a caution": with_caution,
    }
    text += f" Further: {words.counted(counts)}." if any(counts.values()) else ""
    yield f"{workload.name}-changes", CHANGED, text, links.VARIATIONS


def _change(one: Comparison) -> str:
    varies = many.variation(one.cell.stack)
    by = varies.by if varies is not None else ""
    return f"{words.verdict(COST, one.effect, one.word, bare=True)} with {by} ({one.cell.stack})"


def variations(family: Family) -> list[Comparison]:
    """The comparisons of rows with those that they vary in one thing, in the order of the family."""
    pairs = [(one, many.variation(one.cell.stack)) for one in family.compared]
    return [one for one, varies in pairs if varies is not None and varies.stack == one.other.stack]


def variation_table(machine: MachineSummary) -> Table[tuple[Cell, Cell]]:
    """Every row that varies another, Python by Python: the thing, and its verdict under each workload."""
    families: Sequence[Family] = [
        family for one in machine.workloads if (family := one.family(COST)) is not None and one.void is None
    ]
    found: dict[tuple[str, str, str], dict[str, Comparison]] = {}
    for family in families:
        for one in variations(family):
            found.setdefault((one.cell.stack, one.other.stack, one.cell.python), {})[family.workload] = one
    rows = [next(iter(by_workload.values())) for by_workload in found.values()]

    def verdict(workload: str) -> Column[tuple[Cell, Cell]]:
        def of(pair: tuple[Cell, Cell]) -> str:
            one = found[pair[0].stack, pair[1].stack, pair[0].python].get(workload)
            if one is None:
                return NOTHING
            caution = f"; {one.caution.rstrip('.')}" if one.caution else ""
            return f"{words.verdict(COST, one.effect, one.word, bare=True)}{caution}"

        return Column(workload, of)

    return Table(
        (
            name("stack", lambda pair: pair[0].stack),
            name("against", lambda pair: pair[1].stack),
            name("Python", lambda pair: pair[0].python),
            Column("what is otherwise", lambda pair: varies.by if (varies := many.variation(pair[0].stack)) else ""),
            *(verdict(family.workload) for family in families),
        ),
        [(one.cell, one.other) for one in rows],
    )
