"""The document of two states of results: what has changed, and in which words it may be said. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.judge import mean_of
from stackmatrix.analysis.comparison.recorded import Change
from stackmatrix.analysis.comparison.states import Recorded, Unsaid
from stackmatrix.analysis.metrics import METRICS
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.wording import plural
from stackmatrix.report import words
from stackmatrix.report.comparison.sentences import DECIDED, WITNESSES, named, verdict
from stackmatrix.results.comparison import (
    COMPARISON_FORMAT,
    ComparedFigure,
    ComparisonDocument,
    ControlOutcome,
    NotCompared,
    PackageChange,
    Side,
)
from stackmatrix.results.conditions import Environment, environment_details

MOST_CELLS = 3
"""That a sentence names: the rest is counted."""
MOST_CHANGES = 12
"""Cells that have a sentence of their own: the rest stands in the table."""
BY_THEN = (
    "Both sides were measured at different times, so figures of time are compared by their ratio to the reference "
)
ABSOLUTE = "stack in the same blocks, and never as they are; those in units stand beside, without a word."
ACROSS = "stack in the same blocks; of unlike machines no figure is shown as it is."


@dataclass(frozen=True, slots=True)
class About:
    """What was compared, beside the results: ``across`` machines, or on the same one."""

    base: Side
    head: Side
    app: str | None
    command: str
    across: bool


def document_of(about: About, compared: Mapping[str, Recorded]) -> ComparisonDocument:
    """Everything that is said of two states of results, by the name of the machine."""
    several = len(compared) > 1
    figures = tuple(
        _figure(one, recorded, machine if several else None, across=about.across)
        for machine, recorded in compared.items()
        for one in recorded.changes
    )
    started = [run.started for one in compared.values() for result in one.head.values() for run in result.runs]
    return ComparisonDocument(
        format_version=COMPARISON_FORMAT,
        machine=", ".join(compared),
        started=min(started, default=""),
        minutes=None,
        app=about.app,
        base=about.base,
        head=about.head,
        sentences=tuple(_sentences(about, compared, figures)),
        figures=figures,
        not_compared=tuple(_not_compared(about, compared)),
        packages=tuple(_packages(compared.values())),
        controls=tuple(
            ControlOutcome(workload=workload, state="failed", reason=reason, void=reason)
            for recorded in compared.values()
            for workload, reason in recorded.void.items()
        ),
        command=about.command,
    )


def _figure(one: Change, recorded: Recorded, machine: str | None, *, across: bool) -> ComparedFigure:
    metric, cell, reference = one.samples.metric, one.samples.cell, one.samples.reference
    base, head = (
        None if across else mean_of(metric, metric.usable(side[cell])).mid for side in (recorded.base, recorded.head)
    )
    return ComparedFigure(
        workload=cell.workload,
        stack=cell.stack,
        python=cell.python,
        other_stack=cell.stack,
        other_python=cell.python,
        figure=metric.name,
        title=metric.title if reference is None else f"{metric.title} against {reference.stack}",
        unit=metric.unit,
        digits=metric.digits,
        higher_is_better=metric.higher_is_better,
        base=base,
        head=head,
        compares="difference" if metric.is_difference else "ratio",
        effect=one.effect.mid,
        low=one.effect.low,
        high=one.effect.high,
        word=one.word,
        blocks=one.blocks,
        decided_after=one.blocks if one.word != "undecided" else None,
        matters=metric.matters,
        smallest_decidable=one.smallest_decidable,
        needed=None,
        caution=_caution(one, recorded, across=across),
        relative_to=None if reference is None else reference.stack,
        machine=machine,
    )


def _caution(one: Change, recorded: Recorded, *, across: bool) -> str | None:
    """What was compared, and that nothing is known to have changed, where it says that something has."""
    cell, reference, told = one.samples.cell, one.samples.reference, []
    if reference is not None:
        of = "difference" if one.samples.metric.is_difference else "ratio"
        beside = "" if across else "; values are of different times"
        told.append(f"The change is of the {of} to {reference.stack} in the same blocks{beside}.")
    if one.word in DECIDED and not any(_environment_changes(recorded, cell)):
        told.append("Nothing is recorded that has changed about this cell.")
    return " ".join(told) or None


def _environments(recorded: Recorded, cell: Cell) -> list[Environment]:
    sides = (recorded.base[cell].conditions, recorded.head[cell].conditions)
    return [one.environment for one in sides if one is not None]


def _environment_changes(recorded: Recorded, cell: Cell) -> tuple[str, ...]:
    both = _environments(recorded, cell)
    return environment_details(*both) if len(both) > 1 else ()


def _not_compared(about: About, compared: Mapping[str, Recorded]) -> Iterator[NotCompared]:
    for machine, recorded in compared.items():
        of = f"{machine}: " if len(compared) > 1 else ""
        for cells, title, other in (
            (recorded.came, about.head.title, about.base.title),
            (recorded.went, about.base.title, about.head.title),
        ):
            for cell in cells:
                yield NotCompared(what=f"{of}{cell}", reason=f"{title} has figures of it, and {other} has none.")
        alike: dict[tuple[str, str], list[Cell]] = {}
        for one in recorded.unsaid:
            alike.setdefault((one.metric.title, _reason(one, across=about.across)), []).append(one.cell)
        for (title, reason), some in alike.items():
            yield NotCompared(what=f"{of}{title} of {_join(some)}", reason=reason)


def _reason(one: Unsaid, *, across: bool) -> str:
    if across or one.base is None or one.head is None:
        return one.reason
    ends = (words.value(one.metric, side) for side in (one.base, one.head))
    return f"{one.reason} It was {' and then '.join(ends)} {one.metric.unit}."


def _packages(compared: Iterable[Recorded]) -> Iterator[PackageChange]:
    """Packages that differ between the sides of any cell, in the order of their names."""
    changes: dict[str, PackageChange] = {}
    for recorded in compared:
        for cell in recorded.compared:
            base, head = ([one.packages for one in _environments(recorded, cell)] + [{}, {}])[:2]
            for name in {*base} | {*head}:
                if base.get(name) != head.get(name):
                    changes.setdefault(name, PackageChange(name=name, base=base.get(name), head=head.get(name)))
    yield from (changes[name] for name in sorted(changes))


def _sentences(about: About, compared: Mapping[str, Recorded], figures: Sequence[ComparedFigure]) -> Iterator[str]:
    """What has changed, the most important first."""
    for recorded in compared.values():
        for workload, reason in recorded.void.items():
            yield f"{workload}: void, and so nothing is said of it: {reason}"
    yield from _changes(about, figures)
    found = Counter(one.word for one in figures)
    if figures:
        told = words.counted({one: found[one] for one in ("better", "worse", "same", "undecided")})
        yield f"Of {plural(len(figures), 'figure')} that can be compared: {told}."
    elif not any(one.compared or one.grown or one.came or one.went for one in compared.values()):
        yield "Nothing has changed: every cell has the same blocks on both sides."
        return
    else:
        yield "No change of any figure can be told, for the reasons below."
    for machine, recorded in compared.items():
        yield from _circumstances(about, f"{machine}: " if len(compared) > 1 else "", recorded)
    if figures:
        yield BY_THEN + (ACROSS if about.across else ABSOLUTE)


def _changes(about: About, figures: Sequence[ComparedFigure]) -> Iterator[str]:
    """A sentence of each cell of which a difference is decided, those of what a request costs first."""
    order = (*WITNESSES, *(metric.name for metric in METRICS))
    decided: dict[str, list[ComparedFigure]] = {}
    for one in sorted((one for one in figures if one.word in DECIDED), key=lambda one: order.index(one.figure)):
        decided.setdefault(f"{f'{one.machine}, ' if one.machine else ''}{named(one)}", []).append(one)
    for place, (cell, some) in enumerate(decided.items()):
        if place == MOST_CHANGES:
            yield f"So it is with {plural(len(decided) - place, 'cell')} more."
            return
        told = "; ".join(f"{one.title} {verdict(one, bare=True)}" for one in some)
        yield f"{about.head.title} against {about.base.title}, {cell}: {told}."


def _circumstances(about: About, of: str, recorded: Recorded) -> Iterator[str]:
    """In what else the two states of a machine's results differ."""
    if recorded.unlike:
        yield f"{of}The two were not measured alike: {', '.join(recorded.unlike)}."
    changed: dict[tuple[str, ...], list[Cell]] = {}
    for cell in recorded.compared:
        changed.setdefault(_environment_changes(recorded, cell), []).append(cell)
    for what, some in changed.items():
        yield f"{of}{_join(some)}: {'; '.join(what) or 'measured anew, with nothing changed that is recorded'}."
    for cells, told in (
        (recorded.came, f"only {about.head.title} has figures"),
        (recorded.went, f"only {about.base.title} has figures"),
        (recorded.grown, "blocks were added under the same conditions, which is no change"),
        (recorded.alike, "the same blocks on both sides"),
    ):
        if cells:
            is_all = len(cells) == len({*recorded.base} | {*recorded.head}) > 1
            yield f"{of}{f'All {len(cells)} cells' if is_all else _join(cells)}: {told}."


def _join(cells: Sequence[Cell]) -> str:
    more = [f"{len(cells) - MOST_CELLS} more cells"] if len(cells) > MOST_CELLS + 1 else []
    return "; ".join([*map(str, cells if not more else cells[:MOST_CELLS]), *more])
