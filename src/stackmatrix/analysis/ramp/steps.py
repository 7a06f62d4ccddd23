"""The steps of a ramp, what was held of them, and what stopped it. Pure.

A request is late by what a response of its own page takes without load. Where a workload has pages of 20 ms and of
1.5 s, one time for all would call every request of the slower one late, and a much too late one of the other in time.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stackmatrix.analysis.level.facts import UNSATURATED_SHARE
from stackmatrix.analysis.level.latency import NEEDED, percentile, visitor_ms
from stackmatrix.analysis.level.limiter import BUSY_SHARE
from stackmatrix.analysis.level.requests import LevelRows, Rows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.analysis.ramp.watch import LEAST_ARRIVALS, most_under_way
from stackmatrix.matrix.ramp import RampPlan
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results import rows
from stackmatrix.results.ramps import RampSeconds, RampStep
from stackmatrix.results.types import Limiter

LATE_SHARE = 0.05
"""Of a step's requests may be late: its p95 is then within the bound."""


def windowed(recorded: Rows, start_s: float, end_s: float) -> LevelRows:
    """The rows of a ramp with the span as their window."""
    marked = recorded.copy()
    intended_s = marked["intended_s"]
    marked["phase"] = np.select([intended_s < start_s, intended_s < end_s], [rows.SETTLE, rows.WINDOW], rows.TAIL)
    return LevelRows(marked, start_s, end_s)


def are_late(level: LevelRows, workload: Workload) -> npt.NDArray[np.bool_]:
    """Which requests of the window were late, each for its own page."""
    late: npt.NDArray[np.bool_] = visitor_ms(level) > np.array(workload.late_ms_by_page)[level.window["page"]]
    return late


def p50_ms_by_page(level: LevelRows, workload: Workload) -> tuple[float, ...]:
    """The median time of each page in the window; what it takes without load where nobody asked for it."""
    times_ms = [np.sort(visitor_ms(level.of_page(place))) for place in range(len(workload.pages))]
    return tuple(
        percentile(of_page, 50) if len(of_page) else unloaded_ms
        for of_page, unloaded_ms in zip(times_ms, workload.unloaded_ms_by_page, strict=True)
    )


def judge_steps(
    plan: RampPlan, recorded: Rows, start_s: float, end_s: float, workload: Workload, use: Use
) -> list[RampStep]:
    """Each step of a climb from ``start_s`` to ``end_s``, which may lie within a step. ``use`` is the target's."""
    steps = []
    for rate, (first_s, last_s) in zip(plan.rates, pairwise(plan.starts_s), strict=True):
        if start_s + first_s < end_s:
            level = windowed(recorded, start_s + first_s, min(end_s, start_s + last_s))
            steps.append(_judge(rate, level, workload, use))
    return steps


def _judge(rate: float, level: LevelRows, workload: Workload, use: Use) -> RampStep:
    times_ms = np.sort(visitor_ms(level))
    count, late = len(times_ms), int(are_late(level, workload).sum())
    in_flight = level.under_way(level.end_s)
    return RampStep(
        rate=rate,
        seconds=level.window_s,
        requests=count,
        answered=len(level.correct),
        p50_ms=percentile(times_ms, 50) if count else None,
        p95_ms=percentile(times_ms, 95) if count >= NEEDED[95.0] else None,
        in_flight=in_flight,
        cpu_share=share_between(use, level.start_s, level.end_s),
        # One late request of a handful says nothing.
        held=late <= max(1, int(LATE_SHARE * count)) and in_flight <= most_under_way(rate, workload.unloaded_ms / 1000),
    )


def share_between(use: Use, start_s: float, end_s: float) -> float | None:
    """The CPU share from one moment to another, from readings around them; ``None`` without any."""
    if len(use.cpu_readings) < 2 or end_s <= start_s:
        return None
    at_s, cpu_s = zip(*use.cpu_readings, strict=True)
    before_s, after_s = np.interp((start_s, end_s), at_s, cpu_s)
    read_s = min(end_s, at_s[-1]) - max(start_s, at_s[0])
    return float(after_s - before_s) / read_s if read_s > 0 else None


def last_held(steps: Sequence[RampStep]) -> int | None:
    """The place of the last step that was held together with the one before it, or of the first one.

    A step that was not held between others that were is a moment's disturbance: a target that holds the higher rates
    holds the lower ones. A single step that looks held within an overload is chance, so that it takes two; and so is a
    first one in which hardly anybody came.
    """

    def counts(place: int, step: RampStep) -> bool:
        return step.held and (steps[place - 1].held if place else step.requests >= LEAST_ARRIVALS)

    held = [place for place, step in enumerate(steps) if counts(place, step)]
    return held[-1] if held else None


def name_limiter(
    recorded: Rows, start_s: float, end_s: float, use: Use, slots: int | None, unloaded_s: float
) -> Limiter:
    """What stopped the climb, from a span in which the target was overloaded."""
    level = windowed(recorded, start_s, end_s)
    if slots is not None and len(level.answered) / level.window_s >= UNSATURATED_SHARE * slots / unloaded_s:
        return "slots"
    share = share_between(use, start_s, end_s)
    return "target-cpu" if share is not None and share >= BUSY_SHARE else "unknown"


def second_by_second(recorded: Rows, start_s: float, end_s: float, dropped_s: float | None) -> RampSeconds:
    """The whole ramp, from its start until it was stopped; a second that was not over is left out."""
    edges_s = start_s + np.arange(int(end_s - start_s) + 1)
    right = recorded[recorded["outcome"] == rows.OK]
    took_us = (right["done_s"] - right["intended_s"]) * 1e6
    p50_us: list[int | None] = []
    for first_s, last_s in pairwise(edges_s):
        count = int(((recorded["intended_s"] >= first_s) & (recorded["intended_s"] < last_s)).sum())
        of_second = np.sort(took_us[(right["intended_s"] >= first_s) & (right["intended_s"] < last_s)])
        # Those that were not answered are slower than all that were.
        rank = (count + 1) // 2
        p50_us.append(round(float(of_second[rank - 1])) if 0 < rank <= len(of_second) else None)
    return RampSeconds(
        offered=tuple(map(int, np.histogram(recorded["intended_s"], edges_s)[0])),
        answered=tuple(map(int, np.histogram(right["done_s"], edges_s)[0])),
        p50_us=tuple(p50_us),
        in_flight=tuple(LevelRows(recorded, start_s, end_s).under_way(at_s) for at_s in edges_s[1:]),
        dropped_s=None if dropped_s is None else dropped_s - start_s,
    )
