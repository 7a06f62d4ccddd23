"""The answer that stands first on a page, in a few sentences: who holds most, who costs least, which Python. Pure.

Where verdicts rank the stacks, the ranks are the answer; before that it is the best figure, with all that one trial
cannot tell from it.
"""

from collections.abc import Iterable, Sequence

from stackmatrix import phrases
from stackmatrix.comparison import Family
from stackmatrix.counted import CountedRow, compare_rows
from stackmatrix.figures import capacity_name
from stackmatrix.model import Cell
from stackmatrix.plan import python_key
from stackmatrix.slo import HEADLINE_MS
from stackmatrix.summary import REFERENCE_LEVEL, CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.wording import number

ONE_TRIAL_SHARE = 0.15
"""One trial cannot tell smaller differences from noise on a shared machine."""
FALLEN_SHARE = 0.7
"""Below this share of the plateau, more load has made a server slower, not only fuller."""
COST = "cpu"


def answer(machine: MachineSummary, workload: WorkloadSummary) -> str:
    """What is to be known of one workload; empty when nothing was measured."""
    families = {family.figure.name: family for family in machine.families_of(workload.name) if family.run_id}
    ranked = {name: family for name, family in families.items() if family.ranks}
    capacity, plateau, cost = (ranked.get(name) for name in (capacity_name(HEADLINE_MS), "plateau", COST))
    best = (workload.measured, "plateau_rps", "sustained throughput", "requests/s", 1)
    cheapest = (workload.measured, "reference_cpu_ms", f"CPU per request at {REFERENCE_LEVEL}", "ms", 2)
    parts = [
        name_first(capacity) if capacity else None,
        name_first(plateau) if plateau else name_best(*best, highest=True),
        None if plateau else name_unknown(workload),
        name_first(cost) if cost else name_best(*cheapest, highest=False),
        name_pythons(families[COST]) if COST in families else None,
        *name_counted(compare_rows(workload.rows)),
        name_fallen(workload),
    ]
    return " ".join(part for part in parts if part)


def name_first(family: Family) -> str:
    """The stacks that none is better than for sure, on each Python."""
    figure = family.figure
    pythons: dict[tuple[str, ...], list[str]] = {}
    for python in sorted({cell.python for cell in family.ranks}, key=python_key):
        stacks = tuple(cell.stack for cell, rank in family.ranks.items() if (cell.python, rank) == (python, 1))
        pythons.setdefault(stacks, []).append(python)
    parts = []
    for stacks, on in pythons.items():
        values = [family.medians[cell] for cell in family.ranks if cell.stack in stacks and cell.python in on]
        tied = " (not told apart)" if len(stacks) > 1 else ""
        parts.append(f"{_join(stacks)}{tied} on {_join(on)}, {_range(values)} {figure.unit}")
    return f"{figure.title}, {'highest' if figure.higher_is_better else 'lowest'}: {'; '.join(parts)}."


def name_pythons(family: Family) -> str | None:
    """What each Python changes against the one before."""
    found = [
        (phrases.word(family, one), one.cell, one.other, one.effect(family.figure)[0])
        for one in family.compared
        if one.cell.stack == one.other.stack and one.verdict.word != "not enough blocks"
    ]
    return _tell_pythons(family.figure.title, found)


def name_counted(rows: Sequence[CountedRow]) -> list[str]:
    """Who needs the fewest instructions for a request, and what each Python changes in that."""
    alone = [row for row in rows if row.count.in_flight == min(row.count.in_flight for row in rows)]
    fewest: dict[str, list[CountedRow]] = {}
    for python in sorted({row.cell.python for row in alone}, key=python_key):
        first = min((row for row in alone if row.cell.python == python), key=lambda row: row.count.mean)
        fewest.setdefault(first.cell.stack, []).append(first)
    if not fewest:
        return []
    parts = [
        f"{stack} on {_join(row.cell.python for row in some)}, {_range([row.count.mean / 1e6 for row in some])} million"
        for stack, some in fewest.items()
    ]
    what = f"Instructions per request at {alone[0].count.in_flight} in flight"
    found = [
        (phrases.count_word(row.python_before), row.cell, row.python_before.other, row.python_before.ratio.ratio)
        for row in alone
        if row.python_before is not None
    ]
    told = _tell_pythons(what, found)
    return [f"{what}, lowest mean: {'; '.join(parts)}.", *([told] if told else [])]


def _tell_pythons(what: str, found: Iterable[tuple[str, Cell, Cell, float]]) -> str | None:
    """Comparisons with the Python before by their verdict: the word, both cells, the ratio."""
    words: dict[str, list[str]] = {}
    for word, cell, other, ratio in found:
        words.setdefault(word, []).append(f"{cell.stack} on {cell.python} ({ratio:.2f} × {other.python})")
    told = "; ".join(f"{word} for {_join(some)}" for word, some in words.items())
    return f"{what}, on a newer Python: {told}." if told else None


def name_best(
    rows: Sequence[CellSummary], figure: str, what: str, unit: str, digits: int, *, highest: bool
) -> str | None:
    """The best figure, and every cell that one trial cannot tell from it."""
    known = [(row, value) for row in rows if (value := getattr(row, figure)) is not None]
    if not known:
        return None
    best = (max if highest else min)(value for _, value in known)
    near = [row.cell for row, value in known if abs(value / best - 1) <= ONE_TRIAL_SHARE]
    others = "" if len(near) == 1 else f", and within {ONE_TRIAL_SHARE:.0%} of it"
    word = "highest" if highest else "lowest"
    return f"The {word} {what} is {number(best, digits)} {unit}{others}: {_by_stack(near)}."


def name_unknown(workload: WorkloadSummary) -> str | None:
    """The cells that took all that their users asked for, or broke down when there were more: more was not seen."""
    limited = [row.cell for row in workload.measured if row.plateau is not None and row.plateau.limiter == "users"]
    return f"Not known, as their users were the limit: {_by_stack(limited)}." if limited else None


def name_fallen(workload: WorkloadSummary) -> str | None:
    """The cells whose throughput falls far below their plateau when more users come."""
    fallen: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
    for row in workload.measured:
        last = [level for level in row.levels if level.users is not None and level.throughput_rps is not None][-1]
        plateau, then = row.plateau_rps or 0.0, last.throughput_rps or 0.0
        if then < FALLEN_SHARE * plateau:
            fallen.setdefault((row.cell.stack, last.name), []).append((row.cell.python, plateau, then))
    parts = []
    for (stack, level), some in fallen.items():
        pythons, plateaus, rest = zip(*some, strict=True)
        parts.append(f"{stack} on {_join(pythons)} from {_range(plateaus, 0)} to {_range(rest, 0)} at {level}")
    return f"With more users throughput falls: {', '.join(parts)}." if parts else None


def _by_stack(cells: Iterable[Cell]) -> str:
    stacks: dict[str, list[str]] = {}
    for cell in cells:
        stacks.setdefault(cell.stack, []).append(cell.python)
    return ", ".join(f"{stack} ({', '.join(pythons)})" for stack, pythons in stacks.items())


def _join(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _range(values: Sequence[float], digits: int = 2) -> str:
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low}–{high}"
