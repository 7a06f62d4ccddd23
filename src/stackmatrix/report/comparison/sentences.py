"""The answer to a comparison in sentences, the most important one first. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from stackmatrix.analysis.comparison.verdicts import Estimate
from stackmatrix.analysis.metrics import COST, INSTRUCTIONS, METRICS, Metric
from stackmatrix.matrix.wording import plural
from stackmatrix.report import words
from stackmatrix.results.comparison import ComparedFigure, ControlOutcome, Side

WITNESSES = (COST.name, INSTRUCTIONS.name)
"""The figures by which a change is told first: each judged for itself, and never averaged."""
BY_NAME = {metric.name: metric for metric in METRICS}
DECIDED = ("better", "worse")


def sentences(
    base: Side, head: Side, figures: Sequence[ComparedFigure], controls: Iterable[ControlOutcome]
) -> Iterator[str]:
    """What the head costs against the base: a sentence of each cell, then disagreements, other figures, and doubts."""
    for one in controls:
        if one.void is not None:
            yield f"{one.workload}: void, and so nothing is said of it: {one.void}"
    if not figures:
        yield f"Nothing of {head.title} could be compared with {base.title}."
    cells = list(dict.fromkeys(cell_of(one) for one in figures))
    for cell in cells:
        own = {one.figure: one for one in figures if cell_of(one) == cell}
        seen = [own[name] for name in WITNESSES if name in own]
        if seen:
            yield f"{head.title} against {base.title}, {named(seen[0])}: {'; '.join(map(said, seen))}."
        if len(seen) == len(WITNESSES) and (why := disagreement(*seen)) is not None:
            yield f"{named(seen[0])}: {why}"
    for cell in cells:
        others = [one for one in figures if cell_of(one) == cell and one.figure not in WITNESSES]
        decided = [one for one in others if one.word in DECIDED]
        if decided:
            told = "; ".join(f"{one.title.lower()} {verdict(one)}" for one in decided)
            yield f"{named(decided[0])}, further: {told}."
    yield from _unsure(figures)


def cell_of(one: ComparedFigure) -> tuple[str, ...]:
    """What two figures of one cell have in common."""
    return (one.workload, one.stack, one.python, one.other_stack, one.other_python)


def named(one: ComparedFigure) -> str:
    """The cell of a figure, without what is compared: ``uvicorn on 3.13, fanout``."""
    stack = f"{one.stack} on " if one.stack == one.other_stack else "on "
    python = one.python if one.python == one.other_python else ""
    place = f"{stack}{python}" if python else one.stack
    return f"{place}, {one.workload}"


def said(one: ComparedFigure) -> str:
    """A figure with its verdict, as a part of a sentence: ``CPU time per request 3 % less CPU (1 to 5 %)``."""
    name = "CPU" if one.figure == COST.name else "instructions"
    return f"{name} {verdict(one, bare=True)}"


def verdict(one: ComparedFigure, *, bare: bool = False) -> str:
    """The word of a figure with its size and interval."""
    return words.verdict(metric_of(one), Estimate(one.effect, one.low, one.high), one.word, bare=bare)


def metric_of(one: ComparedFigure) -> Metric:
    return BY_NAME[one.figure]


def disagreement(cpu: ComparedFigure, instructions: ComparedFigure) -> str | None:
    """How the two witnesses contradict each other, in a sentence; ``None`` where both may be true of one change.

    They do where their intervals have nothing in common: 2 % more instructions and the same CPU within 3 % have.
    """
    ends = (cpu.low, cpu.high, instructions.low, instructions.high)
    if "undecided" in (cpu.word, instructions.word) or None in ends:
        return None
    low, high, other_low, other_high = (end for end in ends if end is not None)
    if low <= other_high and other_low <= high:
        return None
    return (
        f"The two witnesses disagree: by CPU time {verdict(cpu)}, by instructions {verdict(instructions)}. Both stand "
        "as they are: time also has what no count sees, such as caches, system calls and waiting for a lock, and not "
        "every instruction takes as long."
    )


def _unsure(figures: Sequence[ComparedFigure]) -> Iterator[str]:
    """What is undecided of CPU time, and what it would take."""
    open_ones = [one for one in figures if one.figure == COST.name and one.word == "undecided"]
    for one in open_ones:
        if one.smallest_decidable is None:
            yield f"{named(one)}: {plural(one.blocks, 'block')} of CPU time say nothing yet."
            continue
        later = (
            "more blocks of this run's length will not decide it"
            if one.needed is None
            else f"{one.needed} blocks probably decide it"
        )
        amount = words.amount(COST, one.smallest_decidable)
        yield f"{named(one)}: {plural(one.blocks, 'block')} decide differences of CPU from {amount} on; {later}."
