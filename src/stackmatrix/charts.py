"""Static charts as SVG, readable on a light and on a dark page. Pure: data in, text out."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import vl_convert

from stackmatrix.summary import WorkloadSummary

# Okabe and Ito's palette, distinguishable without full colour vision, less black and yellow, which vanish on one of
# the two backgrounds; the shapes tell the lines apart without any colour.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"]
INK = "#808080"
"""A grey that has contrast enough against white and against near-black."""


def throughput_chart(workload: WorkloadSummary, python: str, floor_ms: float) -> str | None:
    """Throughput against users on one Python, with the bound that physics sets; ``None`` when there is nothing."""
    measured = [
        (row.cell.stack, level.users, level.throughput_rps)
        for row in workload.measured
        if row.cell.python == python
        for level in row.levels
        if level.users is not None and level.throughput_rps is not None
    ]
    if not measured:
        return None
    points = [{"stack": stack, "users": users, "throughput": throughput} for stack, users, throughput in measured]
    stacks = list(dict.fromkeys(stack for stack, _, _ in measured))
    most_users = max(users for _, users, _ in measured)
    most_rps = max(throughput for _, _, throughput in measured)
    ends = [(0, 0.0), (most_users, most_users / (floor_ms / 1000))]
    bound = [{"users": users, "throughput": throughput} for users, throughput in ends]
    x = alt.X("users:Q", title="users (closed loop, no think time)", scale=alt.Scale(domain=[0, most_users]))
    y = alt.Y(
        "throughput:Q", title="correct responses per second", scale=alt.Scale(domain=[0, most_rps * 1.15], clamp=False)
    )
    lines = (
        alt.Chart(alt.NamedData("points"))
        .mark_line(point=alt.OverlayMarkDef(size=55, filled=True), strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "stack:N", sort=stacks, scale=alt.Scale(domain=stacks, range=COLOURS[: len(stacks)]), title=None
            ),
            shape=alt.Shape(
                "stack:N", sort=stacks, scale=alt.Scale(domain=stacks, range=SHAPES[: len(stacks)]), title=None
            ),
        )
    )
    limit = alt.Chart(alt.NamedData("bound")).mark_line(strokeDash=[5, 4], color=INK, clip=True).encode(x=x, y=y)
    title = alt.TitleParams(
        f"{workload.name} on Python {python}",
        subtitle=f"dashed: users / {floor_ms / 1000:g} s, which no server can beat",
    )
    chart = alt.layer(limit, lines).properties(width=560, height=300, title=title, background="transparent")
    return to_svg(chart, points=points, bound=bound)


def percentile_chart(series: Mapping[str, Iterable[float]], title: str) -> str:
    """Response times in ms by percentile, on an axis that gives each further nine the same room."""
    points = []
    for name, times_ms in series.items():
        ordered = sorted(times_ms)
        for rank, time_ms in enumerate(ordered):
            # 1 / (1 - q), with the mean rank of Weibull, so that the largest has a finite place.
            points.append({"load": name, "place": (len(ordered) + 1) / (len(ordered) - rank), "ms": float(time_ms)})
    label = "datum.value == 1 ? '0 %' : format(100 - 100 / datum.value, '~g') + ' %'"
    x = alt.X(
        "place:Q",
        title="percentile of responses",
        scale=alt.Scale(type="log", domain=[1, 1000]),
        axis=alt.Axis(values=[1, 2, 10, 20, 100, 1000], labelExpr=label),
    )
    names = list(series)
    chart = (
        alt.Chart(alt.NamedData("points"))
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(
            x=x,
            y=alt.Y("ms:Q", title="response time in ms, from the intended start", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "load:N", sort=names, scale=alt.Scale(domain=names, range=COLOURS[: len(names)]), title=None
            ),
            strokeDash=alt.StrokeDash("load:N", sort=names, legend=None),
        )
        .properties(width=560, height=300, title=alt.TitleParams(title), background="transparent")
    )
    return to_svg(chart, points=points)


def to_svg(chart: alt.LayerChart | alt.FacetChart | alt.Chart, **data: list[dict[str, Any]]) -> str:
    """The chart with its data as SVG, all words in one grey that both backgrounds bear.

    The data come last: altair copies a chart at every step, and whatever is in it.
    """
    styled = (
        chart.configure_axis(
            labelColor=INK, titleColor=INK, gridColor=INK, gridOpacity=0.25, domainColor=INK, tickColor=INK
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, orient="right", symbolStrokeWidth=2)
        .configure_title(color=INK, subtitleColor=INK, anchor="start", fontSize=14)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg({**styled.to_dict(validate=False), "datasets": data})
    # Ids count up over all charts that the process has drawn; a chart should be the same whatever was drawn before.
    ids = dict.fromkeys(re.findall(r"\bclip\d+\b", svg))
    names = {old: f"clip{place}" for place, old in enumerate(ids)}
    return re.sub(r"\bclip\d+\b", lambda match: names[match[0]], svg)
