"""What a bisection has found, as a table and in sentences, the most important one first. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.bisect import MATTERS
from stackmatrix.matrix.wording import plural
from stackmatrix.report import words
from stackmatrix.report.comparison.sentences import verdict
from stackmatrix.report.table import Column, Table, quantity
from stackmatrix.results.bisection import Bisection, CostlyStep
from stackmatrix.results.comparison import PackageChange

MOST_NAMED = 6
"""Packages of a group that are named; how many more there are is said."""
MILLION = 1e6
WHY = {
    "step": "",
    "unworkable": ", which no mixture that works separates",
    "spread": ", of which none alone makes so much",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A step or what is left; ``share`` is of the whole difference."""

    place: str
    packages: str
    before: float | None
    after: float | None
    change: float
    share: float | None


def found_table(document: Bisection) -> Table[_Row]:
    """The steps that cost or gain, the costliest first, and what all others make together."""
    total = _total(document)
    matters = abs(total) > MATTERS * document.base_instructions

    def row(place: str, packages: str, change: float, step: CostlyStep | None = None) -> _Row:
        before, after = (None, None) if step is None else (step.before / MILLION, step.after / MILLION)
        return _Row(place, packages, before, after, change / MILLION, change / total if matters else None)

    rows = [row(_place(one), listed(one.packages), one.after - one.before, one) for one in document.found]
    if (others := _others(document)) is not None:
        rows.append(row(words.NOTHING, others, _rest(document)))
    return Table(
        (
            Column("step", lambda one: one.place, wraps=False),
            Column("packages", lambda one: one.packages),
            quantity("before, million", lambda one: words.number(one.before, 2)),
            quantity("after, million", lambda one: words.number(one.after, 2)),
            quantity("change, million", lambda one: f"{one.change:+.2f}"),
            quantity("of the difference", lambda one: words.share(one.share)),
        ),
        rows,
        title=f"Instructions per request of {document.app}, {document.stack} on {document.python}, {document.workload}",
        note=f"Counted by {document.counter}. All packages moved: {_total(document) / MILLION:+.2f} million.",
    )


def sentences(document: Bisection) -> Iterator[str]:
    """Which packages cost, how sure that is by CPU time, and what could not be looked at."""
    total, base = _total(document), document.base_instructions
    skipped = [one for one in document.counted if one.skipped is not None]
    whole = f"{_percent(abs(total), base)} {_more(total)} instructions"
    if abs(total) <= MATTERS * base:
        yield f"{document.head.title} takes as many instructions as {document.base.title}, within {MATTERS:.0%}."
    if document.found:
        parts = [_said(one, total, base, whole) for one in document.found]
        if (others := _others(document)) is not None:
            rest = _rest(document)
            told = "less than 1 %" if abs(rest) < MATTERS * base else f"{_percent(abs(rest), base)} {_more(rest)}"
            parts.append(f"{others}: {told}")
        yield f"{'; '.join(parts)}."
    elif abs(total) > MATTERS * base:
        yield f"No package stands out of the {whole}."
    else:
        yield "No package, and no half of them, costs or saves more than that."
    if skipped:
        yield f"{plural(len(skipped), 'mixture')} did not work and was left out: {skipped[0].skipped}"
    if document.cpu is not None:
        yield f"{listed(document.found[0].packages)}, by CPU time side by side: {verdict(document.cpu)}."
    elif document.cpu_unknown is not None:
        why = document.cpu_unknown.rstrip(".")
        yield f"{listed(document.found[0].packages)} was not confirmed by CPU time: {why}."


def _said(one: CostlyStep, total: float, base: float, whole: str) -> str:
    """One step: its part of the whole where that has its direction, else what it costs or saves."""
    change = one.after - one.before
    amount, million = _percent(abs(change), base), f"{abs(change) / MILLION:.2f}"
    named = f"{listed(one.packages)}{WHY[one.kind]}"
    if abs(total) > MATTERS * base and (change > 0) == (total > 0) and abs(change) <= abs(total):
        return f"{named} makes {amount} of the {whole} ({million} of {abs(total) / MILLION:.2f} million)"
    return f"{named} {'costs' if change > 0 else 'saves'} {amount} ({million} million)"


def listed(packages: Sequence[PackageChange]) -> str:
    """The packages of a step with both of their versions."""
    told = [_one(package) for package in packages[:MOST_NAMED]]
    more = len(packages) - MOST_NAMED
    return f"{', '.join(told)} and {more} more" if more > 0 else words.join(told)


def _one(package: PackageChange) -> str:
    if package.base is None:
        return f"{package.name} {package.head} (added)"
    return f"{package.name} {package.base} → {package.head or 'removed'}"


def titles(packages: Sequence[PackageChange]) -> tuple[str, str]:
    """What the two environments are called that differ in these packages only."""
    sides = ([(one.name, one.base) for one in packages], [(one.name, one.head) for one in packages])
    named = (
        [f"{name} {version}" if version else f"no {name}" for name, version in side[:MOST_NAMED]] for side in sides
    )
    base, head = (", ".join(side) for side in named)
    return base, head


def _place(one: CostlyStep) -> str:
    return str(one.high) if one.high - one.low == 1 else f"{one.low + 1} to {one.high}"


def _total(document: Bisection) -> float:
    return document.head_instructions - document.base_instructions


def _rest(document: Bisection) -> float:
    """What all steps that were not found make together."""
    return _total(document) - sum(one.after - one.before for one in document.found)


def _others(document: Bisection) -> str | None:
    """What the packages of all other steps are called together; ``None`` where there are none."""
    every = sum(map(len, document.order))
    left = every - sum(len(one.packages) for one in document.found)
    if left > 1:
        return f"the other {left} packages together"
    return "the other package" if left else None


def _percent(amount: float, base: float) -> str:
    share = 100 * amount / base
    return f"{share:.0f} %" if share >= 10 or f"{share:.1f}".endswith(".0") else f"{share:.1f} %"


def _more(change: float) -> str:
    return "more" if change > 0 else "fewer"
