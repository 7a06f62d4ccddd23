"""Static charts as SVG, readable on a light and on a dark page. Pure: data in, text out."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import altair as alt
import vl_convert

from stackmatrix.stacks import STACKS
from stackmatrix.summary import WorkloadSummary

# Okabe and Ito's palette, distinguishable without full colour vision, less black and yellow, which vanish on one of
# the two backgrounds; the shapes tell the lines apart without any colour.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"]
INK = "#808080"
"""A grey that has contrast enough against white and against near-black."""
HEADROOM = 1.15
"""How far the bound is drawn above the highest point."""


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
    floor_s = floor_ms / 1000
    most_users = max(users for _, users, _ in measured)
    # Not far above the highest point: a server of two slots would lie on the axis.
    end = min(float(most_users), HEADROOM * max(throughput for _, _, throughput in measured) * floor_s)
    bound = [{"users": users, "throughput": users / floor_s} for users in (0.0, end)]
    title = alt.TitleParams(
        f"{workload.name} on Python {python}",
        subtitle=f"dashed: users / {floor_s:g} s, which no server can beat",
    )
    spec = _throughput_spec(tuple(dict.fromkeys(stack for stack, _, _ in measured)))
    return draw({**spec, "title": title.to_dict(validate=False)}, points=points, bound=bound)


@cache
def _throughput_spec(stacks: tuple[str, ...]) -> dict[str, Any]:
    """The chart of these stacks as Vega-Lite without title and data: most machines have measured the same."""
    names = list(stacks)
    x = alt.X("users:Q", title="users (closed loop, no think time)", scale=alt.Scale(nice=False))
    y = alt.Y("throughput:Q", title="correct responses per second", scale=alt.Scale(nice=False))
    # A stack looks the same in every chart, whatever else was measured.
    known = list(STACKS)
    places = [known.index(name) if name in STACKS else len(known) + place for place, name in enumerate(names)]
    colours = alt.Scale(domain=names, range=[COLOURS[place % len(COLOURS)] for place in places])
    shapes = alt.Scale(domain=names, range=[SHAPES[place % len(SHAPES)] for place in places])
    lines = (
        alt.Chart(alt.NamedData("points"))
        .mark_line(point=alt.OverlayMarkDef(size=55, filled=True), strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=alt.Color("stack:N", sort=names, scale=colours, title=None),
            shape=alt.Shape("stack:N", sort=names, scale=shapes, title=None),
        )
    )
    limit = alt.Chart(alt.NamedData("bound")).mark_line(strokeDash=[5, 4], color=INK).encode(x=x, y=y)
    return styled(alt.layer(limit, lines).properties(width=560, height=300, background="transparent"))


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
    return draw(styled(chart), points=points)


def styled(chart: alt.LayerChart | alt.FacetChart | alt.Chart) -> dict[str, Any]:
    """The chart as Vega-Lite, all words in one grey that both backgrounds bear."""
    grey = (
        chart.configure_axis(
            labelColor=INK, titleColor=INK, gridColor=INK, gridOpacity=0.25, domainColor=INK, tickColor=INK
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, orient="right", symbolStrokeWidth=2)
        .configure_title(color=INK, subtitleColor=INK, anchor="start", fontSize=14)
        .configure_view(stroke=None)
    )
    spec: dict[str, Any] = grey.to_dict(validate=False)
    return spec


def draw(spec: Mapping[str, Any], **data: list[dict[str, Any]]) -> str:
    """A chart with its data as SVG. The data come last: altair copies a chart at every step, and whatever is in it."""
    svg: str = vl_convert.vegalite_to_svg({**spec, "datasets": data})
    # Ids count up over all charts that the process has drawn; a chart should be the same whatever was drawn before.
    ids = dict.fromkeys(re.findall(r"\bclip\d+\b", svg))
    names = {old: f"clip{place}" for place, old in enumerate(ids)}
    return re.sub(r"\bclip\d+\b", lambda match: names[match[0]], svg)
