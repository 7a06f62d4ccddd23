"""The answer in numbered sentences, made from the verdicts: each a size with its interval, and where its evidence is.

A sentence that has no evidence is left out. Of a workload whose runs are void, nothing is said but that, and why. Pure.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.verdicts import Comparison, Family, Word
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import CellSummary, Climb, MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key, python_key
from stackmatrix.report import causes, links, many, origins, stops, unsaid, words
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import join, span


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the answer. ``lead`` is what it is about, ``evidence`` a path from the results folder."""

    key: str
    lead: str
    text: str
    evidence: str


def statements(machine: MachineSummary) -> tuple[Statement, ...]:
    """Everything that may be said of a machine's results, in the order of the questions that a reader has."""
    claimed = [workload for workload in machine.workloads if workload.void is None]
    said = [
        *_void(machine),
        *causes.sentences(machine),
        *_slots(claimed),
        *(one for workload in claimed for one in _stacks(workload)),
        *origins.sentences(machine),
        *(one for of in (_visitors, _holds, stops.sentences, _pythons) for workload in claimed for one in of(workload)),
    ]
    said += unsaid.sentences(machine)
    return tuple(Statement(key, lead, text, links.on_page(machine.name, anchor)) for key, lead, text, anchor in said)


def _void(machine: MachineSummary) -> Iterator[Sentence]:
    for workload in machine.workloads:
        if workload.void is not None:
            reason = workload.void.strip().rstrip(".")
            text = f"The runs of {workload.name} are void, and nothing is said of it. {reason}."
            yield f"{workload.name}-void", "Void:", text, links.workload(workload.name)


def _slots(claimed: Sequence[WorkloadSummary]) -> Iterator[Sentence]:
    """What stacks hold that run out of slots before they run out of CPU."""
    by_cell: dict[str, list[str]] = {}
    places = []
    for workload in claimed:
        for row in workload.rows:
            if row.climb is not None and row.climb.limiter == "slots" and row.climb.holds is not None:
                share = words.share(row.climb.busy_share)
                busy = "" if row.climb.busy_share is None else f" with its core {share} busy"
                held = f"{_held(row)} arrivals/s of {workload.name}{busy}"
                by_cell.setdefault(f"{row.cell.stack} on {row.cell.python}", []).append(held)
                places.append(links.part(workload.name, "ramps"))
    if by_cell:
        told = [f"{cell} holds {join(held)}" for cell, held in by_cell.items()]
        if many.is_many(len(told)):
            told = [*told[: many.ENDS], f"and {len(told) - many.ENDS} cells more"]
        text = "; ".join(told)
        yield "slots", "What do slots do?", f"Slots are the limit, and not the CPU: {text}.", places[0]


def _held(row: CellSummary) -> str:
    climb = row.climb
    return words.held(climb.holds, f" over {words.plural(climb.ramps, 'ramp')}") if climb is not None else words.NOTHING


def _stacks(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What each stack costs against the reference, on the newest Python, and what is otherwise on older ones."""
    family, reference = workload.family(COST), workload.reference
    if family is None or reference is None:
        return
    known: dict[str, list[Comparison]] = {}
    for one in sorted(_headlines(family), key=lambda one: one.effect.mid):
        if one.other.stack == reference.stack != one.cell.stack:
            known.setdefault(one.cell.python, []).append(one)
    anchor = links.part(workload.name, COST.name)
    if not known:
        yield from _alone(workload, anchor)
        return
    newest = max(known, key=newest_key)
    compared = [one for one in family.compared if one.other.stack == reference.stack != one.cell.stack]
    pythons = {one.cell.python for one in compared}
    older = sorted((python for python in pythons if python != newest), key=python_key, reverse=True)
    mean = family.values.get(Cell(stack=reference.stack, python=newest, workload=workload.name))
    cost = words.value(COST, mean)
    text = f"CPU per request of {workload.name} on {newest}, against {reference.stack} with {cost} ms"
    every = [one for one in compared if one.cell.python == newest]
    is_told = not many.is_many(len(every))
    text += f": {_sizes(known[newest])}." if is_told else f": {_summed_up(every)}"
    other = {python: _otherwise(known[newest], known.get(python, [])) for python in older}
    if alike := [python for python in reversed(older) if not other[python]]:
        text += f" The verdicts are the same on {join(alike)}."
    text += "".join(f" Otherwise on {python}: {sizes}." for python, sizes in other.items() if sizes)
    place = anchor if is_told else links.workload(workload.name)
    yield f"{workload.name}-stacks", "Which stack?", text, place


def _sizes(found: Sequence[Comparison]) -> str:
    return join([f"{one.cell.stack} {words.verdict(COST, one.effect, one.word, bare=True)}" for one in found])


def _summed_up(found: Sequence[Comparison]) -> str:
    """Many stacks against the reference: how many of each word, and both ends of what may stand in a headline."""
    plain = [one for one in found if one.caution is None]
    told = Counter(one.word for one in plain)
    ways: tuple[tuple[Word, str], ...] = (
        ("better", "less"), ("same", f"the same within {words.matters(COST)}"), ("worse", "more"),
    )  # fmt: skip
    counts = [f"{told[word]} {_verb(told[word], 'cost')} {way}" for word, way in ways if told[word]]
    if undecided := told["undecided"]:
        counts.append(f"{undecided} {'is' if undecided == 1 else 'are'} undecided")
    if cautioned := len(found) - len(plain):
        counts.append(f"{cautioned} {'carries' if cautioned == 1 else 'carry'} a caution")
    decided = sorted((one for one in plain if one.is_decided), key=lambda one: one.effect.mid)
    sizes = many.ranked([(words.verdict(COST, one.effect, one.word, bare=True), one.cell.stack) for one in decided])
    return f"of {len(found)} others {join(counts)}. Of what is decided, the cheapest first: {sizes}."


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb


def _alone(workload: WorkloadSummary, anchor: str) -> Iterator[Sentence]:
    """What the only stack of a workload costs."""
    known = [row for row in workload.rows if row.cpu is not None and row.cpu.low is not None]
    if known and len({row.cell.stack for row in known}) == 1:
        costs = join([f"{words.value(COST, row.cpu)} ms on {row.cell.python}" for row in known])
        text = f"CPU per request of {workload.name} with {known[0].cell.stack}: {costs}."
        yield f"{workload.name}-cost", "What does it cost?", text, anchor


def _otherwise(newest: Sequence[Comparison], found: Sequence[Comparison]) -> str:
    """The stacks whose verdict on an older Python is another one, with it; empty where there is none."""
    told: dict[str, Word] = {one.cell.stack: one.word for one in newest}
    other = [one for one in found if told.get(one.cell.stack) != one.word]
    named = [f"{one.cell.stack} {words.verdict(COST, one.effect, one.word, bare=True)}" for one in other]
    known = {one.cell.stack for one in found}
    named += [f"{stack} undecided" for stack in told if stack not in known]
    return many.names(named)


def _headlines(family: Family) -> list[Comparison]:
    """The decided comparisons on which a headline may stand: not of the controls, and of cells that are alike."""
    return [one for one in family.compared if one.is_decided and one.caution is None and one.cell.control is None]


def _visitors(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What a visitor feels at the reference rate, on the newest Python with ramps."""
    rows = [row for row in workload.rows if row.latency is not None]
    python = max((row.cell.python for row in rows), key=newest_key, default=None)
    latencies = [(row, row.latency) for row in rows if row.cell.python == python and row.latency]
    if not latencies:
        return
    rate = latencies[-1][1].rate
    alike = [(row, one) for row, one in latencies if one.rate == rate]
    medians = span([one.times.p50 for _, one in alike], 0)
    text = f"At {rate:g} arrivals/s of {workload.name} on {python} the median visitor waits {medians} ms"
    if overheads := [one.overhead["p50"].ms for _, one in alike if "p50" in one.overhead]:
        text += f", {span(overheads, 0)} ms longer than with a server that costs nothing"
    ranked = sorted(((one.times.p95, row) for row, one in alike if one.times.p95 is not None), key=lambda one: one[0])
    if ranked:
        sizes = [(words.percentile(row, "p95"), row.cell.stack) for _, row in ranked]
        is_many = many.is_many(len(sizes))
        late = many.ranked(sizes) if is_many else join([f"{size} with {stack}" for size, stack in sizes])
        text += f", and the slowest in twenty wait at least this many ms: {late}"
    failed = [f"{one.failures} of {one.requests} with {row.cell.stack}" for row, one in alike if one.failures]
    text += f"; failed: {many.names(failed)}" if failed else ""
    yield f"{workload.name}-visitors", "What do visitors feel?", f"{text}.", links.part(workload.name, "latency")


def _holds(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What each stack holds that does not run out of slots first, and which come back from an overload."""
    rows = [row for row in workload.rows if row.climb is not None]
    python = max((row.cell.python for row in rows), key=newest_key, default=None)
    climbs = [(row, row.climb) for row in rows if row.climb and row.cell.python == python]
    by_cpu = [(climb.holds.mid, row) for row, climb in climbs if climb.limiter != "slots" and climb.holds]
    parts = []
    if by_cpu:
        ranked = sorted(by_cpu, key=lambda one: -one[0])
        sizes = [(_held(row), row.cell.stack) for _, row in ranked]
        is_many = many.is_many(len(sizes))
        held = many.ranked(sizes) if is_many else join([f"{stack} {size}" for size, stack in sizes])
        parts.append(f"Before a backlog grows on {python}, in arrivals/s of {workload.name}: {held}.")
    parts += _after_overload(climbs)
    if parts:
        lead = "What does it hold, and does it come back?"
        yield f"{workload.name}-holds", lead, " ".join(parts), links.part(workload.name, "ramps")


def _after_overload(climbs: Sequence[tuple[CellSummary, Climb]]) -> Iterator[str]:
    """Which stacks come back at the reference rate, and which do not."""
    watched = [(row, climb) for row, climb in climbs if climb.watched]
    back = [(row, climb.back_s) for row, climb in watched if climb.back_s and climb.came_back == climb.watched]
    never = [(row, climb) for row, climb in watched if climb.came_back < climb.watched]
    alike: dict[str, list[str]] = {}
    for row, climb in never:
        missed = f"{climb.watched - climb.came_back} of {words.plural(climb.watched, 'ramp')}"
        alike.setdefault(f"not back within {climb.watched_s:g} s ({missed}", []).append(row.cell.stack)
    for how, stacks in alike.items():
        are, each = ("are", " each)") if len(stacks) > 1 else ("is", ")")
        yield f"After an overload {many.names(stacks)} {are} {how}{each}."
    if back:
        is_every = len(back) > 1 and len(back) + len(never) == len(climbs) > 2
        every = "The others" if never else "All"
        who = every if is_every else many.names([row.cell.stack for row, _ in back])
        ends = [end for _, back_s in back for end in (back_s.low, back_s.high)]
        yield f"{who} {'comes' if len(back) == 1 else 'come'} back in {span(ends, 0)} s."


def _pythons(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What each Python changes against the one before, stacks with the same word together."""
    family = workload.family(COST)
    steps: dict[tuple[str, str], list[Comparison]] = {}
    for one in _headlines(family) if family is not None else ():
        if one.cell.stack == one.other.stack and one.cell.python != one.other.python:
            steps.setdefault((one.cell.python, one.other.python), []).append(one)
    parts = []
    for newer, older in sorted(steps, key=lambda step: python_key(step[0])):
        found = steps[newer, older]
        groups = [[one for one in found if one.word == word] for word in ("better", "worse", "same")]
        parts.append(
            f"{newer} against {older}: {'; '.join(_grouped(group, len(workload.stacks)) for group in groups if group)}."
        )
    if parts:
        text = f"CPU per request of {workload.name}. {' '.join(parts)}"
        yield f"{workload.name}-pythons", "Which Python?", text, links.part(workload.name, COST.name)


def _grouped(group: Sequence[Comparison], count: int) -> str:
    """Comparisons with the same word in one phrase: the sizes seen, and the ends of all intervals."""
    whole = words.grouped(COST, [one.effect for one in group], group[0].word)
    is_all = len(group) == count > 1
    return f"{whole} with {f'all {count} stacks' if is_all else many.names([one.cell.stack for one in group])}"
