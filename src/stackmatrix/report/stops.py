"""What a deploy does to visitors, as a table and as sentences. Pure."""

from collections.abc import Callable, Iterator, Mapping

from stackmatrix.analysis.stops import Stopped
from stackmatrix.analysis.summary import CellSummary, WorkloadSummary
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.wording import plural
from stackmatrix.report import links, many, words
from stackmatrix.report.table import Column, Table, quantity
from stackmatrix.report.tables import CELL, has_any
from stackmatrix.report.unsaid import Sentence
from stackmatrix.report.words import NOTHING, join
from stackmatrix.results.stops import Visitors

NOTE = (
    "SIGTERM to the process that a process manager started, with five requests in flight and one idle kept connection. "
    "In the view: requests that had reached it. Queued: sent, and waiting for a slot. Later: visitors who came until "
    "the last process was gone; one who is refused can be sent to another server, one who is let in and cut off cannot."
)
HELD = (
    " The workload's own page comes too soon for a signal to meet it: requests were held inside the application by a "
    "wait of the harness's own, and not by the page."
)
FATES = {"wrong": "answered wrong", "cut_off": "cut off", "refused": "refused", "unanswered": "never answered"}


def stop_table(workload: WorkloadSummary) -> Table[CellSummary]:
    """What became of the visitors in flight and of later ones, and when the target was gone.

    Of many stacks, those stand together of which the same happens.
    """
    rows = [row for row in workload.rows if row.stop is not None]
    is_grouped = many.is_many(len(rows))
    if is_grouped:
        rows.sort(key=_fate)

    def of(text: Callable[[Stopped], str]) -> Callable[[CellSummary], str]:
        return lambda row: NOTHING if row.stop is None else text(row.stop)

    columns: tuple[Column[CellSummary], ...] = (
        *CELL,
        Column("answers", lambda row: WHO[_fate(row)[0]] if is_grouped else ""),
        Column("requests held by the harness", of(lambda one: f"for {one.held_ms} ms" if one.held_ms else NOTHING)),
        quantity("stops", of(lambda one: str(one.trials))),
        Column("in the view", of(lambda one: fates(one.inside))),
        Column("queued", of(lambda one: fates(one.queued))),
        Column("later", of(lambda one: fates(one.late))),
        quantity("gone after, s", of(lambda one: words.ranged(one.gone_s, 1))),
        quantity("its first process, s", of(_first_gone)),
        Column("left running", of(left_running)),
        Column("idle kept connection", of(kept)),
    )
    note = NOTE + (HELD if any(row.stop is not None and row.stop.held_ms for row in rows) else "")
    return Table(tuple(one for one in columns if has_any(one, rows)), rows, note=note)


WHO = ("everybody", "some", "nobody")
"""Who is answered of those in flight: the groups of sentences, and of the rows of a long table."""


def _fate(row: CellSummary) -> tuple[int, float, int]:
    """Orders rows by what happens: the group, the share that is answered, and how many later visitors are lost."""
    one = row.stop
    if one is None:
        return len(WHO), 0.0, 0
    return _group(one), -one.in_flight.answered / max(1, one.in_flight.all), one.late.lost


def _group(one: Stopped) -> int:
    """The place in ``WHO``."""
    return 0 if one.answers_all else 1 if one.in_flight.answered else 2


def fates(visitors: Visitors) -> str:
    """What became of visitors: ``15 of 15 answered``, or with what became of the others."""
    if not visitors.all:
        return NOTHING
    others = [f"{count} {said}" for name, said in FATES.items() if (count := getattr(visitors, name))]
    return ", ".join([f"{visitors.answered} of {visitors.all} answered", *others])


def _first_gone(one: Stopped) -> str:
    """When the process that got the signal had ended, where others outlived it."""
    first, last = one.first_gone_s, one.gone_s
    return NOTHING if first is None or first == last else words.ranged(first, 1)


def left_running(one: Stopped) -> str:
    if not one.stayed:
        return "nothing"
    return f"{join(one.left)} after {one.deadline_s:g} s ({one.stayed} of {plural(one.trials, 'stop')})"


def kept(one: Stopped) -> str:
    """What became of the idle connection."""
    if not one.kept:
        return "none is kept"
    if one.closed_s is None:
        return "not closed"
    open_ = one.kept - one.closed_s.n
    return f"closed after {words.ranged(one.closed_s, 1)} s" + (f"; {open_} of {one.kept} not" if open_ else "")


def sentences(workload: WorkloadSummary) -> Iterator[Sentence]:
    """Which stacks answer everybody in flight when they are stopped, which nobody, and what goes on after."""
    python, known = _newest(workload)
    groups: dict[str, list[str]] = {}
    for stack, one in known.items():
        who = WHO[_group(one)]
        groups.setdefault(who, []).append(f"{stack} {_whom(one)}" if who == "some" else stack)
    if not groups:
        return
    told = [
        named if who == "some" else f"{named} {'answers' if len(groups[who]) == 1 else 'answer'} {who}"
        for who in WHO
        if who in groups
        for named in (many.names(groups[who], many.ENDS),)
    ]
    text = f"SIGTERM with {_requests(workload.name, known)} in flight on {python}: {'; '.join(told)}."
    if losing := [f"{stack} ({one.late.lost} of {one.late.all})" for stack, one in known.items() if one.late.lost]:
        text += f" Meanwhile new visitors are let in and lost with {many.names(losing, many.ENDS)}."
    if left := [f"{stack} leaves {left_running(one)}" for stack, one in known.items() if one.stayed]:
        text += f" {many.names(left, many.ENDS)}."
    yield f"{workload.name}-stop", "What does a deploy do to visitors?", text, links.part(workload.name, "stop")


def _newest(workload: WorkloadSummary) -> tuple[str | None, Mapping[str, Stopped]]:
    """The newest Python on which anything was stopped, and what was seen there, by stack."""
    rows = [row for row in workload.rows if row.stop is not None]
    python = max((row.cell.python for row in rows), key=newest_key, default=None)
    return python, {row.cell.stack: row.stop for row in rows if row.stop is not None and row.cell.python == python}


def _requests(name: str, known: Mapping[str, Stopped]) -> str:
    """What was in flight: requests of a workload, or where its pages come too soon, those that the harness held."""
    held = {stack: one.held_ms for stack, one in known.items() if one.held_ms}
    if not held:
        return f"requests of {name}"
    wait = f"held inside the application for {max(held.values())} ms by the harness"
    if len(held) == len(known):
        return f"requests {wait} (workload {name}, whose page comes too soon)"
    return f"requests of {name} (with {many.names(held)}: {wait}, as the page comes too soon)"


def in_short(workload: WorkloadSummary, stack: str) -> str:
    """Whom a stack answers when it is stopped, and whom it loses meanwhile; empty where it was not stopped."""
    one = _newest(workload)[1].get(stack)
    if one is None:
        return ""
    lost = f", and loses {one.late.lost} of {one.late.all} who come meanwhile" if one.late.lost else ""
    return f" Stopped for a deploy, {stack} answers {_whom(one)} in flight{lost}."


def _whom(one: Stopped) -> str:
    who = WHO[_group(one)]
    return f"{one.in_flight.answered} of {one.in_flight.all}" if who == "some" else who
