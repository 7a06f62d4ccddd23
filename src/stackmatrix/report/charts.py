"""Static charts, readable on a light and on a dark page. Pure: data in, Vega-Lite out."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt

from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS

# Okabe and Ito's palette, distinguishable without full colour vision, less black and yellow, which vanish on one of
# the two backgrounds, and three of Tol's; the shapes distinguish the lines without any colour.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C", "#AA4499", "#999933", "#882255"]
SHAPES = [
    *("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke", "triangle-right"),
    "triangle-left",
]
"""One fewer than the colours, so that the two together are new for ninety stacks."""
INK = "#808080"
"""A grey that has contrast enough against white and against near-black."""
HEADROOM = 1.15
"""How far the bound is drawn above the highest point."""

type Chart = alt.LayerChart | alt.FacetChart | alt.Chart
type Config = Mapping[str, object]


def throughput_charts(machines: Iterable[MachineSummary]) -> dict[tuple[str, str], dict[str, Any]]:
    """By machine and workload, throughput on the newest Python; nothing where nothing was measured."""
    return {
        (machine.name, workload.name): spec
        for machine in machines
        for workload in machine.workloads
        if workload.name in WORKLOADS and workload.pythons
        if (spec := throughput_chart(workload, workload.pythons[-1], WORKLOADS[workload.name].floor_ms))
    }


def throughput_chart(workload: WorkloadSummary, python: str, floor_ms: float) -> dict[str, Any] | None:
    """Throughput against users on one Python, with the bound that physics sets; ``None`` when there is nothing."""
    measured = [
        (row.cell.stack, level.users, level.throughput_rps.mid)
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
    return with_data({**spec, "title": title.to_dict(validate=False)}, points=points, bound=bound)


@cache
def _throughput_spec(stacks: tuple[str, ...]) -> dict[str, Any]:
    """The chart of these stacks as Vega-Lite without title and data: most machines have measured the same."""
    names = list(stacks)
    x = alt.X("users:Q", title="users (closed loop, no think time)", scale=alt.Scale(nice=False))
    y = alt.Y("throughput:Q", title="correct responses per second", scale=alt.Scale(nice=False))
    colours, shapes = scales(names)
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
    return _on_a_page(alt.layer(limit, lines))


def scales(stacks: Sequence[str]) -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape of each stack: the same in every chart, whatever else was measured, and no two alike."""
    every = [*STACKS, *(name for name in stacks if name not in STACKS)]
    places = [every.index(name) for name in stacks]
    colours = [COLOURS[place % len(COLOURS)] for place in places]
    shapes = [SHAPES[place % len(SHAPES)] for place in places]
    return alt.Scale(domain=list(stacks), range=colours), alt.Scale(domain=list(stacks), range=shapes)


def percentile_chart(series: Mapping[str, Iterable[float]], title: str) -> dict[str, Any]:
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
    )
    return with_data({**_on_a_page(chart), "title": {"text": title}}, points=points)


def _on_a_page(chart: Chart) -> dict[str, Any]:
    title = {"color": INK, "subtitleColor": INK, "anchor": "start", "fontSize": 14}
    return styled(chart, {"orient": "right"}, {"title": title}, width=560, height=300)


def styled(chart: Chart, legend: Config, more: Config, **whole: object) -> dict[str, Any]:
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


def with_data(spec: Mapping[str, Any], **data: list[dict[str, Any]]) -> dict[str, Any]:
    return {**spec, "datasets": data}
