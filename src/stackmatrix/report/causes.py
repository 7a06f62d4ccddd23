"""The answer's sentences on what each cause costs, under the questions that they answer. Pure."""

from collections.abc import Iterator, Sequence

from stackmatrix.analysis.causes import CauseCost
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.matrix.causes import CALLS, CLIENT, PARTS
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.report import links, many, words
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import join, span

KEYS = {PARTS: "parts", CLIENT: "client", CALLS: "calls"}


def sentences(machine: MachineSummary) -> Iterator[Sentence]:
    """One statement for each question of which anything is decided."""
    for lead, key in KEYS.items():
        by_cause: dict[str, list[CauseCost]] = {}
        for one in machine.causes:
            if one.cause.lead == lead and _is_decided(one):
                by_cause.setdefault(one.cause.title, []).append(one)
        if by_cause:
            text = " ".join(_sentence(machine, found) for found in by_cause.values())
            yield key, lead, text, links.CAUSES


def _is_decided(one: CauseCost) -> bool:
    return one.ms.low is not None if one.comparison is None else one.comparison.is_decided


def _sentence(machine: MachineSummary, found: Sequence[CauseCost]) -> str:
    """What a cause costs on the newest Python: with the reference stack, and with the others."""
    python = max((one.cell.python for one in found), key=newest_key)
    here = [one for one in found if one.cell.python == python]
    workload = machine.workload(here[0].cell.workload)
    reference = workload.reference.stack if workload and workload.reference else None
    first = next((one for one in here if one.cell.stack == reference), here[0])
    others = [one for one in here if one is not first]
    cause = first.cause
    if first.comparison is None:
        costs = [(f"{words.value(COST, one.ms)} ms", one) for one in (first, *others)]
        if many.is_many(len(costs)):
            costs.sort(key=lambda one: one[1].ms.mid)
            sizes = many.ranked([(cost, one.cell.stack) for cost, one in costs])
        else:
            sizes = join([f"{cost} with {one.cell.stack}" for cost, one in costs])
        return f"{cause.what} cost on {python} {sizes} ({cause.workload})."
    text = f"{cause.what} costs {_size(first)} with {first.cell.stack} on {python}"
    ratios = [one.comparison.effect.mid for one in others if one.comparison is not None]
    if ratios:
        digits = 1 if min(ratios) >= words.FEW_TIMES else 2
        text += f", and {span(ratios, digits)} times with the other {words.plural(len(ratios), 'stack')}"
    return f"{text} ({cause.note}{cause.workload} against {cause.beside})."


def _size(one: CauseCost) -> str:
    found, than = one.comparison, one.cause.than
    assert found is not None
    if found.word == "same":
        return f"the {words.verdict(COST, found.effect, found.word)} as {than}"
    return words.against(COST, found.effect, than)
