"""What the cost of a stack comes from: its parts beside the reference's, and rows that differ in one thing. Pure.

Every size is a verdict or a cause's cost that the tables have, too; nothing is estimated here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.causes import CauseCost
from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary
from stackmatrix.matrix.causes import CAUSES, Cause
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import links, many, words
from stackmatrix.report.table import Column, Table, name
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import NOTHING, join

LEAD, CHANGED = "What does it come from?", "What does one changed thing cost?"


def sentences(machine: MachineSummary) -> Iterator[Sentence]:
    """The parts of what stacks cost more than the reference, and what is otherwise with one thing changed."""
    for alone in CAUSES:
        for more in CAUSES:
            if alone.beside is None and more.beside == alone.workload:
                yield from _parts(machine, alone, more)
    for stack in filter(many.is_of_the_demo, STACKS):
        told: list[str] = []
        for workload in machine.workloads:
            told += _varied(workload, stack, is_first=not told)
        if told:
            yield f"{stack}-varied", CHANGED, " ".join(told), links.VARIATIONS


# A cost in two parts


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a stack costs without any call, and what calls add."""

    stack: str
    alone: CauseCost
    added: CauseCost

    @property
    def whole_ms(self) -> float:
        return self.alone.ms.mid + self.added.ms.mid


def _parts(machine: MachineSummary, alone: Cause, more: Cause) -> Iterator[Sentence]:
    """Of the reference and of the demo's stacks that cost more: server and Django, and what comes with the calls."""
    workload, bare = machine.workload(more.workload), machine.workload(alone.workload)
    if workload is None or bare is None or workload.reference is None or workload.void or bare.void:
        return
    reference = workload.reference
    dearer = [one for one in _headlines(workload, reference) if one.word == "worse"]
    stacks = [one.cell.stack for one in dearer if many.is_of_the_demo(one.cell.stack)]
    every = (_parts_of(machine, stack, reference.python, alone, more) for stack in (reference.stack, *stacks))
    known = [one for one in every if one is not None]
    if len(known) < 2 or known[0].stack != reference.stack:
        return
    first, *others = known
    sizes = "; ".join(f"{one.stack} {_ms(one.alone)} and {_ms(one.added)}" for one in known)
    text = (
        f"In ms of CPU per request on {reference.python}, the server and Django alone ({alone.workload}) and what the "
        f"calls add ({more.workload}): {sizes}."
    )
    text += "".join(_share(one, first, bare.family(COST)) for one in others)
    yield f"{more.workload}-parts", LEAD, text, links.CAUSES


def _headlines(workload: WorkloadSummary, reference: Cell) -> list[Comparison]:
    """The decided comparisons with the reference, on its Python, of cells that are alike."""
    family = workload.family(COST)
    return [
        one
        for one in (family.compared if family is not None else ())
        if one.other == reference and one.cell.stack != reference.stack and one.caution is None and one.is_decided
    ]


def _parts_of(machine: MachineSummary, stack: str, python: str, alone: Cause, more: Cause) -> _Parts | None:
    def of(cause: Cause) -> CauseCost | None:
        cell = Cell(stack=stack, python=python, workload=cause.workload)
        found = next((one for one in machine.causes if one.cause == cause and one.cell == cell), None)
        return found if found is not None and found.ms.low is not None else None

    one, other = of(alone), of(more)
    return None if one is None or other is None else _Parts(stack, one, other)


def _ms(part: CauseCost) -> str:
    return words.value(COST, part.ms)


def _share(one: _Parts, reference: _Parts, bare: Family | None) -> str:
    """How a stack stands without any call, and which share that is of what it costs more with calls."""
    verdict = bare.of(one.alone.cell, reference.alone.cell) if bare is not None else None
    if verdict is None or not verdict.is_decided or one.whole_ms <= reference.whole_ms:
        return ""
    size = words.verdict(COST, verdict.effect, verdict.word)
    costs = f"the {size} as" if verdict.word == "same" else f"{size} than"
    if words.is_times(COST, verdict.effect) and verdict.word != "same":
        costs = words.against(COST, verdict.effect, "").strip()
    share = (one.alone.ms.mid - reference.alone.ms.mid) / (one.whole_ms - reference.whole_ms)
    if share <= 0:
        what = "all that it costs more with them comes with them"
    elif share >= 1:
        what = "all that it costs more with them is there without them, and what they add is less"
    else:
        what = f"that is {words.share(share)} of what it costs more with them, and the rest comes with them"
    return f" Without calls {one.stack} costs {costs} {reference.stack}: {what}."


# One thing changed


def _varied(workload: WorkloadSummary, stack: str, *, is_first: bool) -> Iterator[str]:
    """What is otherwise with rows that vary a stack, on the newest Python; the first sentence says by what.

    Of a few stacks, the reference's have been told already.
    """
    family, reference = workload.family(COST), workload.reference
    is_told = reference is not None and reference.stack == stack and not many.is_many(len(workload.stacks))
    if family is None or workload.void is not None or is_told:
        return
    found = [one for one in variations(family) if one.other.stack == stack and one.caution is None]
    python = max((one.cell.python for one in found), key=newest_key, default=None)
    here = sorted((one for one in found if one.cell.python == python), key=lambda one: one.effect.mid)
    if here:
        cost = words.value(COST, family.values.get(here[0].other))
        verdicts = [words.verdict(COST, one.effect, one.word, bare=True) for one in here]
        things = [_thing(one, is_first=is_first) for one in here]
        sizes = join([f"{verdict} with {thing}" for verdict, thing in zip(verdicts, things, strict=True)])
        of = "CPU per request of" if is_first else "Of"
        yield f"{of} {workload.name} on {python}, against {stack} with {cost} ms: {sizes}."


def variations(family: Family) -> list[Comparison]:
    """The comparisons of rows with those that they vary in one thing, in the order of the family."""
    return [one for one in family.compared if one.cell.control is None and _varies(one.cell.stack) == one.other.stack]


def _varies(stack: str) -> str | None:
    row = STACKS.get(stack)
    return row.varies.stack if row is not None and row.varies is not None else None


def _thing(one: Comparison, *, is_first: bool) -> str:
    row = STACKS[one.cell.stack]
    return f"{row.varies.by} ({row.name})" if row.varies is not None and is_first else row.name


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
            Column("what is otherwise", lambda pair: row.varies.by if (row := STACKS[pair[0].stack]).varies else ""),
            *(verdict(family.workload) for family in families),
        ),
        [(one.cell, one.other) for one in rows],
    )
