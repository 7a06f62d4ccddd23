"""What the report shows of cells under load: their ramps second by second, and how long visitors wait. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from stackmatrix.analysis.level.latency import nearest_rank, pool
from stackmatrix.analysis.summary import WorkloadSummary
from stackmatrix.report import details, words
from stackmatrix.report.charts import shown_ramps
from stackmatrix.report.html.keys import Json, ramp_key, short
from stackmatrix.results.ramps import Ramp, RampSeconds

PERCENTILES = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)
"""Where a distribution is drawn; each further nine has the same room."""
MEDIAN = 50.0
LEAST_BEYOND = 10
"""Responses that must lie beyond a percentile for it to be drawn."""

STOPPED: dict[str | None, str] = {
    "slots": "its slots were taken",
    "target-cpu": "its core was full",
    "database": "its database refused requests",
}
"""What stopped a ramp; it is unknown where it is none of these."""


def ramps(workload: WorkloadSummary) -> Iterator[Json]:
    """Every ramp that counts, second by second, with what it showed in a sentence."""
    for row in workload.rows:
        for number, ramp in enumerate(shown_ramps(row.result), start=1):
            assert ramp.seconds is not None
            yield {
                "key": ramp_key(row.cell, number),
                "stack": row.cell.stack,
                "python": row.cell.python,
                "number": number,
                "title": words.title(row.cell),
                "says": [_held(ramp), _came_back(ramp)],
                "seconds": _by_second(ramp.seconds),
                "moments": list(_moments(ramp)),
            }


def _by_second(seconds: RampSeconds) -> Json:
    """The figures of a ramp, one list each; the p50 in ms."""
    return {
        "offered": seconds.offered,
        "answered": seconds.answered,
        "inFlight": seconds.in_flight,
        "p50": [None if one is None else short(one / 1000) for one in seconds.p50_us],
    }


def _held(ramp: Ramp) -> str:
    if ramp.holds is None:
        return "Held not even the first rate."
    if ramp.is_unstopped:
        return f"Not overloaded up to {ramp.holds:.3g} arrivals/s, the highest rate that is tried."
    return f"Held {ramp.holds:.3g} arrivals/s, until {STOPPED.get(ramp.limiter, 'something unknown stopped it')}."


def _came_back(ramp: Ramp) -> str:
    found = ramp.recovery
    if found is None:
        return "Whether it comes back was not seen."
    if found.seconds is None:
        return f"At {found.rate:.3g}/s again it did not come back within {found.watched_s:.0f} s."
    return f"At {found.rate:.3g}/s again it was back after {found.seconds:.0f} s."


def _moments(ramp: Ramp) -> Iterator[Json]:
    """When the load dropped, and when the response times were what they had been."""
    assert ramp.seconds is not None
    dropped_s, recovery = ramp.seconds.dropped_s, ramp.recovery
    if dropped_s is None:
        return
    yield {"second": dropped_s, "text": "load drops", "after": False}
    if recovery is not None and recovery.seconds is not None:
        yield {"second": dropped_s + recovery.seconds, "text": "back", "after": True}


def limits(found: Sequence[Json]) -> Json:
    """The ends of the axes of a workload's ramps, so that all have the same."""

    def most(*fields: str) -> float:
        every = (one for ramp in found for field in fields for one in ramp["seconds"][field] if one is not None)
        return max(every, default=1)

    return {
        "second": max((len(ramp["seconds"]["offered"]) for ramp in found), default=1),
        "requests": most("offered", "answered"),
        "inFlight": most("inFlight"),
        "p50": most("p50"),
    }


def distributions(workload: WorkloadSummary) -> Iterator[Json]:
    """Response times in ms of each cell at the reference rate, by percentile, of all its ramps together."""
    for row in workload.rows:
        latency, loads = row.latency, [ramp.reference for ramp in row.result.ramps if ramp.is_valid]
        if latency is None:
            continue
        encoded = [
            load.latency_histogram for load in loads if load and load.latency_histogram and load.rate == latency.rate
        ]
        yield {
            "stack": row.cell.stack,
            "python": row.cell.python,
            "title": words.title(row.cell),
            "points": list(_points(encoded)),
        }


def _points(encoded: Sequence[str]) -> Iterator[Json]:
    """Percentiles that enough responses lie beyond; ``place`` is 1 / (1 - q)."""
    pooled = pool(encoded)
    # The library would look at every bucket in Python, for every percentile.
    reached = np.cumsum(np.ctypeslib.as_array(pooled.counts))
    total = int(reached[-1])
    for q in PERCENTILES:
        if q > MEDIAN and total * (1 - q / 100) < LEAST_BEYOND:
            continue
        place = int(np.searchsorted(reached, nearest_rank(total, q)))
        ms = pooled.get_highest_equivalent_value(pooled.get_value_from_index(place)) / 1000
        yield {"place": 100 / (100 - q), "ms": short(ms), "says": f"{q:g} % wait at most {ms:.1f} ms; {total} requests"}


def distribution_note(workload: WorkloadSummary) -> str:
    """At which load these times were."""
    rates = sorted({row.latency.rate for row in workload.rows if row.latency is not None})
    if not rates:
        return ""
    named = " or ".join(f"{rate:g}" for rate in rates)
    null = details.null_target(workload.null)
    return (
        f"Response times at {named} Poisson arrivals/s, from the intended start, of all ramps of a cell together. "
        f"A failed request counts as late as the time-out.{f' {null}.' if null else ''}"
    )
