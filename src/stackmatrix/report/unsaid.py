"""What is not said, and why: what is undecided, what carries a caution, and what is missing. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.matrix.pythons import PYTHONS, newest_key, python_key
from stackmatrix.matrix.wording import plural
from stackmatrix.report import links, many, words
from stackmatrix.report.words import join

type Sentence = tuple[str, str, str, str]
"""Key, lead, text and the anchor of its evidence on the machine's page."""


def sentences(machine: MachineSummary) -> Iterator[Sentence]:
    """Each thing that is not said, or not in a headline."""
    claimed = [workload for workload in machine.workloads if workload.void is None]
    for workload in claimed:
        anchor = links.part(workload.name, COST.name)
        for place, text in enumerate(_cautions(workload), 1):
            yield f"{workload.name}-caution-{place}", "With a caution:", text, anchor
    for workload in claimed:
        anchor = links.part(workload.name, COST.name)
        for key, text in (*_undecided(workload), *_uncontrolled(workload)):
            yield key, "Not said:", text, anchor
    if refused := [*_refused(claimed)]:
        yield "refused", "Not compared:", " ".join(refused), links.UNSAID
    if missing := [*_unmeasured(machine)]:
        yield "missing", "Not measured:", f"{'; '.join(missing)}.", links.UNSAID


def _undecided(workload: WorkloadSummary) -> Iterator[tuple[str, str]]:
    families = [family for family in workload.families if family.open]
    parts = [_open(family) for family in families if family.metric.headline]
    others = [
        f"{family.metric.name.replace('_', ' at ')} {len(family.open)} of {len(family.compared)}"
        for family in families
        if not family.metric.headline
    ]
    if others:
        parts.append(f"Undecided by other figures: {join(others)}.")
    if parts:
        yield f"{workload.name}-undecided", f"{workload.name}: {' '.join(parts)}"


def _open(family: Family) -> str:
    """How much is open of a family that a run goes on for, and what would decide it."""
    title = _inline(family.metric.title)
    if family.blocks < LOOKS[0]:
        return f"of {title} nothing is said before {LOOKS[0]} blocks, and there {_are(family.blocks)} so far."
    count = f"{len(family.open)} {'is' if len(family.open) == 1 else 'are'} undecided"
    text = f"of {plural(len(family.compared), 'comparison')} of {title} {count}."
    smallest = [one.smallest_decidable for one in family.open if one.smallest_decidable is not None]
    if smallest:
        decided = words.amount(family.metric, max(smallest))
        text += f" {family.blocks} blocks decide differences of {decided}; {_later(family)}"
    return text


def _later(family: Family) -> str:
    """How many blocks would probably decide what is open."""
    known = [one.needed for one in family.open if one.needed is not None]
    if not known:
        return f"even {LOOKS[-1]} would probably not decide these."
    some = "" if len(known) == len(family.open) else f" {len(known)} of"
    return f"{max(known)} would probably decide{some} these."


def _uncontrolled(workload: WorkloadSummary) -> Iterator[tuple[str, str]]:
    """That the controls of a workload have not shown yet that its runs can be trusted."""
    family = next((family for family in workload.families if family.metric.headline), None)
    if family is not None and family.controls.state in {"not yet known", "not measured"}:
        reason = f": {family.controls.reason}" if family.controls.reason else ""
        text = f"Whether the controls of {workload.name} hold is {family.controls.state}{reason}".rstrip(".")
        yield f"{workload.name}-controls", f"{text}."


def _cautions(workload: WorkloadSummary) -> Iterator[str]:
    """Verdicts on CPU time of cells that differ in more than their names, which no headline tells."""
    family, reference = workload.family(COST), workload.reference
    by_reason: dict[tuple[str, str], dict[str, list[Comparison]]] = {}
    if family is None or reference is None:
        return
    cautioned = [one for one in family.compared if one.caution is not None and one.is_decided]
    newest = {
        one.cell.stack: one.cell.python
        for one in sorted(cautioned, key=lambda one: newest_key(one.cell.python))
        if one.other.stack == reference.stack != one.cell.stack
    }
    for one in cautioned:
        is_step = one.cell.stack == one.other.stack
        is_first = one.other.stack == reference.stack and newest.get(one.cell.stack) == one.cell.python
        if is_step or is_first:
            mine, theirs = (one.cell.python, one.other.python) if is_step else (one.cell.stack, one.other.stack)
            told = (one.caution or "").rstrip(".").replace(f"{mine} ", EACH)
            what = f"{mine} against {theirs}" if is_step else f"on {one.cell.python} against {theirs}"
            by_reason.setdefault((told, mine if is_step else ""), {}).setdefault(what, []).append(one)
    for (told, python), groups in by_reason.items():
        every = [one for found in groups.values() for one in found]
        stacks = {one.cell.stack for one in every}
        mine = python or (stacks.pop() if len(stacks) == 1 else "each")
        listed = "; ".join(f"{what}: {_sizes(found)}" for what, found in groups.items())
        stand = "It stands" if len(every) == 1 else "They stand"
        why = told.replace(EACH, f"{mine} ")
        yield f"CPU per request of {workload.name} {listed}. {stand} in no headline, since {why}."


def _sizes(found: Sequence[Comparison]) -> str:
    """The largest differences first."""
    ordered = sorted(found, key=lambda one: -abs(math.log(one.effect.mid)))
    told = [f"{one.cell.stack} {words.verdict(COST, one.effect, one.word, bare=True)}" for one in ordered]
    return many.names(told, many.ENDS)


EACH = "\0"
"""Stands for the name of a cell where cautions that are alike otherwise are told together."""


def _refused(claimed: Iterable[WorkloadSummary]) -> Iterator[str]:
    by_reason: dict[str, dict[str, None]] = {}
    for workload in claimed:
        for cell, other, reason in workload.refused:
            pair = f"{words.title(cell)} with {words.short(other, cell)}"
            by_reason.setdefault(reason.rstrip("."), {})[pair] = None
    yield from (f"{many.names(pairs, many.ENDS)}. {reason}." for reason, pairs in by_reason.items())


def _unmeasured(machine: MachineSummary) -> Iterator[str]:
    """Which Pythons, cells and kinds there are no figures of."""
    rows = [row for workload in machine.workloads for row in workload.rows]
    skipped = [row for workload in machine.workloads for row in _skipped(workload)]
    reasons: dict[str, dict[str, None]] = {}
    for row in (*(row for row in rows if row.state == "failed"), *skipped):
        reasons.setdefault((row.reason or row.state).rstrip("."), {})[words.title(row.cell)] = None
    for reason, cells in reasons.items():
        yield f"{many.names(cells)} ({reason})"
    for workload in machine.workloads:
        left_out: dict[str, list[str]] = {}
        for stack, reason in workload.excluded.items():
            left_out.setdefault(reason, []).append(stack)
        yield from (f"{workload.name} with {many.names(stacks)} ({reason})" for reason, stacks in left_out.items())
    seen = {row.cell.python for row in (*rows, *skipped)}
    if absent := [python for python in PYTHONS if python not in seen]:
        yield f"Python {join(absent)}"
    ramped = sorted({row.cell.python for row in rows if row.climb is not None}, key=python_key)
    measured = {row.cell.python for row in rows if row.result.has_figures}
    if not ramped:
        yield "what is held, latency and memory"
    elif set(ramped) != measured:
        yield f"what is held, latency and memory on other Pythons than {join(ramped)}"
    if not any(row.stop for row in rows):
        yield "what a deploy does to visitors"
    if not any(row.instructions for row in rows):
        yield "instructions"


def _skipped(workload: WorkloadSummary) -> list[CellSummary]:
    """Cells without figures, but for those of stacks that cannot serve the workload at all, which are told by that."""
    return [row for row in workload.skipped if row.cell.stack not in workload.excluded]


def remarks(workload: WorkloadSummary) -> list[str]:
    """What a reader must know beside the numbers: cells without any, refused comparisons, and what checks found."""
    failed = [row for row in (*workload.rows, *_skipped(workload)) if row.state != "ok"]
    lines = [f"{words.title(row.cell)}: {row.state}, {(row.reason or '').rstrip('.')}." for row in failed]
    lines += [f"{stack} is not measured: {reason}." for stack, reason in workload.excluded.items()]
    for cell, other, reason in workload.refused:
        lines.append(
            f"{words.title(cell)} is not compared with {words.short(other, cell)}: {reason.strip().rstrip('.')}."
        )
    for row in workload.rows:
        found: Counter[str] = Counter()
        for block in row.result.blocks:
            counts = "" if block.is_valid else " (does not count)"
            failures = [] if block.failure is None else [block.failure]
            found.update(f"{text}{counts}" for text in (*(one.sentence for one in block.findings), *failures))
        lines += [f"{words.title(row.cell)}: {text}{f' ({n} times)' if n > 1 else ''}" for text, n in found.items()]
    return lines


def _inline(title: str) -> str:
    """A title as it stands within a sentence: CPU and p95 keep their letters."""
    return title if title[1:2].isupper() or title[1:2].isdigit() else title[0].lower() + title[1:]


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"
