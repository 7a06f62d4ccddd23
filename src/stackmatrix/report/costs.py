"""The answer's sentences on what stacks and Pythons cost. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.verdicts import Comparison, Word
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key, python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import links, many, words
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import join

DECIDED: tuple[Word, ...] = ("better", "same", "worse")


@dataclass(frozen=True, slots=True)
class Against:
    """The comparisons with the reference stack on the newest Python on which any is decided.

    ``plain`` are those of cells that are alike but for their names. No headline stands on any other.
    """

    reference: Cell
    every: tuple[Comparison, ...]

    @property
    def plain(self) -> list[Comparison]:
        return sorted((one for one in self.every if one.caution is None), key=lambda one: one.effect.mid)

    @property
    def decided(self) -> list[Comparison]:
        return [one for one in self.plain if one.is_decided]

    def of(self, stack: str) -> Comparison | None:
        """The decided comparison of a stack."""
        return next((one for one in self.decided if one.cell.stack == stack), None)

    @property
    def rest(self) -> str:
        """How many are not told, and why: ``7 undecided, 10 with a caution``."""
        plain, decided = len(self.plain), len(self.decided)
        return words.counted({"undecided": plain - decided, "with a caution": len(self.every) - plain})


def against(workload: WorkloadSummary, python: str | None = None) -> Against | None:
    """The comparisons of a workload with its reference stack; ``None`` where there are none."""
    family, reference = workload.family(COST), workload.reference
    if family is None or reference is None or workload.void is not None:
        return None
    every = [one for one in family.compared if one.other.stack == reference.stack != one.cell.stack]
    decided = [one.cell.python for one in every if one.is_decided and one.caution is None]
    chosen = python or max(decided or [one.cell.python for one in every], key=newest_key, default=None)
    here = tuple(one for one in every if one.cell.python == chosen)
    return Against(here[0].other, here) if here else None


def stacks(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What each stack costs against the reference, on the newest Python, and what is otherwise on older ones."""
    found, family = against(workload), workload.family(COST)
    if found is None or family is None or not found.decided:
        yield from _alone(workload)
        return
    is_many = many.is_many(len(found.every))
    cost = words.value(COST, family.values.get(found.reference))
    python, rest = found.reference.python, f"; {found.rest}" if found.rest else ""
    text = (
        f"CPU per request of {workload.name} on {python}, against {found.reference.stack} with {cost} ms: "
        f"{_by_way(found.decided) if is_many else _one_by_one(found.decided)}{rest}.{_on_older(workload, found)}"
    )
    place = links.workload(workload.name) if is_many else links.part(workload.name, COST.name)
    yield f"{workload.name}-stacks", "Which stack?", text, place


def _one_by_one(found: Sequence[Comparison]) -> str:
    return join([f"{one.cell.stack} {words.verdict(COST, one.effect, one.word, bare=True)}" for one in found])


def _by_way(found: Sequence[Comparison]) -> str:
    """Many stacks by how their workers wait: the sizes seen of each word, and the ends of all their intervals."""
    told = []
    for way in dict.fromkeys(row.way for row in STACKS.values()):
        here = [one for one in found if way_of(one.cell.stack) == way]
        if here:
            told.append(f"{way} {join(by_word(here, most=1))}")
    own = [one for one in found if way_of(one.cell.stack) is None]
    return "; ".join([*told, *([_one_by_one(own)] if own else [])])


def way_of(stack: str) -> str | None:
    """How the workers of a stack wait, as its tag says."""
    row = STACKS.get(stack)
    return None if row is None else row.way


def by_word(found: Sequence[Comparison], every: int = 0, most: int = many.ENDS) -> list[str]:
    """Comparisons with the same word in one phrase each; ``every`` is how many stacks there are to be all.

    At most so many stacks are named; of more it is said how many they are.
    """
    told = []
    for word in DECIDED:
        here = [one for one in found if one.word == word]
        if here:
            whole = words.grouped(COST, [one.effect for one in here], word)
            who = join([one.cell.stack for one in here]) if len(here) <= most else f"{len(here)} stacks"
            told.append(f"{whole} with {f'all {every} stacks' if len(here) == every > 1 else who}")
    return told


def _on_older(workload: WorkloadSummary, found: Against) -> str:
    """The verdicts on older Pythons: that they are the same, or which stacks have another one."""
    told, alike = "", []
    for python in workload.pythons:
        older = against(workload, python)
        if older is None or python == found.reference.python:
            continue
        if other := _otherwise(found, older):
            told += f" Otherwise on {python}: {many.names(other, many.ENDS)}."
        else:
            alike.append(python)
    return f"{f' The same on {join(alike)}.' if alike else ''}{told}"


def _otherwise(newest: Against, older: Against) -> list[str]:
    """The stacks of which another word is decided on an older Python, or none."""
    told = {one.cell.stack: one.word for one in newest.decided}
    known = {one.cell.stack: one for one in older.decided}
    other = [one for stack, one in known.items() if told.get(stack) != one.word]
    named = [f"{one.cell.stack} {words.verdict(COST, one.effect, one.word, bare=True)}" for one in other]
    return named + [f"{stack} undecided" for stack in told if stack not in known]


def _alone(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What the only stack of a workload costs."""
    known = [row for row in workload.rows if row.cpu is not None and row.cpu.low is not None]
    if known and len({row.cell.stack for row in known}) == 1:
        costs = join([f"{words.value(COST, row.cpu)} ms on {row.cell.python}" for row in known])
        text = f"CPU per request of {workload.name} with {known[0].cell.stack}: {costs}."
        yield f"{workload.name}-cost", "What does it cost?", text, links.part(workload.name, COST.name)


WHICH_PYTHON = "Which Python?"


def pythons(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What each Python changes against the one before, stacks with the same word together."""
    steps = steps_of(workload)
    parts = [
        f"{newer} against {older}: {'; '.join(by_word(found, len(workload.stacks)))}."
        for (newer, older), found in sorted(steps.items(), key=lambda step: python_key(step[0][0]))
    ]
    if parts:
        text = f"CPU per request of {workload.name}. {' '.join(parts)}"
        yield f"{workload.name}-pythons", WHICH_PYTHON, text, links.part(workload.name, COST.name)


def steps_of(workload: WorkloadSummary) -> dict[tuple[str, str], list[Comparison]]:
    """The decided comparisons of a stack's Pythons, by these: the newer and the older one."""
    family = workload.family(COST)
    steps: dict[tuple[str, str], list[Comparison]] = {}
    for one in family.compared if family is not None else ():
        if one.cell.stack == one.other.stack and one.is_decided and one.caution is None:
            steps.setdefault((one.cell.python, one.other.python), []).append(one)
    return steps
