"""The answer that stands first on a page: which stack, which Python, and what to mind. Pure.

Where verdicts rank the stacks, the ranks are the answer. Where one trial is all there is, it is the best figure, with
all that one trial cannot tell from it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.compare import Family
from stackmatrix.analysis.comparison.counts import CountedRow
from stackmatrix.analysis.metrics import COST_FIGURE, capacity_name
from stackmatrix.analysis.summary import REFERENCE_LEVEL, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.matrix.objectives import HEADLINE_MS
from stackmatrix.report.words import number

ONE_TRIAL_SHARE = 0.15
"""One trial cannot tell smaller differences from noise on a shared machine."""
FALLEN_SHARE = 0.7
"""Below this share of the plateau, more load has made a server slower, not only fuller."""
PLATEAU, COSTS = "plateau", (COST_FIGURE.name, "cpu")
"""Cost side by side is the surer one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence for each of the two questions, empty where nothing tells; and what limits or spoils the answers."""

    stack: str
    python: str
    mind: tuple[str, ...]


def answer(machine: MachineSummary, workload: WorkloadSummary) -> Answer:
    """What is to be known of one workload."""
    families = {family.figure.name: family for family in machine.families_of(workload.name) if family.run_id}
    counted = _alone(workload.counted)
    return Answer(
        stack=_sentence([*name_firsts(families), *name_bests(workload, families), *name_fewest(counted)]),
        python=_sentence([*name_faster(cost_of(families)), *name_fewer(counted)] or name_untold(workload)),
        mind=(*name_unknown(workload), *name_fallen(workload)),
    )


def name_firsts(families: Mapping[str, Family]) -> list[str]:
    """Of capacity, plateau and cost: the stacks that none is better than for sure, on each Python that is ranked."""
    ranked = [*(families.get(name) for name in (capacity_name(HEADLINE_MS), PLATEAU)), cost_of(families)]
    return [_name_first(family) for family in ranked if family is not None and family.ranks]


def cost_of(families: Mapping[str, Family]) -> Family | None:
    """What tells the cost of a request, the surer figure first."""
    return next((families[name] for name in COSTS if name in families), None)


def _name_first(family: Family) -> str:
    pythons: dict[tuple[str, ...], list[str]] = {}
    for python in sorted({cell.python for cell in family.ranks}, key=python_key):
        stacks = tuple(cell.stack for cell, rank in family.ranks.items() if (cell.python, rank) == (python, 1))
        pythons.setdefault(stacks, []).append(python)
    parts = []
    for stacks, on in pythons.items():
        values = [family.medians[cell] for cell in family.ranks if cell.stack in stacks and cell.python in on]
        tied = ", not told apart" if len(stacks) > 1 else ""
        parts.append(f"{_join(stacks)}{tied} ({_range(values)} {family.figure.unit} on {_join(on)})")
    superlative = "highest" if family.figure.higher_is_better else "lowest"
    return f"{superlative} {_inline(family.figure.title)}: {', '.join(parts)}"


def name_bests(workload: WorkloadSummary, families: Mapping[str, Family]) -> list[str]:
    """Of the plateau and cost that no run in blocks has: the best, and every cell that one trial cannot tell from it.

    Where users were the limit of what is best, it is the highest that was seen, and who holds most is not known.
    """
    clauses = []
    if PLATEAU not in families and (known := _known(workload, "plateau_rps")):
        clauses.append(f"most throughput seen: {_best(workload, known, 'requests/s', 1, max)}")
    if cost_of(families) is None and (known := _known(workload, "reference_cpu_ms")):
        clauses.append(f"least CPU per request at {REFERENCE_LEVEL}: {_best(workload, known, 'ms', 2, min)}")
    return clauses


type Known = Sequence[tuple[Cell, float]]


def _known(workload: WorkloadSummary, figure: str) -> Known:
    return [(row.cell, value) for row in workload.measured if (value := getattr(row, figure)) is not None]


def _best(
    workload: WorkloadSummary, known: Known, unit: str, digits: int, end: Callable[[Iterable[float]], float]
) -> str:
    best = end(value for _, value in known)
    cells = [cell for cell, value in known if value == best]
    near = [cell for cell, value in known if value != best and abs(value / best - 1) <= ONE_TRIAL_SHARE]
    told = f" (one trial cannot tell from it {_by_stack(near, workload.pythons)})" if near else ""
    return f"{_by_stack(cells, workload.pythons)} with {number(best, digits)} {unit}{told}"


def name_fewest(alone: Sequence[CountedRow]) -> list[str]:
    """Who needs the fewest instructions for a request, on each Python."""
    fewest: dict[str, list[CountedRow]] = {}
    for python in sorted({row.cell.python for row in alone}, key=python_key):
        first = min((row for row in alone if row.cell.python == python), key=lambda row: row.count.mean)
        fewest.setdefault(first.cell.stack, []).append(first)
    parts = [
        f"{stack} ({_range([row.count.mean / 1e6 for row in rows])} million "
        f"on {_join(row.cell.python for row in rows)})"
        for stack, rows in fewest.items()
    ]
    return [f"fewest instructions per request: {', '.join(parts)}"] if parts else []


@dataclass(frozen=True, slots=True)
class Step:
    """A stack on one Python against the Python before: the verdict, and the ratio."""

    cell: Cell
    other: Cell
    word: str
    ratio: float


def name_faster(family: Family | None) -> list[str]:
    """What each Python changes in cost against the one before, by the verdicts."""
    if family is None:
        return []
    steps = [
        Step(one.cell, one.other, one.verdict.word, one.effect(family.figure)[0])
        for one in family.compared
        if one.cell.stack == one.other.stack and one.verdict.word != "not enough blocks"
    ]
    return _tell_steps(_inline(family.figure.title), steps, {"faster": "less", "slower": "more"})


def name_fewer(alone: Sequence[CountedRow]) -> list[str]:
    """What each Python changes in instructions against the one before."""
    steps = [
        Step(row.cell, row.python_before.other, row.python_before.ratio.word, row.python_before.ratio.ratio)
        for row in alone
        if row.python_before is not None and row.python_before.ratio.word != "counted once"
    ]
    return _tell_steps("instructions per request", steps, {"fewer": "fewer", "more": "more"})


def _tell_steps(what: str, steps: Sequence[Step], words: Mapping[str, str]) -> list[str]:
    """What is sure, by Python and direction; of all else only that it is not."""
    if not steps:
        return []
    sure: dict[tuple[str, str, str], list[Step]] = {}
    for step in steps:
        if step.word in words:
            sure.setdefault((words[step.word], step.cell.python, step.other.python), []).append(step)
    parts = [
        f"{_percents([step.ratio for step in some])} {word} on {python} than on {before} for "
        f"{_join(step.cell.stack for step in some)}"
        for (word, python, before), some in sure.items()
    ]
    if any(step.word not in words for step in steps):
        parts.append(f"no {'other ' if parts else ''}difference between Pythons is sure")
    return [f"{what}: {', '.join(parts)}"]


def name_untold(workload: WorkloadSummary) -> list[str]:
    """Where nothing was repeated: that Pythons cannot be told apart."""
    return ["one trial of each does not tell Pythons apart"] if len(workload.pythons) > 1 else []


def name_unknown(workload: WorkloadSummary) -> list[str]:
    """The cells that took all that their users asked for, or broke down when there were more: more was not seen."""
    limited = [row.cell for row in workload.measured if row.plateau is not None and row.plateau.limiter == "users"]
    if not limited:
        return []
    return [f"The plateau was not reached by {_by_stack(limited, workload.pythons)}: their users were the limit."]


def name_fallen(workload: WorkloadSummary) -> list[str]:
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
        on = _on(pythons, workload.pythons)
        parts.append(f"{stack}{on} from {_range(plateaus, 0)} to {_range(rest, 0)} requests/s at {level}")
    return [f"With more users throughput falls: {', '.join(parts)}."] if parts else []


def _alone(rows: Sequence[CountedRow]) -> list[CountedRow]:
    """The counts with the fewest requests in flight, which is one."""
    least = min((row.count.in_flight for row in rows), default=None)
    return [row for row in rows if row.count.in_flight == least]


def _by_stack(cells: Iterable[Cell], pythons: Collection[str]) -> str:
    stacks: dict[str, list[str]] = {}
    for cell in cells:
        stacks.setdefault(cell.stack, []).append(cell.python)
    return _join([f"{stack}{_on(some, pythons)}" for stack, some in stacks.items()])


def _on(some: Sequence[str], pythons: Collection[str]) -> str:
    """Which Pythons, unless it is all of them."""
    return "" if set(some) == set(pythons) else f" on {_join(some)}"


def _sentence(clauses: Sequence[str]) -> str:
    joined = "; ".join(clauses)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def _inline(title: str) -> str:
    """A title as it stands within a sentence: CPU and p95 keep their letters."""
    return title if title[1:2].isupper() else title[0].lower() + title[1:]


def _join(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _range(values: Sequence[float], digits: int = 2) -> str:
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low}–{high}"


def _percents(ratios: Sequence[float]) -> str:
    changes = [abs(ratio - 1) for ratio in ratios]
    low, high = f"{min(changes):.1%}", f"{max(changes):.1%}"
    return low if low == high else f"{low}–{high}"
