"""The charts of results/report.html: Vega-Lite without data, which the page's script fills in as is chosen. Pure.

A row has its colour, shape and dashes in it, so that a chart holds what is chosen and nothing else; the page writes
the legends. All words are in the rows.
"""

from typing import Any, Literal

import altair as alt

from stackmatrix.report.charts import COLOUR, INK, Chart, bars, percentiles, styled

BAND_OPACITY = 0.22
"""What does not matter is a grey band."""
FORMING_PX = 110
STRIP_PX = {"requests": 110, "inFlight": 55, "p50": 70}
AXIS_PX = 34
"""Of room for the numbers at an axis, so that the strips of a ramp stand below each other."""
CURVE_PX = 320
LABEL_PX = 75
"""Of room for what is written behind a bar."""
TIMES_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000]


def report_charts() -> dict[str, dict[str, Any]]:
    """Every chart by name, as Vega-Lite. The script knows the names of their data, and how high rows are."""
    return {
        "values": _styled(bars(alt.Axis(), ""), padding={"left": 0, "top": 5, "right": LABEL_PX, "bottom": 5}),
        "differences": _styled(_differences()),
        "forming": _styled(_forming(), height=FORMING_PX),
        "history": _styled(_history(), height=FORMING_PX),
        "ramp": styled(_ramp(), {}, {}),
        "distribution": _styled(_distribution(), height=CURVE_PX),
    }


def _of(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


SAYS = [alt.Tooltip("title:N", title=" "), alt.Tooltip("says:N", title=" ")]
DECIDED = alt.condition("datum.decided", alt.value(1), alt.value(0))
"""A verdict that was found is a full mark."""


def _differences() -> Chart:
    """Every comparison with its simultaneous interval, one below the other, beside what does not matter."""
    x = alt.X("mid:Q", title=None, scale=alt.Scale(zero=True, nice=False, padding=12), axis=alt.Axis(tickCount=6))
    base = _of("differences").encode(y=alt.Y("label:N", sort=None, title=None), tooltip=SAYS)
    interval = base.mark_rule(strokeWidth=2.5).encode(x="low:Q", x2="high:Q", color=COLOUR)
    middle = base.mark_point(size=60, strokeWidth=2, opacity=1).encode(
        x=x, stroke=alt.Stroke("colour:N", scale=None), fill=alt.Fill("colour:N", scale=None), fillOpacity=DECIDED
    )
    band = _of("band").mark_rect(color=INK, opacity=BAND_OPACITY).encode(x=alt.X("low:Q"), x2="high:Q")
    zero = _of("band").mark_rule(color=INK).encode(x=alt.datum(0))
    return alt.layer(band, zero, interval, middle)


def _forming() -> Chart:
    """One comparison, look by look: its estimate with the interval, beside what does not matter."""
    below = alt.Axis(labelAngle=0, titleFontWeight="normal", titlePadding=2)
    x = alt.X("blocks:O", title="blocks", sort=None, axis=below)
    y = alt.Y("mid:Q", title=None, scale=alt.Scale(zero=True, nice=False, padding=6), axis=_axis(5))
    base = _of("looks").encode(x=x, tooltip=SAYS)
    stroke = alt.Stroke("colour:N", scale=None)
    interval = base.mark_rule(strokeWidth=2.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=COLOUR)
    course = base.mark_line(strokeWidth=1, strokeDash=[2, 2]).encode(y=y, color=COLOUR)
    middle = base.mark_point(size=60, strokeWidth=2, opacity=1).encode(
        y=y, stroke=stroke, fill=alt.Fill("colour:N", scale=None), fillOpacity=DECIDED
    )
    band = _of("band").mark_rect(color=INK, opacity=BAND_OPACITY).encode(y=alt.Y("low:Q"), y2="high:Q")
    zero = _of("band").mark_rule(color=INK).encode(y=alt.datum(0))
    return alt.layer(band, zero, course, interval, middle)


def _history() -> Chart:
    """A figure of one cell over its states, each with its own interval. From zero, as the machine's pace is in it."""
    days = alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' ')", labelOverlap=True)
    base = _of("points").encode(x=alt.X("when:O", title=None, sort=None, axis=days), tooltip=SAYS)
    y = alt.Y("mid:Q", title=None, scale=alt.Scale(zero=True, nice=False, padding=6), axis=_axis(5))
    interval = base.mark_rule(strokeWidth=2.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=COLOUR)
    course = base.mark_line(strokeWidth=1, strokeDash=[2, 2]).encode(y=y, color=COLOUR)
    middle = base.mark_point(size=60, strokeWidth=2, opacity=1).encode(
        y=y, stroke=alt.Stroke("colour:N", scale=None), fill=alt.Fill("colour:N", scale=None), fillOpacity=DECIDED
    )
    return alt.layer(course, interval, middle)


def _axis(ticks: int, **more: Any) -> alt.Axis:
    return alt.Axis(tickCount=ticks, minExtent=AXIS_PX, maxExtent=AXIS_PX, **more)


def _ramp() -> Chart:
    """One ramp second by second in three strips: requests, those in flight, and the p50."""
    return alt.vconcat(
        _strip("requests", alt.Scale(nice=False), _axis(5), is_last=False),
        _strip("inFlight", alt.Scale(type="sqrt", nice=False), _axis(3), is_last=False),
        _strip("p50", alt.Scale(type="log", nice=False, padding=6), _axis(3, values=TIMES_MS), is_last=True),
        spacing=14,
    )


STRIPS = {"requests": "requests/s", "inFlight": "in flight", "p50": "p50, ms (log)"}


def _strip(field: str, scale: alt.Scale, axis: alt.Axis, *, is_last: bool) -> Chart:
    """One figure of a ramp. All ramps of a workload have the same axes: ``limits`` has their ends."""
    title = alt.TitleParams(STRIPS[field], anchor="start", fontSize=11, fontWeight="normal", color=INK, offset=4)
    below = alt.Axis(tickCount=6, grid=False, labels=is_last, ticks=is_last)
    x = alt.X("second:Q", title="seconds" if is_last else None, axis=below, scale=alt.Scale(nice=False))
    mine = "answered" if field == "requests" else field
    y = alt.Y(f"{mine}:Q", title=None, scale=scale, axis=axis)
    base = _of("seconds").encode(x=x)
    ends = _of("limits").mark_point(opacity=0).encode(x=x, y=alt.Y(f"{field}:Q"))
    line = base.mark_line(strokeWidth=2).encode(y=y, color=COLOUR)
    points = base.mark_point(size=40, opacity=0).encode(y=y, tooltip=_of_second())
    moments = _of("moments").mark_rule(color=INK, strokeDash=[4, 3]).encode(x="second:Q")
    layers: list[Chart] = [ends, moments, line, points]
    if field == "requests":
        offered = base.mark_area(interpolate="step-after", color=INK, opacity=0.3).encode(y="offered:Q")
        layers = [ends, offered, moments, line, points, *_words_of_moments()]
    return alt.layer(*layers).properties(height=STRIP_PX[field], title=title)


def _words_of_moments() -> list[Chart]:
    """What happened, on either side of its line, since two moments may be close."""
    sides: tuple[tuple[Literal["left", "right"], int, str], ...] = (
        ("right", -4, "!datum.after"),
        ("left", 4, "datum.after"),
    )
    return [
        _of("moments")
        .mark_text(align=align, dx=shift, color=INK, fontSize=11, baseline="top")
        .encode(x="second:Q", y=alt.value(0), text="text:N")
        .transform_filter(which)
        for align, shift, which in sides
    ]


def _of_second() -> list[alt.Tooltip]:
    named = {
        "second": "second",
        "offered": "offered",
        "answered": "answered",
        "inFlight": "in flight",
        "p50": "p50, ms",
    }
    return [alt.Tooltip(f"{field}:Q", title=title, format=".5~g") for field, title in named.items()]


def _distribution() -> Chart:
    """The whole distribution of response times of each cell, each further nine with the same room."""
    y = alt.Y("ms:Q", title="response time, ms (log)", scale=alt.Scale(type="log", nice=False, padding=12))
    base = _of("distribution").encode(x=percentiles(nice=False), y=y, color=COLOUR, detail="series:N")
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=alt.StrokeDash("dash:N", scale=None, legend=None))
    points = base.mark_point(size=40, filled=True, opacity=1).encode(
        shape=alt.Shape("shape:N", scale=None, legend=None), tooltip=SAYS
    )
    return alt.layer(lines, points)


def _styled(chart: Chart, **whole: object) -> dict[str, Any]:
    return styled(chart, {}, {"autosize": {"type": "fit-x", "contains": "padding"}}, **whole)
