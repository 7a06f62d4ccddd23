"""The tables of a comparison, shown in a terminal and in Markdown alike. Pure.

Names of packages, branches and pages, and lines of logs, are anybody's: every text is put on one line, and is cut where
it is endless.
"""

from collections.abc import Sequence

from stackmatrix.analysis.comparison.verdicts import Estimate
from stackmatrix.analysis.gate_sentences import percent, span
from stackmatrix.outside.text import one_line
from stackmatrix.report import words
from stackmatrix.report.comparison.sentences import BY_NAME, DECIDED, WITNESSES, metric_of, named
from stackmatrix.report.table import Column, Table, name, quantity
from stackmatrix.results.comparison import (
    ComparedFigure,
    ComparisonDocument,
    ControlOutcome,
    GatedFigure,
    NotCompared,
    PackageChange,
)


def key(one: ComparedFigure | GatedFigure) -> tuple[str, ...]:
    """What a figure and its judgement have in common."""
    return (one.workload, one.stack, one.python, one.other_stack, one.other_python, one.figure)


def figures_table(figures: Sequence[ComparedFigure]) -> Table[ComparedFigure]:
    """Every figure of every cell on both sides, with the change and its word."""
    columns: Sequence[Column[ComparedFigure]] = (
        Column("cell", lambda one: one_line(named(one))),
        Column("figure", lambda one: one.title),
        quantity("base", lambda one: _value(one, one.base)),
        quantity("head", lambda one: _value(one, one.head)),
        Column("change", change),
        name("is", lambda one: f"{one.word} †" if one.caution else one.word),
    )
    cautions = dict.fromkeys(one.caution for one in figures if one.caution)
    return Table(columns, figures, note=f"† {' '.join(map(one_line, cautions))}" if cautions else None)


def _value(one: ComparedFigure, value: float | None) -> str:
    return words.NOTHING if value is None else f"{words.number(value, one.digits)} {one.unit}"


def change(one: ComparedFigure) -> str:
    """How far the head is from the base, with the interval."""
    return words.size(metric_of(one), Estimate(one.effect, one.low, one.high))


def decided(document: ComparisonDocument) -> Table[ComparedFigure] | Table[GatedFigure]:
    """What decided: of a gate the figures to which it owes its outcome, else what differs, or is asked first."""
    gate = document.gate
    if gate is not None:
        return gate_table(document, [one for one in gate.figures if one.outcome == gate.outcome])
    differs = [one for one in document.figures if one.word in DECIDED]
    return figures_table(differs or [one for one in document.figures if one.figure in WITNESSES])


def gate_table(document: ComparisonDocument, figures: Sequence[GatedFigure]) -> Table[GatedFigure]:
    """Figures as a gate has judged them."""
    compared = {key(one): one for one in document.figures}

    def known(one: GatedFigure) -> ComparedFigure | None:
        return compared.get(key(one))

    def value(one: GatedFigure, side: str) -> str:
        found = known(one)
        return words.NOTHING if found is None else _value(found, found.base if side == "base" else found.head)

    return Table(
        (
            Column("cell", lambda one: one_line(_place(one))),
            Column("figure", lambda one: BY_NAME[one.figure].title),
            quantity("base", lambda one: value(one, "base")),
            quantity("head", lambda one: value(one, "head")),
            Column("worse by", _worse),
            Column("allowed", lambda one: _allowed(one, known(one))),
            name("is", lambda one: one.outcome),
        ),
        figures,
    )


def _place(one: GatedFigure) -> str:
    """The cell, with both sides of what is compared in it."""
    stack, python = (
        base if base == head else f"{base} → {head}"
        for base, head in ((one.stack, one.other_stack), (one.python, one.other_python))
    )
    return f"{stack} on {python}, {one.workload}"


def _worse(one: GatedFigure) -> str:
    if one.worse_by is None:
        return words.NOTHING
    ends = "" if one.low is None or one.high is None else f" ({span(one.low, one.high)})"
    return f"{percent(one.worse_by)}{ends}"


def _allowed(one: GatedFigure, known: ComparedFigure | None) -> str:
    if one.is_budget:
        return f"{'at least' if known and known.higher_is_better else 'at most'} {one.limit:g}"
    return f"below {percent(one.limit)}{' (waived)' if one.waiver else ''}"


def packages_table(packages: Sequence[PackageChange]) -> Table[PackageChange]:
    """Packages in which the sides differ."""
    return Table(
        (
            Column("package", lambda one: one_line(one.name)),
            Column("base", lambda one: one_line(one.base or words.NOTHING)),
            Column("head", lambda one: one_line(one.head or words.NOTHING)),
        ),
        packages,
    )


def left_out(not_compared: Sequence[NotCompared]) -> list[str]:
    """What could not be compared, and why, a line each."""
    return [one_line(f"{one.what}: {one.reason}") for one in not_compared]


def controls_said(controls: Sequence[ControlOutcome]) -> list[str]:
    """How the controls came out, a line for each workload."""
    return [one_line(f"{one.workload}: {one.state}. {one.reason or ''}") for one in controls]


def conditions(document: ComparisonDocument) -> str:
    """Where, when and for how long it was measured, in a sentence."""
    told = [f"Measured on {document.machine}", *([f"at {document.started}"] if document.started else [])]
    told += [f"in {document.minutes:.1f} minutes"] if document.minutes is not None else []
    commits = (f"{side.title} is {side.commit[:12]}" for side in (document.base, document.head) if side.commit)
    return one_line("; ".join([" ".join(told), *commits])) + "."
