"""What the report shows of one metric: values, comparisons with how they formed, and what does not matter. Pure.

Ratios are drawn as the percentage by which the cell differs, differences in the metric's unit.
"""

from collections.abc import Iterator

from stackmatrix.analysis.comparison.verdicts import Comparison, Estimate, Family, Look
from stackmatrix.analysis.history import NO_HISTORY, History
from stackmatrix.analysis.metrics import Metric
from stackmatrix.analysis.summary import WorkloadSummary, cell_key
from stackmatrix.matrix.cells import Cell
from stackmatrix.report import history, many, words
from stackmatrix.report.charts import value_rows
from stackmatrix.report.html.keys import Json, short, verdict_key

REFERENCE, PYTHON, PAIRS = "reference", "python", "pairs"
"""Comparisons are shown in sets: with the reference stack, of a Python with the one before, and of other stacks."""


def figure(workload: WorkloadSummary, family: Family, past: History = NO_HISTORY) -> Json:
    """Everything about one metric of one workload, with what it was earlier."""
    metric, reference = family.metric, workload.reference
    rows = sorted(family.compared, key=lambda one: (*cell_key(one.cell), *cell_key(one.other)))
    titles = {
        REFERENCE: f"each stack against {reference.stack if reference else 'the reference'}, on the same Python",
        PYTHON: "each Python against the one before",
        PAIRS: "all other pairs of stacks, on the same Python",
    }
    if many.is_many(len(workload.stacks)):
        # Hundreds of pairs are more than a page should carry: only what a run goes on for has them.
        rows = [one for one in rows if metric.headline or many.is_told_against(one.cell, one.other, reference)]
        rows.sort(key=lambda one: one.effect.mid)
    compared = [_comparison(family, one, _set_of(one, reference)) for one in rows]
    return {
        "name": metric.name,
        "title": metric.title,
        "explanation": words.explanation(family),
        "values-title": f"{metric.title}, {metric.unit}: mean, and the 95 % interval of each cell alone",
        "differences-title": f"Difference, {_unit(metric)}: simultaneous 95 % intervals; grey is what does not matter",
        "forming-note": f"The difference in {_unit(metric)} whenever it was looked at, with its simultaneous 95 % "
        "interval. A full mark is decided, and stays so; grey is what does not matter.",
        "values": value_rows(family),
        "band": dict(zip(("low", "high"), _band(metric), strict=True)),
        "sets": [{"name": name, "title": title} for name, title in titles.items() if _has(compared, name)],
        "comparisons": compared,
        "history-title": f"{metric.title}, {metric.unit}: a full mark is decided against the point before",
        "history": history.courses(past.of(workload.name, metric)),
    }


def _has(compared: list[Json], name: str) -> bool:
    return any(one["set"] == name for one in compared)


def _set_of(one: Comparison, reference: Cell | None) -> str:
    if one.cell.stack == one.other.stack:
        return PYTHON
    return REFERENCE if reference is not None and reference.stack in {one.cell.stack, one.other.stack} else PAIRS


def _comparison(family: Family, one: Comparison, name: str) -> Json:
    """One comparison. Of the pairs of many stacks it is not shown how they formed."""
    is_short = name == PAIRS and many.is_many(len({cell.stack for cell in family.values}))
    return {
        "key": verdict_key(family, one),
        "set": name,
        "cell": {"stack": one.cell.stack, "python": one.cell.python},
        "other": {"stack": one.other.stack, "python": one.other.python},
        "title": words.pair(one),
        "label": f"{one.cell.stack}, {one.cell.python}" if name == REFERENCE else _label(one),
        "word": one.word,
        "decided": one.is_decided,
        "says": list(_says(family, one)),
        **_drawn(family.metric, one.effect),
        "looks": [] if is_short else [_look(family.metric, look) for look in one.looks],
    }


def _look(metric: Metric, look: Look) -> Json:
    """How a comparison stood after so many blocks."""
    return {
        "blocks": look.blocks,
        "decided": look.word != "undecided",
        "says": words.verdict(metric, look.effect, look.word),
        **_drawn(metric, look.effect),
    }


def _label(one: Comparison) -> str:
    """A comparison as it fits beside an axis."""
    if one.cell.stack == one.other.stack:
        return f"{one.cell.stack}, {one.cell.python} against {one.other.python}"
    return f"{one.cell.stack} against {one.other.stack}, {one.cell.python}"


def _says(family: Family, one: Comparison) -> Iterator[str]:
    """The verdict, and then what to know beside it."""
    yield words.verdict(family.metric, one.effect, one.word)
    yield words.standing(family.metric, one)
    if one.caution is not None:
        yield one.caution


def _unit(metric: Metric) -> str:
    return metric.unit if metric.is_difference else "%"


def _band(metric: Metric) -> tuple[float, float]:
    """What does not matter, as it is drawn."""
    if metric.is_difference:
        return -metric.matters, metric.matters
    return -100 * metric.matters, 100 * metric.matters


def _drawn(metric: Metric, effect: Estimate) -> Json:
    def shown(value: float | None) -> float | None:
        return value if value is None or metric.is_difference else 100 * (value - 1)

    return {"mid": short(shown(effect.mid)), "low": short(shown(effect.low)), "high": short(shown(effect.high))}
