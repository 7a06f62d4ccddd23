"""The answer in short: what to choose for the first workload, as far as verdicts tell, and what speaks for it. Pure.

What is *comparable* is without a caution against the reference stack, and has slots enough for the reference rate.
"""

from collections.abc import Collection, Iterator

from stackmatrix.analysis.comparison.verdicts import Comparison
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import WorkloadSummary
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.wording import plural
from stackmatrix.report import links, many, stops, words
from stackmatrix.report.costs import Against, against, steps_of, way_of
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import join

LEAD = "In short:"


def sentences(workload: WorkloadSummary) -> Iterator[Sentence]:
    """The stack than which none is known to cost less, what others cost, deploys, and Pythons."""
    found = against(workload)
    if found is None:
        return
    reference = found.reference.stack
    known = [reference, *(one.cell.stack for one in found.plain if one.effect.low is not None)]
    comparable = [stack for stack in known if many.has_slots_for(workload.name, stack)]
    cheapest = _unbeaten(workload, found, comparable)
    if len(comparable) < 2 or not cheapest:
        return
    less = [one.cell.stack for one in found.decided if one.word == "better" and one.cell.stack in cheapest]
    best = next(iter(less), reference if reference in cheapest else cheapest[0])
    where = f"this view ({workload.name})" if workload.summary else workload.name
    ties = [stack for stack in cheapest if stack != best]
    text = (
        f"For {where} on Python {found.reference.python} {_titled(best)} costs the least CPU of comparable "
        f"stacks, as far as is decided{_ties(ties)}.{_sizes(found, best, comparable)}{stops.in_short(workload, best)}"
        f"{_pythons(workload, best)}"
    )
    yield "answer", LEAD, text, links.workload(workload.name)


def _unbeaten(workload: WorkloadSummary, found: Against, comparable: Collection[str]) -> list[str]:
    """The stacks than which none of the others is decided to cost less, the reference first, then the cheapest."""
    family = workload.family(COST)
    beaten = set()
    for one in family.compared if family is not None else ():
        pair = (one.cell.stack, one.other.stack)
        if one.cell.python == one.other.python == found.reference.python and {*pair} <= {*comparable}:
            beaten |= {pair[0]} if one.word == "worse" else {pair[1]} if one.word == "better" else set()
    return [stack for stack in comparable if stack not in beaten]


def _titled(stack: str) -> str:
    row = STACKS.get(stack)
    return stack if row is None else f"{row.summary} ({stack})"


def _ties(stacks: Collection[str]) -> str:
    if not stacks:
        return ""
    return f"; {join(stacks) if len(stacks) <= many.ENDS else plural(len(stacks), 'other')} may cost as little"


def _sizes(found: Against, best: str, comparable: Collection[str]) -> str:
    """What it costs against the reference, and the ways of waiting of which every stack is decided to cost more."""
    reference = found.reference.stack
    mine = [one for one in found.decided if one.cell.stack == best]
    told = [f"it costs {words.verdict(COST, one.effect, one.word, bare=True)}" for one in mine]
    ways: dict[str, list[Comparison]] = {}
    for one in found.plain:
        way = way_of(one.cell.stack)
        if way is not None and one.cell.stack in comparable:
            ways.setdefault(way, []).append(one)
    for way, every in ways.items():
        if way != way_of(reference) and all(one.word == "worse" for one in every):
            costs = "" if told else "costs "
            told.append(f"{way} {costs}{words.grouped(COST, [one.effect for one in every], 'worse')}")
    return f" Against {'it' if best == reference else reference} {join(told)}." if told else ""


def _pythons(workload: WorkloadSummary, best: str) -> str:
    """What the Python changes for it."""
    if len(workload.pythons) < 2:
        return " No other Python was measured here."
    told = [
        f"{newer} against {older} costs it {words.verdict(COST, one.effect, one.word, bare=True)}"
        for (newer, older), found in steps_of(workload).items()
        for one in found
        if one.cell.stack == best
    ]
    return f" Python {join(told)}." if told else " What the Python changes for it is undecided."
