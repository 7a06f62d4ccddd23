"""What may be said of two states of results, which were measured at different times. Pure.

How fast the machine was at either time is not known, so no figure of time is compared as it is. On each side a cell is
held against the reference cell in the blocks that both share, and the two ratios are compared: that needs a machine,
a way of measuring and a reference that have not changed in between. Instructions do not depend on a machine's speed,
and are compared as they are. The two sides share no block, so theirs are two samples: Welch's t (1947, "The
generalization of 'Student's' problem when several different population variances are involved").
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance

import numpy as np
from scipy import special

from stackmatrix.analysis.comparison.inference import LIKELY, Finding
from stackmatrix.analysis.comparison.judge import CONFIDENCE, estimate_of, judge, word_of
from stackmatrix.analysis.comparison.moderation import Variances, moderate
from stackmatrix.analysis.comparison.verdicts import Estimate, Word, bounded
from stackmatrix.analysis.metrics import Metric, Values
from stackmatrix.matrix.cells import Cell, reference_of
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.results.conditions import Conditions, environment_details, machine_differences
from stackmatrix.results.model import Result

IS_REFERENCE = "It is what the others are compared with: how fast the machine was at either time is not known."
NOT_BESIDE = "It was not measured in the same blocks as the reference stack on the same Python, on both sides."
ONE_SIDE = "It was measured on one side only."


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell as it stood at one time, and the reference cell then; ``void`` is why its runs prove nothing, if so."""

    result: Result
    reference: Result | None
    void: str | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """By what a figure of a cell is compared: one number of each block of either side, logarithms for ratios.

    They are relative to the ``reference`` cell, or as they are where there is none.
    """

    cell: Cell
    metric: Metric
    reference: Cell | None
    base: Sequence[float]
    head: Sequence[float]


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure has changed: the ratio of the head to the base, or the head less the base in the unit.

    Where the samples have a ``reference``, it is the ratio or the difference to it that has changed. The interval is
    simultaneous over all that are decided together; ``blocks`` are those of the side that has fewer.
    """

    samples: Samples
    effect: Estimate
    word: Word
    blocks: int
    smallest_decidable: float | None


def void_workloads(results: Iterable[Result]) -> dict[str, str]:
    """Why runs prove nothing, by workload: a control failed."""
    return {family.workload: family.void for family in judge(list(results), pairs=()) if family.void is not None}


def reference_beside(cell: Cell, cells: Iterable[Cell]) -> Cell | None:
    """The reference cell of the same workload and Python among these; a twin's is the cell that it repeats."""
    return reference_of(one for one in cells if (one.workload, one.python) == (cell.workload, cell.python))


def draw(metric: Metric, before: Measured, after: Measured, *, across: bool = False) -> Samples | str:
    """By what a metric of a cell is compared, or why it is not, in a sentence."""
    sides, cell = (before, after), after.result.cell
    conditions = [one.result.conditions for one in sides]
    values = [_values(metric, one.result) for one in sides]
    reason = before.void or after.void or _why_not(conditions, across=across)
    if reason is None and not all(values):
        reason = ONE_SIDE
    if reason is None and metric.kind == "counts":
        reason = _other_counter(before.result, after.result)
    if reason is not None:
        return reason
    if metric.kind == "counts" and not across:
        return Samples(cell, metric, None, *(list(one.values()) for one in values))
    if before.reference is None or after.reference is None:
        return NOT_BESIDE
    reference = after.reference.cell
    if cell == reference:
        return IS_REFERENCE
    changed = _changed(before.reference, after.reference)
    if changed:
        told = ", ".join(changed)
        return f"The reference, {reference}, has changed itself, so that no ratio to it can be compared: {told}."
    beside = [_values(metric, one) for one in (before.reference, after.reference)]
    pairs = [[own[key] - other[key] for key in own if key in other] for own, other in zip(values, beside, strict=True)]
    return Samples(cell, metric, reference, *pairs) if all(pairs) else NOT_BESIDE


def _values(metric: Metric, result: Result) -> Values:
    """The values by block as they are compared: logarithms for ratios."""
    values = metric.usable(result)
    return values if metric.is_difference else {key: math.log(one) for key, one in values.items()}


def _why_not(conditions: Sequence[Conditions | None], *, across: bool) -> str | None:
    before, after = conditions
    if before is None or after is None:
        return ONE_SIDE
    if before.protocol != after.protocol:
        return f"It was measured in another way (protocol {before.protocol} → {after.protocol})."
    differ = () if across else machine_differences(before, after)
    return f"The two sides were not measured alike: {', '.join(differ)}." if differ else None


def _other_counter(before: Result, after: Result) -> str | None:
    counters = [{block.counter for block in one.counts if block.is_valid} for one in (before, after)]
    if counters[0] == counters[1] and len(counters[0]) == 1:
        return None
    return f"They were counted by other programs: {', '.join(sorted(counters[0] | counters[1]))}."


def _changed(before: Result, after: Result) -> tuple[str, ...]:
    if before.conditions is None or after.conditions is None:
        return ()
    return environment_details(before.conditions.environment, after.conditions.environment)


def decide(family: Sequence[Samples]) -> tuple[list[Change], str | None]:
    """The changes of a family, judged together, and why they prove nothing, where the twin among them differs.

    The intervals are simultaneous by Bonferroni's correction. They begin with three blocks on either side.
    """
    level = (1 - CONFIDENCE) / max(1, len(family))
    changes = [_change(one, *errors, level) for one, errors in zip(family, _errors(family), strict=True)]
    for one in changes:
        if one.samples.cell.control == "twin" and one.word in {"better", "worse"}:
            size = f"{100 * (one.effect.mid - 1):.1f} %"
            why = f"The ratio of the reference cell's twin to it, which is one, differs between the two by {size}."
            return [replace(each, word="undecided") for each in changes], why
    return changes, None


def _errors(family: Sequence[Samples]) -> list[tuple[float | None, float]]:
    """The standard error of each difference, and its degrees of freedom; ``None`` where there are too few blocks."""
    places = [place for place, one in enumerate(family) if min(len(one.base), len(one.head)) >= LOOKS[0]]
    found: list[tuple[float | None, float]] = [(None, 0.0)] * len(family)
    if places:
        base, head = (
            _of_means(side)
            for side in ([family[place].base for place in places], [family[place].head for place in places])
        )
        variances = base.variance + head.variance
        with np.errstate(invalid="ignore"):  # counts may be the same in every block: they have no error
            freedoms = variances**2 / (base.variance**2 / base.freedom + head.variance**2 / head.freedom)
        if len(places) == 1:
            # Nothing is borrowed from others, and Welch's freedoms are too many where one side has few blocks.
            freedoms = np.minimum(base.freedom, head.freedom)
        for place, error, freedom in zip(places, np.sqrt(variances).tolist(), freedoms.tolist(), strict=True):
            found[place] = error, freedom
    return found


def _of_means(samples: Sequence[Sequence[float]]) -> Variances:
    """The variance of each mean, moderated by what is usual in the family.

    From three or four blocks alone, one cell in a dozen looks steady by chance, and Welch's t would call that a change.
    All share the rest of the reference, half of the variance of each: so their variances say a quarter of the same.
    """
    sizes = np.array([len(one) for one in samples], dtype=float)
    own = Variances(np.array([variance(one) for one in samples]), sizes - 1)
    total = float(own.freedom.sum()) / (1 + (len(samples) - 1) / 4)
    moderated = moderate(own, own.variance, max(total, float(own.freedom.max())))
    return Variances(moderated.variance / sizes, moderated.freedom)


def _change(samples: Samples, error: float | None, freedom: float, level: float) -> Change:
    metric = samples.metric
    mid, half = fmean(samples.head) - fmean(samples.base), None
    if error is not None:
        half = error and float(special.stdtrit(freedom, 1 - level / 2)) * error
    low, high = (None, None) if half is None else (mid - half, mid + half)
    decidable = None if half is None or error is None else half + LIKELY * error
    return Change(
        samples=samples,
        effect=estimate_of(metric, mid, low, high),
        word=word_of(metric, _finding(metric, low, high)),
        blocks=min(len(samples.base), len(samples.head)),
        smallest_decidable=decidable if decidable is None or metric.is_difference else math.expm1(bounded(decidable)),
    )


def _finding(metric: Metric, low: float | None, high: float | None) -> Finding:
    margin = metric.matters if metric.is_difference else math.log1p(metric.matters)
    if low is None or high is None:
        return "undecided"
    if -margin <= low and high <= margin:
        return "same"
    return "more" if low > 0 else "less" if high < 0 else "undecided"
