"""The document of a comparison: the figures of both sides, in what else they differ, and the answer in sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from stackmatrix.analysis.comparison.contrasts import Contrast
from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.matrix.wording import plural
from stackmatrix.report.comparison.sentences import sentences
from stackmatrix.report.verdicts import judgement
from stackmatrix.results.comparison import (
    COMPARISON_FORMAT,
    ComparedFigure,
    ComparisonDocument,
    ControlOutcome,
    NotCompared,
    PackageChange,
    Side,
)
from stackmatrix.results.model import Result


@dataclass(frozen=True, slots=True)
class About:
    """What a comparison is of, beside its results: ``unmeasured`` says why cells could not be measured."""

    machine: str
    minutes: float | None
    app: str | None
    base: Side
    head: Side
    command: str
    unmeasured: Mapping[Cell, str]


def document_of(
    about: About, results: Sequence[Result], pairs: Sequence[Contrast], threshold: float | None = None
) -> ComparisonDocument:
    """Everything that is said of two sides measured side by side; ``pairs`` are the head's and the base's cells."""
    families = judge(results, pairs=pairs, threshold=threshold)
    by_cell = {result.cell: result for result in results}
    figures = tuple(figure_of(family, one) for family in families for one in family.compared)
    controls = tuple(
        ControlOutcome(
            workload=family.workload, state=family.controls.state, reason=family.controls.reason, void=family.void
        )
        for family in families
        if family.metric.headline
    )
    return ComparisonDocument(
        format_version=COMPARISON_FORMAT,
        machine=about.machine,
        started=min((run.started for result in results for run in result.runs), default=""),
        minutes=about.minutes,
        app=about.app,
        base=about.base,
        head=about.head,
        sentences=tuple(sentences(about.base, about.head, figures, controls)),
        figures=figures,
        not_compared=tuple(_not_compared(about, families, by_cell, pairs)),
        packages=tuple(_package_changes(by_cell, pairs)),
        controls=controls,
        command=about.command,
    )


def figure_of(family: Family, one: Comparison) -> ComparedFigure:
    """One comparison of the head's cell with the base's."""
    metric = family.metric
    base, head = family.values.get(one.other), family.values.get(one.cell)
    return ComparedFigure(
        workload=one.cell.workload,
        stack=one.other.stack,
        python=_python(one.other),
        other_stack=one.cell.stack,
        other_python=_python(one.cell),
        figure=metric.name,
        title=metric.title,
        unit=metric.unit,
        digits=metric.digits,
        higher_is_better=metric.higher_is_better,
        base=base.mid if base is not None else None,
        head=head.mid if head is not None else None,
        head_low=head.low if head is not None else None,
        head_high=head.high if head is not None else None,
        **judgement(metric, one),
    )


def _python(cell: Cell) -> str:
    """The interpreter of a cell: what is installed on it is what is compared."""
    return Runtime.of(cell.python).interpreter


def _not_compared(
    about: About, families: Iterable[Family], results: Mapping[Cell, Result], pairs: Sequence[Contrast]
) -> Iterator[NotCompared]:
    lacking = {cell: one.status.reason for cell, one in results.items() if one.status.state != "ok"}
    for cell, reason in {**lacking, **about.unmeasured}.items():
        if cell in chain.from_iterable(pairs) or cell.control is not None:
            yield NotCompared(what=_told(cell), reason=reason or "It was not measured.")
    for cell in (cell for pair in pairs for cell in pair):
        if (result := results.get(cell)) is not None and (spoilt := _why_none_counts(result)):
            yield NotCompared(what=_told(cell), reason=spoilt)
    for family in families:
        for head, base, reason in family.refused:
            if (head, base) in pairs:
                yield NotCompared(what=f"{family.metric.title} of {_told(head)}", reason=reason)


def _why_none_counts(result: Result) -> str | None:
    """Why no block of a cell counts, where there are some."""
    blocks = result.blocks
    if not blocks or result.has_figures:
        return None
    found = [one.sentence for block in reversed(blocks) for one in block.findings if one.severity == "invalid"]
    return f"Of {plural(len(blocks), 'block')} none counts. Of the last one: {found[0] if found else 'no reason.'}"


def _told(cell: Cell) -> str:
    runtime = Runtime.of(cell.python)
    return f"{cell.stack} on {runtime.interpreter}, {cell.workload} ({cell.control or runtime.side})"


def _package_changes(results: Mapping[Cell, Result], pairs: Sequence[Contrast]) -> Iterator[PackageChange]:
    """Packages that differ between any two cells that are compared, in the order of their names."""
    changes: dict[str, PackageChange] = {}
    for head, base in pairs:
        of_base, of_head = (_packages(results.get(cell)) for cell in (base, head))
        if of_base is None or of_head is None:
            continue
        for name in sorted({*of_base} | {*of_head}):
            if of_base.get(name) != of_head.get(name):
                change = PackageChange(name=name, base=of_base.get(name), head=of_head.get(name))
                changes.setdefault(name, change)
    yield from (changes[name] for name in sorted(changes))


def _packages(result: Result | None) -> Mapping[str, str] | None:
    return None if result is None or result.conditions is None else result.conditions.environment.packages
