"""The answer's sentences on what each cause costs, under the questions that they answer. Pure."""

import math
from collections.abc import Iterator, Sequence

from stackmatrix.analysis.causes import CauseCost
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.matrix.causes import CALLS, CLIENT, PARTS
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.wording import plural
from stackmatrix.report import links, words
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import span

KEYS = {CLIENT: "client", PARTS: "parts", CALLS: "calls"}
MOST = 2
"""Causes that a statement tells; the table has all."""


def sentences(machine: MachineSummary, lead: str) -> Iterator[Sentence]:
    """The statement under a question, where anything of it is decided: the largest causes first."""
    by_cause: dict[str, list[CauseCost]] = {}
    for one in machine.causes:
        if one.cause.lead == lead and _is_decided(one):
            by_cause.setdefault(one.cause.title, []).append(one)
    told = sorted((_first(machine, found) for found in by_cause.values()), key=lambda one: -_largeness(one[0]))
    by_cell: dict[str, list[str]] = {}
    for first, others in told[:MOST]:
        by_cell.setdefault(words.title(first.cell), []).append(_clause(first, others))
    text = " ".join(f"With {cell} {'; '.join(clauses)}." for cell, clauses in by_cell.items())
    if told:
        more = f" Further: {len(told) - MOST} decided." if len(told) > MOST else ""
        yield KEYS[lead], lead, f"{text}{more}", links.CAUSES


def _is_decided(one: CauseCost) -> bool:
    return one.ms.low is not None if one.comparison is None else one.comparison.is_decided


def _largeness(one: CauseCost) -> float:
    """How far a cause changes what a request costs; all that a workload costs comes before every difference."""
    return math.inf if one.comparison is None else abs(math.log(one.comparison.effect.mid))


def _first(machine: MachineSummary, found: Sequence[CauseCost]) -> tuple[CauseCost, list[CauseCost]]:
    """A cause on the newest Python with the reference stack, and with the others."""
    python = max((one.cell.python for one in found), key=newest_key)
    here = [one for one in found if one.cell.python == python]
    workload = machine.workload(here[0].cell.workload)
    reference = workload.reference.stack if workload and workload.reference else None
    first = next((one for one in here if one.cell.stack == reference), here[0])
    return first, [one for one in here if one is not first]


def _clause(first: CauseCost, others: Sequence[CauseCost]) -> str:
    if first.comparison is None:
        text, unit = f"{first.cause.what} cost {words.value(COST, first.ms)} ms", "ms"
        mids = [one.ms.mid for one in others]
    else:
        text, unit = f"{first.cause.what} costs {_size(first)}", "times"
        mids = [one.comparison.effect.mid for one in others if one.comparison is not None]
    digits = 2 if unit == "ms" or min(mids, default=0) < words.FEW_TIMES else 1
    return f"{text}, {span(mids, digits)} {unit} with {plural(len(others), 'other')}" if mids else text


def _size(one: CauseCost) -> str:
    found, than = one.comparison, one.cause.than
    assert found is not None
    if found.word == "same":
        return f"the {words.verdict(COST, found.effect, found.word)} as {than}"
    return words.against(COST, found.effect, than)
