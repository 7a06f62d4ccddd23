"""The answer's sentences on what visitors feel, what a stack holds, and whether it comes back. Pure."""

import math
from collections.abc import Iterator, Sequence

from stackmatrix.analysis.metrics import HOLDS
from stackmatrix.analysis.summary import CellSummary, Climb, WorkloadSummary
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.wording import plural
from stackmatrix.report import links, many, words
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import join, span

type Climbed = Sequence[tuple[CellSummary, Climb]]


def visitors(workload: WorkloadSummary) -> Iterator[Sentence]:
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
    if late := [one.times.p95 for _, one in alike if one.times.p95 is not None]:
        text += f"; the slowest in twenty wait {span(late, 0)} ms or more"
    failed = [f"{one.failures} of {one.requests} with {row.cell.stack}" for row, one in alike if one.failures]
    text += f"; failed: {many.names(failed, many.ENDS)}" if failed else ""
    yield f"{workload.name}-visitors", "What do visitors feel?", f"{text}.", links.part(workload.name, "latency")


def holds(workload: WorkloadSummary) -> Iterator[Sentence]:
    """What stacks hold on the newest Python with ramps, what slots end, and which come back from an overload."""
    rows = [row for row in workload.rows if row.climb is not None]
    python = max((row.cell.python for row in rows), key=newest_key, default=None)
    climbs = [(row, row.climb) for row in rows if row.climb and row.cell.python == python]
    held = [(row, climb) for row, climb in climbs if climb.holds is not None]
    by_cpu = [one for one in held if one[1].limiter != "slots"]
    parts = [*_held(workload, by_cpu), *_slots([one for one in held if one not in by_cpu]), *_after_overload(climbs)]
    if parts:
        lead, where = "What does it hold, and does it come back?", links.part(workload.name, "ramps")
        yield f"{workload.name}-holds", lead, " ".join(parts), where


def _held(workload: WorkloadSummary, climbs: Climbed) -> Iterator[str]:
    """The arrival rates that are held, and how many of their differences are decided, the largest with its size."""
    if not climbs:
        return
    known = [climb.holds for _, climb in climbs if climb.holds is not None]
    stacks, python = [row.cell.stack for row, _ in climbs], climbs[0][0].cell.python
    told = words.held(known[0], f" over {plural(climbs[0][1].ramps, 'ramp')}")
    if len(known) > 1:
        mids = [one.mid for one in known]
        told = span(mids, 0 if min(mids) >= words.SLOW else 1)
    who = stacks[0] if len(stacks) == 1 else f"{len(stacks)} stacks"
    hold = "holds" if len(stacks) == 1 else "hold"
    text = f"{who} {hold} {told} arrivals/s of {workload.name} on {python} without a backlog"
    family, cells = workload.family(HOLDS), {row.cell for row, _ in climbs}
    pairs = [one for one in (family.compared if family is not None else ()) if {one.cell, one.other} <= cells]
    if pairs:
        count = sum(one.is_decided for one in pairs)
        text += f" ({count or 'none'} of {plural(len(pairs), 'difference')} decided)"
    unlike = [one for one in pairs if one.word in {"better", "worse"}]
    for one in sorted(unlike, key=lambda one: -abs(math.log(one.effect.mid)))[:1]:
        text += f"; {one.cell.stack} {words.verdict(HOLDS, one.effect, one.word, bare=True)} than {one.other.stack}"
    yield f"{text}."


def _slots(climbs: Climbed) -> Iterator[str]:
    """What is held by stacks that run out of slots before they run out of CPU."""
    told = [
        f"{words.title(row.cell)} to {words.held(climb.holds)}/s"
        + ("" if climb.busy_share is None else f" (its core {words.share(climb.busy_share)} busy)")
        for row, climb in climbs
    ]
    if told:
        yield f"Slots limit {many.names(told, many.ENDS)}."


def _after_overload(climbs: Climbed) -> Iterator[str]:
    """Which stacks come back at the reference rate, and which do not."""
    watched = [(row, climb) for row, climb in climbs if climb.watched]
    back = [(row, climb) for row, climb in watched if climb.came_back == climb.watched]
    never = [(row, climb) for row, climb in watched if climb.came_back < climb.watched]
    told = []
    if back:
        ends = [end for _, climb in back if climb.back_s for end in (climb.back_s.low, climb.back_s.high)]
        told.append(
            f"{_named(back)} {'comes' if len(back) == 1 else 'come'} back in {span(ends, int(min(ends) < 1))} s"
        )
    if never:
        missed = sum(climb.watched - climb.came_back for _, climb in never)
        ramps = sum(climb.watched for _, climb in never)
        some = "" if missed == ramps else f" in {missed} of {ramps} ramps"
        within = f"within {max(climb.watched_s or 0.0 for _, climb in never):g} s{some}"
        told.append(f"{_named(never)} {'does' if len(never) == 1 else 'do'} not {'' if back else 'come back '}{within}")
    if told:
        yield f"After an overload {'; '.join(told)}."


def _named(climbs: Climbed) -> str:
    """The names of a few stacks; of more how many they are, as a table has them."""
    return join([row.cell.stack for row, _ in climbs]) if len(climbs) <= many.ENDS else f"{len(climbs)} stacks"
