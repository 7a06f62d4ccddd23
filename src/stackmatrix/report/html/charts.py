"""The charts of results/report.html: Vega-Lite without data, which the page's script fills in as is chosen. Pure.

A stack has one colour and one shape in every chart, a Python one pattern of dashes, so that lines can be told apart
without colour. What is drawn has its unit at the axis, its range over the blocks as a rule, and its n in the tooltip.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from stackmatrix.report.charts import INK, Chart, scales, styled

DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [1, 3])
HEIGHT = 300
LEGENDS = {"bottom": {"anchor": "start", "direction": "vertical", "margin": 4}}
"""One below the other, as a phone is not wide."""
EDGE = alt.Scale(padding=14, nice=False)
"""Room for the marks at both ends, which may be all that there is."""


def report_charts(stacks: Sequence[str], pythons: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every chart by name, as Vega-Lite; the names of their data are in the script."""
    marks = _Marks(stacks, pythons)
    charts = {
        "throughput": throughput(marks),
        "latency": latency(marks),
        "distribution": distribution(marks),
        "beside": cost(marks, "beside", "CPU time per request side by side, ms"),
        "cpu": cost(marks, "cpu", "CPU time of the target per request, ms"),
        "instructions": cost(marks, "instructions", "user-space instructions per request, million"),
        "memory": cost(marks, "memory", "peak memory of the target, MB"),
        "answered": timeline(marks, "answered", "correct responses in the second"),
        "seconds": timeline(marks, "p95", "p95 of the second's responses, ms"),
    }
    return {name: _styled(chart) for name, chart in charts.items()}


class _Marks:
    """The colours, shapes and dashes of stacks and Pythons."""

    def __init__(self, stacks: Sequence[str], pythons: Sequence[str]) -> None:
        names, versions = list(stacks), list(pythons)
        self.stacks = names
        legend = alt.Legend(orient="bottom", columns=2, title=None, symbolOpacity=1)
        self.colours, shapes = scales(names)
        self.colour = alt.Color("stack:N", scale=self.colours, legend=legend)
        self.shape = alt.Shape("stack:N", scale=shapes, legend=legend)
        # The newest Python is a plain line.
        dashes = alt.Scale(domain=versions[::-1], range=[DASHES[place % len(DASHES)] for place in range(len(versions))])
        pattern = alt.Legend(
            orient="bottom",
            title="Python",
            symbolType="stroke",
            symbolSize=900,
            symbolStrokeWidth=2,
            symbolStrokeColor=INK,
        )
        self.dash = alt.StrokeDash("python:N", scale=dashes, legend=pattern)


def _data(name: str) -> alt.NamedData:
    return alt.NamedData(name=name)


def _tooltip(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """Fields with their titles, after the cell and before how many blocks there are."""
    every = (("stack:N", "stack"), ("python:N", "Python"), *fields)
    return [
        alt.Tooltip(field, title=title, format=".5~g") if field.endswith(":Q") else alt.Tooltip(field, title=title)
        for field, title in every
    ]


def _joined(marks: _Marks, data: str, x: alt.X, y: alt.Y, size: int, *fields: tuple[str, str]) -> Chart:
    """One line for each cell, with points of its stack's shape that have tooltips."""
    base = alt.Chart(_data(data)).encode(x=x, y=y, color=marks.colour, detail="series:N")
    lines = base.mark_line(strokeWidth=2, clip=True).encode(strokeDash=marks.dash)
    points = base.mark_point(size=size, filled=True, opacity=1, clip=True).encode(
        shape=marks.shape, tooltip=_tooltip(*fields)
    )
    return alt.layer(lines, points)


def _lines(marks: _Marks, data: str, x: alt.X, y: alt.Y, *fields: tuple[str, str]) -> Chart:
    """One line for each cell, with its range over the blocks at each point."""
    ranges = alt.Chart(_data(data)).mark_rule(strokeWidth=1.5, opacity=0.6, clip=True)
    encoded = ranges.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=marks.colour, tooltip=_tooltip(*fields))
    return alt.layer(encoded, _joined(marks, data, x, y, 55, *fields))


def _invalid(marks: _Marks, x: alt.X) -> Chart:
    """Levels without a valid number: a cross on the axis, with the reason."""
    crosses = alt.Chart(_data("invalid")).mark_text(text="✕", size=15, fontWeight="bold", clip=False, dy=-6)
    tooltip = _tooltip(("level:N", "level"), ("why:N", "invalid"))
    encoded: Chart = crosses.encode(x=x, y=alt.value(HEIGHT), color=marks.colour, tooltip=tooltip)
    return encoded


def throughput(marks: _Marks) -> Chart:
    """Throughput against users, with what physics allows."""
    x = alt.X("users:Q", title="users (closed loop, no think time)", axis=alt.Axis(tickCount=10), scale=EDGE)
    y = alt.Y("mid:Q", title="correct responses per second", scale=alt.Scale(zero=True))
    bound = (
        alt.Chart(_data("bound"))
        .mark_line(strokeDash=[5, 4], color=INK, clip=True)
        .encode(x=x, y=alt.Y("mid:Q", title="correct responses per second"))
    )
    fields = (("users:Q", "users"), ("mid:Q", "responses/s"), ("limiter:N", "limited by"), ("blocks:N", "valid blocks"))
    return alt.layer(bound, _lines(marks, "throughput", x, y, *fields), _invalid(marks, x))


def latency(marks: _Marks) -> Chart:
    """A percentile of the response time against the rate of arrivals, with the floor."""
    x = alt.X("rate:Q", title="Poisson arrivals per second (open loop)", axis=alt.Axis(tickCount=10), scale=EDGE)
    y = alt.Y("mid:Q", title="response time, ms (log)", scale=alt.Scale(type="log", nice=False, padding=12))
    floor = (
        alt.Chart(_data("floor"))
        .mark_rule(strokeDash=[5, 4], color=INK)
        .encode(y=alt.Y("ms:Q", title="response time, ms (log)"), tooltip=[alt.Tooltip("what:N", title="line"), "ms:Q"])
    )
    fields = (("rate:Q", "arrivals/s"), ("mid:Q", "ms"), ("limiter:N", "limited by"), ("blocks:N", "valid blocks"))
    return alt.layer(floor, _lines(marks, "latency", x, y, *fields), _invalid(marks, x))


def distribution(marks: _Marks) -> Chart:
    """The whole distribution of response times, on an axis on which each further nine has the same room."""
    label = "datum.value == 1 ? '0 %' : format(100 - 100 / datum.value, '~g') + ' %'"
    x = alt.X(
        "place:Q",
        title="percentile of responses",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(values=[1, 2, 4, 10, 20, 100, 1000, 10000], labelExpr=label),
    )
    y = alt.Y("ms:Q", title="response time, ms (log)", scale=alt.Scale(type="log", nice=False, padding=12))
    fields = (("percentile:N", "percentile"), ("ms:Q", "ms"), ("blocks:N", "valid blocks"))
    return _joined(marks, "distribution", x, y, 25, *fields)


def cost(marks: _Marks, data: str, title: str) -> Chart:
    """One number of every cell, stack by Python, with its range over the blocks or repeats."""
    y = alt.Y("stack:N", sort=marks.stacks, title=None, axis=alt.Axis(labelLimit=150))
    offset = alt.YOffset("python:N", sort=None)
    base = alt.Chart(_data(data)).encode(y=y, yOffset=offset, tooltip=_tooltip(("mid:Q", title), ("blocks:N", "of")))
    bars = base.mark_bar(opacity=0.75).encode(
        x=alt.X("mid:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=8)),
        color=alt.Color("stack:N", scale=marks.colours, legend=None),
    )
    ranges = base.mark_rule(color=INK, strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q")
    words = base.mark_text(align="left", dx=4, color=INK, fontSize=10).encode(x="high:Q", text="python:N")
    return alt.layer(bars, ranges, words)


def timeline(marks: _Marks, field: str, title: str) -> Chart:
    """A level of one trial second by second, with its window marked."""
    window = alt.Chart(_data("window")).mark_rect(color=INK, opacity=0.15).encode(x=alt.X("from:Q"), x2="to:Q")
    axis = alt.Axis(tickMinStep=1, tickCount=12, format="d")
    x = alt.X("second:Q", title="seconds from the window's start (grey: the window)", axis=axis)
    y = alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=field == "answered"))
    return alt.layer(window, _joined(marks, "timeline", x, y, 14, ("second:Q", "second"), (f"{field}:Q", title)))


def _styled(chart: Chart) -> dict[str, Any]:
    legend = {"labelLimit": 200, "layout": LEGENDS}
    fitted = {"autosize": {"type": "fit-x", "contains": "padding"}}
    return styled(chart, legend, fitted, width="container", height=HEIGHT)
