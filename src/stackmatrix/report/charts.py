"""Static charts, readable on a light and on a dark page. Pure: data in, Vega-Lite out.

What the rows of a chart say is made here as well, for the charts of report.html too: a stack has one colour and one
shape wherever it is drawn, and a Python one pattern of dashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, cell_key
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import many, words
from stackmatrix.results.model import Result
from stackmatrix.results.ramps import Ramp

# Okabe and Ito's palette, distinguishable without full colour vision, less black and yellow, which vanish on one of
# the two backgrounds, and three of Tol's; the shapes distinguish the lines without any colour.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C", "#AA4499", "#999933", "#882255"]
SHAPES = [
    *("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke", "triangle-right"),
    "triangle-left",
]
"""One fewer than the colours, so that the two together are new for ninety stacks."""
SIGNS = dict(zip(SHAPES, "●■▲◆✚▼▬▶◀", strict=True))
"""The shapes as characters, for legends."""
DASHES = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (4, 4), (1, 3))
"""The newest Python is a plain line."""
INK = "#808080"
"""A grey that has contrast enough against white and against near-black."""
BAR_PX = 17
MARGIN_PX = 12
"""Around a chart: names are as wide as the reader's own font, which is not that of the machine that drew it."""
RAMP_COLUMNS, RAMP_PX, RAMP_FONT_PX = 3, (190, 130), 12
MANY_COLUMNS, MANY_PX, MANY_FONT_PX = 5, (125, 80), 10
"""Panels of ramps, and of many of them: how many side by side, their width and height, and the size of their titles."""

type Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart | alt.Chart
type Config = Mapping[str, object]
type Spec = dict[str, Any]
type Row = dict[str, Any]


def static_charts(machines: Iterable[MachineSummary]) -> dict[str, Spec]:
    """Every chart of the pages, by its path below the results folder, such as ``a-machine/fanout-cost.svg``."""
    charts = {}
    for machine in machines:
        for workload in machine.workloads:
            family, path = workload.family(COST), f"{machine.name}/{workload.name}"
            if family is not None:
                charts[f"{path}-cost.svg"] = cost_chart(family)
            if spec := ramp_chart([row.result for row in workload.rows]):
                charts[f"{path}-ramp.svg"] = spec
    return charts


# What stacks and Pythons look like


def looks(stacks: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and shape of each stack: the same in every chart, whatever else was measured, and no two alike."""
    every = [*STACKS, *(name for name in stacks if name not in STACKS)]
    places = {name: every.index(name) for name in stacks}
    return {name: (COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]) for name, place in places.items()}


def dashes(pythons: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The pattern of each Python's lines: lengths of dash and gap in pixels."""
    newest_first = sorted(set(pythons), key=newest_key, reverse=True)
    return {python: DASHES[place % len(DASHES)] for place, python in enumerate(newest_first)}


# What is drawn


def is_shown(cell: Cell) -> bool:
    """Whether it is a cell of its own, not a control."""
    return cell.control is None


def value_rows(family: Family) -> list[Row]:
    """The values of a family's cells in the metric's unit, each with the interval of that cell alone.

    Many stacks come the best first, a few as the table of stacks has them.
    """
    metric = family.metric
    cells = sorted(filter(is_shown, family.values), key=cell_key)
    order = many.by_value(family, list(dict.fromkeys(cell.stack for cell in cells)))
    return [
        {
            "stack": cell.stack,
            "python": cell.python,
            "mid": value.mid,
            "low": value.low,
            "high": value.high,
            "label": f"{cell.python}: {words.number(value.mid, metric.digits)}",
            "says": f"{words.value(metric, value)} {metric.unit}",
        }
        for cell in sorted(cells, key=lambda cell: order.index(cell.stack))
        for value in (family.values[cell],)
    ]


def shown_ramps(result: Result) -> tuple[Ramp, ...]:
    """The valid ramps of a cell that were recorded second by second."""
    return tuple(ramp for ramp in result.ramps if ramp.is_valid and ramp.seconds is not None)


def cost_chart(family: Family) -> Spec:
    """CPU time per request of every cell of a workload, with the 95 % interval of each."""
    rows = value_rows(family)
    stacks = list(dict.fromkeys(row["stack"] for row in rows))
    for row in rows:
        row["colour"] = looks(stacks)[row["stack"]][0]
    title = {"text": f"{family.workload}: CPU time per request", "subtitle": "mean and 95 % interval; less is better"}
    chart = bars(alt.Axis(labelLimit=170), "ms of CPU per request")
    return with_data({**_on_a_page(chart, {"step": BAR_PX, "for": "offset"}), "title": title}, values=rows)


def bars(axis: alt.Axis, title: str) -> Chart:
    """One bar for each row of ``values``, in their order, stack by Python, with its interval as a rule."""
    y, offset = alt.Y("stack:N", sort=None, title=None, axis=axis), alt.YOffset("python:N", sort=None)
    base = alt.Chart(alt.NamedData("values")).encode(y=y, yOffset=offset, tooltip=TOOLTIP)
    x = alt.X("mid:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    bar = base.mark_bar(opacity=0.75).encode(x=x, color=COLOUR)
    interval = base.mark_rule(color=INK, strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q")
    words = base.mark_text(align="left", dx=5, color=INK, fontSize=11).encode(x=alt.X("end:Q"), text="label:N")
    return alt.layer(bar, interval, words.transform_calculate(end="max(datum.mid, datum.high)"))


COLOUR = alt.Color("colour:N", scale=None, legend=None)
"""Rows have their colour in them: a legend would show what is not drawn, and a scale would change with the choice."""
TOOLTIP = [alt.Tooltip("stack:N"), alt.Tooltip("python:N", title="Python"), alt.Tooltip("says:N", title=" ")]


def ramp_chart(results: Sequence[Result]) -> Spec | None:
    """The first ramp of each stack on its newest Python, a panel each; ``None`` where none was recorded."""
    newest: dict[str, Result] = {}
    for result in sorted(results, key=lambda one: newest_key(one.cell.python)):
        if is_shown(result.cell) and shown_ramps(result):
            newest[result.cell.stack] = result
    if not newest:
        return None
    shown = [result for result in results if result is newest.get(result.cell.stack)]
    colours, is_many = looks(list(newest)), many.is_many(len(newest))
    seconds, drops = [], []
    for result in shown:
        cell, recorded = result.cell, shown_ramps(result)[0].seconds
        assert recorded is not None
        panel = {"panel": _panel(cell, is_many=is_many), "colour": colours[cell.stack][0]}
        seconds += [
            {**panel, "second": second, "offered": offered, "answered": answered}
            for second, (offered, answered) in enumerate(zip(recorded.offered, recorded.answered, strict=True))
        ]
        drops += [{**panel, "second": recorded.dropped_s}] if recorded.dropped_s is not None else []
    panels = _ramps([_panel(one.cell, is_many=is_many) for one in shown], is_many=is_many)
    width, height = MANY_PX if is_many else RAMP_PX
    spec = _on_a_page(panels, height, width)
    pythons = words.join(sorted({one.cell.python for one in shown}, key=newest_key))
    of = f"{shown[0].cell.workload}{f' on {pythons}' if is_many else ''}"
    title = {
        "text": f"{of}: how much load it holds, and whether it comes back",
        "subtitle": "grey: arrivals offered in each second; colour: answered; dashed: where the load drops",
    }
    # All rows stand in one data set, as a facet has one.
    return with_data({**spec, "title": title}, ramps=[*seconds, *({**row, "drops": True} for row in drops)])


def _panel(cell: Cell, *, is_many: bool) -> str:
    """The title of a panel; small ones have no room for the Python."""
    return cell.stack if is_many else f"{cell.stack}, {cell.python}"


def _ramps(panels: Sequence[str], *, is_many: bool) -> Chart:
    second = alt.X("second:Q", title="seconds", axis=alt.Axis(tickCount=3 if is_many else 5, grid=False))
    base = alt.Chart().transform_filter("!datum.drops").encode(x=second)
    offered = base.mark_area(interpolate="step-after", color=INK, opacity=0.3).encode(
        y=alt.Y("offered:Q", title="requests/s" if is_many else "requests a second", axis=alt.Axis(tickCount=5))
    )
    answered = base.mark_line(strokeWidth=2).encode(y="answered:Q", color=COLOUR)
    drop = alt.Chart().transform_filter("datum.drops").mark_rule(color=INK, strokeDash=[4, 3]).encode(x="second:Q")
    font, columns = (MANY_FONT_PX, MANY_COLUMNS) if is_many else (RAMP_FONT_PX, RAMP_COLUMNS)
    heading = alt.Header(title=None, labelColor=INK, labelFontSize=font, labelFontWeight="bold", labelAnchor="start")
    facet = alt.Facet("panel:N", sort=list(panels), header=heading)
    return alt.layer(offered, answered, drop, data=alt.NamedData("ramps")).facet(facet, columns=columns)


def percentile_chart(series: Mapping[str, Iterable[float]], title: str) -> Spec:
    """Response times in ms by percentile, on an axis that gives each further nine the same room."""
    points = []
    for name, times_ms in series.items():
        ordered = sorted(times_ms)
        for rank, time_ms in enumerate(ordered):
            # 1 / (1 - q), with the mean rank of Weibull, so that the largest has a finite place.
            points.append({"load": name, "place": (len(ordered) + 1) / (len(ordered) - rank), "ms": float(time_ms)})
    names = list(series)
    colours = alt.Scale(domain=names, range=COLOURS[: len(names)])
    chart = (
        alt.Chart(alt.NamedData("points"))
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(
            x=percentiles(domain=[1, 1000]),
            y=alt.Y("ms:Q", title="response time in ms, from the intended start", scale=alt.Scale(zero=True)),
            color=alt.Color("load:N", sort=names, scale=colours, title=None),
            strokeDash=alt.StrokeDash("load:N", sort=names, legend=None),
        )
    )
    return with_data({**_on_a_page(chart, 300), "title": {"text": title}}, points=points)


def percentiles(**scale: Any) -> alt.X:
    """An axis of ``place``, which is 1 / (1 - q), with the percentiles that people know."""
    label = "datum.value == 1 ? '0 %' : format(100 - 100 / datum.value, '~g') + ' %'"
    ticks = alt.Axis(values=[1, 2, 10, 20, 100, 1000], labelExpr=label)
    return alt.X("place:Q", title="percentile of responses", scale=alt.Scale(type="log", **scale), axis=ticks)


# How a chart fits a page


def _on_a_page(chart: Chart, height: object, width: int = 560) -> Spec:
    title = {"color": INK, "subtitleColor": INK, "anchor": "start", "fontSize": 14, "offset": 12}
    spec = styled(chart, {"orient": "right"}, {"title": title}, padding=MARGIN_PX)
    # The size of a facet is that of its panels.
    inner = spec.get("spec", spec)
    inner.update(width=width, height=height)
    return spec


def styled(chart: Chart, legend: Config, more: Config, **whole: object) -> Spec:
    """The chart as Vega-Lite, all words in one grey that both backgrounds bear.

    ``legend`` and ``more`` go into its configuration, ``whole`` beside it. None of that goes through altair, which
    copies a chart at every step.
    """
    colours = ("labelColor", "titleColor", "gridColor", "domainColor", "tickColor")
    config = {
        "view": {"stroke": None},
        "axis": {**dict.fromkeys(colours, INK), "gridOpacity": 0.25},
        "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "symbolStrokeWidth": 2, **legend},
        **more,
    }
    return {**chart.to_dict(validate=False), "background": "transparent", **whole, "config": config}


def with_data(spec: Mapping[str, Any], **data: list[Row]) -> Spec:
    return {**spec, "datasets": data}
