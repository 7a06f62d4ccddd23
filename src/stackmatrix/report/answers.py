"""The answers that stand first on a page: which stack, which Python, and what to mind. Pure.

Where verdicts rank the stacks, the ranks are the answer. Where there is only one trial, it is the best number, with all
that one trial cannot tell from it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.compare import Family
from stackmatrix.analysis.comparison.counts import CountRow
from stackmatrix.analysis.metrics import CAPACITY, PLATEAU, REFERENCE_LEVEL
from stackmatrix.analysis.samples import mid
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell, python_key
from stackmatrix.report.columns import COMPARED_BY
from stackmatrix.report.words import number

ONE_TRIAL_SHARE = 0.15
"""One trial cannot tell smaller differences from noise on a shared machine."""
FALLEN_SHARE = 0.7
"""Below this share of the plateau, more load has made a server slower, not only fuller."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence for each of the two questions, empty where there is no answer, and what limits or spoils them."""

    stack: str
    python: str
    mind: tuple[str, ...]


def answer(machine: MachineSummary, workload: WorkloadSummary) -> Answer:
    """The answers of one workload."""
    families = machine.paired(workload.name)
    cost = next((families[name] for name in COMPARED_BY if name in families), None)
    ranked = [family for family in (families.get(CAPACITY.name), families.get(PLATEAU), cost) if family]
    # With the fewest requests in flight, which is one.
    least = min((row.count.in_flight for row in workload.counted), default=None)
    counted = [row for row in workload.counted if row.count.in_flight == least]
    bests = [_ranked_first(family) for family in ranked if family.ranks]
    if PLATEAU not in families:
        bests += _best(workload, "most throughput seen", lambda row: row.plateau_rps, "requests/s", 1, max)
    if cost is None:
        what = f"least CPU per request at {REFERENCE_LEVEL}"
        bests += _best(workload, what, lambda row: row.reference_cpu_ms, "ms", 2, min)
    unclear = ["one trial of each does not tell Pythons apart"] if len(workload.pythons) > 1 else []
    return Answer(
        stack=_sentence([*bests, *_fewest(counted)]),
        python=_sentence([*_cheaper(cost), *_fewer(counted)] or unclear),
        mind=(*_unknown(workload), *_fallen(workload)),
    )


def _ranked_first(family: Family) -> str:
    """The stacks than which no other is surely better, on each Python."""
    firsts = _grouped(
        (tuple(cell.stack for cell, rank in family.ranks.items() if (cell.python, rank) == (python, 1)), python)
        for python in sorted({cell.python for cell in family.ranks}, key=python_key)
    )
    parts = []
    for stacks, pythons in firsts.items():
        values = [family.medians[cell] for cell in family.ranks if cell.stack in stacks and cell.python in pythons]
        tied = ", not told apart" if len(stacks) > 1 else ""
        parts.append(f"{_join(stacks)}{tied} ({_range(values)} {family.metric.unit} on {_join(pythons)})")
    superlative = "highest" if family.metric.higher_is_better else "lowest"
    return f"{superlative} {_inline(family.metric.title)}: {', '.join(parts)}"


def _best(
    workload: WorkloadSummary,
    what: str,
    of: Callable[[CellSummary], float | None],
    unit: str,
    digits: int,
    end: Callable[[Iterable[float]], float],
) -> list[str]:
    """The best number of one trial each, and every cell that one trial cannot tell from it."""
    known = [(row.cell, value) for row in workload.measured if (value := of(row)) is not None]
    if not known:
        return []
    best = end(value for _, value in known)
    cells = [cell for cell, value in known if value == best]
    near = [cell for cell, value in known if value != best and abs(value / best - 1) <= ONE_TRIAL_SHARE]
    beside = f" (one trial cannot tell from it {_by_stack(near, workload.pythons)})" if near else ""
    return [f"{what}: {_by_stack(cells, workload.pythons)} with {number(best, digits)} {unit}{beside}"]


def _fewest(counted: Sequence[CountRow]) -> list[str]:
    """The stack with the fewest instructions per request, on each Python."""
    firsts = (
        min((row for row in counted if row.cell.python == python), key=lambda row: row.count.mean)
        for python in sorted({row.cell.python for row in counted}, key=python_key)
    )
    parts = [
        f"{stack} ({_range([row.count.mean / 1e6 for row in rows])} million "
        f"on {_join(row.cell.python for row in rows)})"
        for stack, rows in _grouped((row.cell.stack, row) for row in firsts).items()
    ]
    return [f"fewest instructions per request: {', '.join(parts)}"] if parts else []


@dataclass(frozen=True, slots=True)
class Step:
    """A stack on one Python against the Python before: the verdict, and the ratio."""

    cell: Cell
    other: Cell
    word: str
    ratio: float


def _cheaper(family: Family | None) -> list[str]:
    """What each Python changes in cost against the one before, by the verdicts."""
    if family is None:
        return []
    steps = [
        Step(one.cell, one.other, one.verdict.word, one.effect(family.metric)[0])
        for one in family.compared
        if one.cell.stack == one.other.stack and one.verdict.word != "not enough blocks"
    ]
    return _changes(_inline(family.metric.title), steps, {"faster": "less", "slower": "more"})


def _fewer(counted: Sequence[CountRow]) -> list[str]:
    """What each Python changes in instructions against the one before."""
    compared = ((row.cell, row.python_before) for row in counted if row.python_before is not None)
    steps = [
        Step(cell, before.other, before.ratio.word, before.ratio.ratio)
        for cell, before in compared
        if before.ratio.word != "counted once"
    ]
    return _changes("instructions per request", steps, {"fewer": "fewer", "more": "more"})


def _changes(what: str, steps: Sequence[Step], words: Mapping[str, str]) -> list[str]:
    """What is sure, by Python and direction; of all else only that it is not."""
    if not steps:
        return []
    sure = _grouped(
        ((words[step.word], step.cell.python, step.other.python), step) for step in steps if step.word in words
    )
    parts = [
        f"{_percents([step.ratio for step in some])} {word} on {python} than on {before} for "
        f"{_join(step.cell.stack for step in some)}"
        for (word, python, before), some in sure.items()
    ]
    if any(step.word not in words for step in steps):
        parts.append(f"no {'other ' if parts else ''}difference between Pythons is sure")
    return [f"{what}: {', '.join(parts)}"]


def _unknown(workload: WorkloadSummary) -> list[str]:
    """The cells whose plateau is not known: they kept up with their users, or broke down when there were more."""
    limited = [row.cell for row in workload.measured if row.plateau is not None and row.plateau.limiter == "users"]
    if not limited:
        return []
    return [f"The plateau was not reached by {_by_stack(limited, workload.pythons)}: their users were the limit."]


def _fallen(workload: WorkloadSummary) -> list[str]:
    """The cells whose throughput falls far below their plateau when there are more users."""
    lasts = ((row, row.closed[-1].name, mid(row.closed[-1].throughput_rps) or 0.0) for row in workload.measured)
    fallen = _grouped(
        ((row.cell.stack, level), (row.cell.python, row.plateau_rps or 0.0, last_rps))
        for row, level, last_rps in lasts
        if last_rps < FALLEN_SHARE * (row.plateau_rps or 0.0)
    )
    parts = []
    for (stack, level), some in fallen.items():
        pythons, plateaus, rest = zip(*some, strict=True)
        on = _on(pythons, workload.pythons)
        parts.append(f"{stack}{on} from {_range(plateaus, 0)} to {_range(rest, 0)} requests/s at {level}")
    return [f"With more users throughput falls: {', '.join(parts)}."] if parts else []


def _grouped[Key, Value](pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _by_stack(cells: Iterable[Cell], pythons: Collection[str]) -> str:
    stacks = _grouped((cell.stack, cell.python) for cell in cells)
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
