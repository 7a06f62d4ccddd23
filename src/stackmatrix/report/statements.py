"""The answer in statements, made from the verdicts: each a size with its interval, and where its evidence is.

First what to choose, in short; then one statement for each question that a reader has, of the first workload that can
answer it. The same of other workloads, what carries a caution, and what is not known are further statements, which
pages fold. A statement that has no evidence is left out. Of a workload whose runs are void, nothing is said but that,
and why. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary
from stackmatrix.matrix.causes import CALLS, CLIENT, PARTS
from stackmatrix.report import advice, causes, costs, links, origins, stops, under_load, unsaid
from stackmatrix.report.unsaid import Sentence

MOST = 7
"""Statements of the first page, beside the answer in short: more of them nobody reads."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the answer. ``lead`` is what it is about, ``evidence`` a path from the results folder.

    A further one ``is_folded`` where a page can do that.
    """

    key: str
    lead: str
    text: str
    evidence: str
    is_folded: bool = False


def statements(machine: MachineSummary) -> tuple[Statement, ...]:
    """Everything that may be said of a machine's results, in the order of the questions that a reader has."""
    claimed = [workload for workload in machine.workloads if workload.void is None]
    short = [one for workload in claimed for one in advice.sentences(workload)][:1]
    first: list[Sentence] = []
    more: list[Sentence] = []
    for answers in _asked(machine, claimed):
        first += answers[:1]
        more += answers[1:]
    shown = [*short, *_void(machine), *first[:MOST]]
    folded = [*first[MOST:], *more, *unsaid.sentences(machine)]
    return tuple(
        Statement(key, lead, text, links.on_page(machine.name, anchor), is_folded=is_folded)
        for some, is_folded in ((shown, False), (folded, True))
        for key, lead, text, anchor in some
    )


def numbered(found: Sequence[Statement]) -> list[tuple[int | None, Statement]]:
    """Each statement with its number, which the answer in short has not."""
    short = sum(one.lead == advice.LEAD for one in found)
    return [(place if place > 0 else None, one) for place, one in enumerate(found, 1 - short)]


def further(count: int) -> str:
    """The title of what is folded."""
    return f"{count} more: of other workloads, with a caution, and not known"


def _asked(machine: MachineSummary, claimed: Sequence[WorkloadSummary]) -> Iterator[list[Sentence]]:
    """The answers to each question: those of workloads in their order, and those of a whole machine."""

    def each(of: Callable[[WorkloadSummary], Iterator[Sentence]]) -> list[Sentence]:
        return [one for workload in claimed for one in of(workload)]

    yield each(costs.stacks)
    yield each(costs.pythons)
    yield [*origins.own(machine)]
    yield each(origins.changes)
    yield [*causes.sentences(machine, CLIENT)]
    yield each(under_load.holds)
    yield each(stops.sentences)
    yield [*causes.sentences(machine, PARTS)]
    yield each(under_load.visitors)
    yield [*causes.sentences(machine, CALLS)]


def _void(machine: MachineSummary) -> Iterator[Sentence]:
    for workload in machine.workloads:
        if workload.void is not None:
            reason = workload.void.strip().rstrip(".")
            text = f"The runs of {workload.name} are void, and nothing is said of it. {reason}."
            yield f"{workload.name}-void", "Void:", text, links.workload(workload.name)
