"""What comparisons of a thing with itself have shown, in sentences and a table. Pure."""

from collections.abc import Iterator, Sequence

from stackmatrix.analysis.alarms import Alarms
from stackmatrix.analysis.metrics import COST, Metric
from stackmatrix.matrix.wording import plural
from stackmatrix.report import words
from stackmatrix.report.comparison.sentences import BY_NAME
from stackmatrix.report.table import Column, Table, name, quantity
from stackmatrix.results.comparison import ComparisonDocument


def sentences(documents: Sequence[ComparisonDocument], found: Sequence[Alarms]) -> Iterator[str]:
    """How often a difference was called that is not there, and the threshold that this machine can hold."""
    first = documents[0]
    minutes = [one.minutes for one in documents if one.minutes is not None]
    took = f", {sum(minutes) / len(minutes):.1f} minutes each" if minutes else ""
    yield f"{first.head.title} was compared with itself {plural(len(documents), 'time')}{took}."
    void = sum(any(one.void is not None for one in document.controls) for document in documents)
    if void:
        yield f"Of these {void} were void, as a control failed: a gate fails on such a run and asks for another one."
    for one in found:
        metric = BY_NAME[one.figure]
        yield (
            f"{metric.title}: a difference was called in {one.called} of {plural(one.compared, 'comparison')}, "
            f"so probably in at most {words.share(one.called_at_most)}{_decided(metric, one)}."
        )
    advice = next((one for one in found if one.figure == COST.name), None)
    if advice is not None:
        yield _advice(advice)


def _decided(metric: Metric, one: Alarms) -> str:
    if one.decides is None:
        return ""
    low, mid, high = (words.amount(metric, end) for end in one.decides)
    return f"; it decides differences from {mid} on ({low} to {high})"


def _advice(cpu: Alarms) -> str:
    if cpu.threshold is None:
        return (
            "No threshold of 20 % and less would have been passed by nine in ten: give it more --minutes, or gate on "
            "instructions alone (--figures instructions)."
        )
    return (
        f"A gate on CPU time with --threshold {words.share(cpu.threshold).replace(' ', '')} would have passed nine in "
        "ten and more of these; with a lower one, more of them would have been undecided."
    )


def table(found: Sequence[Alarms]) -> Table[Alarms]:
    """The figures by how many comparisons would have passed a gate of each threshold."""
    limits = [limit for limit, _ in found[0].passed] if found else []

    def passed(limit: float) -> Column[Alarms]:
        return quantity(words.share(limit), lambda one: f"{dict(one.passed)[limit]} of {one.compared}")

    return Table(
        (
            name("figure", lambda one: BY_NAME[one.figure].title),
            quantity("called", lambda one: f"{one.called} of {one.compared}"),
            *(passed(limit) for limit in limits),
        ),
        [one for one in found if not BY_NAME[one.figure].is_difference],
        title="Comparisons that would have passed a gate of each threshold",
    )
