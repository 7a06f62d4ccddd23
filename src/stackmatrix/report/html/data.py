"""What results/report.html shows, as plain data for the page's own script: medians over blocks, ranges and n. Pure.

Everything that a chart needs is computed here or was measured; the script chooses, sorts and draws.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from stackmatrix.analysis.comparison.compare import Compared, Family
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.summary import CellSummary, LevelSummary, MachineSummary, level_name, of_every, tell_skipped
from stackmatrix.matrix.objectives import HEADLINE_MS, SLOS_MS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import about, phrases
from stackmatrix.report.markdown import link
from stackmatrix.report.words import built
from stackmatrix.results.model import InstructionCount, Level, Result, Run, Trial

PERCENTILES = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)
"""Where a distribution is drawn; each further nine has the same room."""
MEDIAN = 50.0
LEAST_BEYOND = 5
"""Responses that must lie beyond a percentile for it to be drawn."""

type Json = dict[str, Any]


def report_data(machines: Sequence[tuple[MachineSummary, Sequence[Result]]], left_out: Sequence[str] = ()) -> Json:
    """All machines, the one that tells most first. ``left_out`` says of each file that is not shown why."""
    results_of = {summary.name: results for summary, results in machines}
    ordered = [
        (one.machine, results_of[one.machine.name]) for one in strongest_first(summary for summary, _ in machines)
    ]
    return {
        "reference": REFERENCE_STACK,
        "slos": list(SLOS_MS),
        "headline": HEADLINE_MS,
        "blocksToClaim": BLOCKS_TO_CLAIM,
        "leftOut": list(left_out),
        "machines": [_machine(summary, results) for summary, results in ordered],
    }


def _machine(summary: MachineSummary, results: Sequence[Result]) -> Json:
    by_cell = {result.cell: result for result in results}
    return {
        "name": summary.name,
        "description": about.describe(results[0].machine),
        "pinned": about.pinned(results[0].machine),
        "builds": list(about.builds(summary.results)),
        "packages": list(about.packages(summary.results)),
        "remarks": [*about.remarks(summary.results), *map(phrases.refused, summary.refused), *tell_skipped(summary)],
        "runs": [_run(run) for run in summary.runs],
        "workloads": [
            {
                "name": workload.name,
                "summary": workload.summary,
                "floor": WORKLOADS[workload.name].floor_ms if workload.name in WORKLOADS else None,
                "compareRate": WORKLOADS[workload.name].compare_rate if workload.name in WORKLOADS else None,
                "cells": [_cell(summary, row, by_cell[row.cell]) for row in workload.rows],
                "families": [_family(family) for family in summary.families_of(workload.name)],
            }
            for workload in summary.workloads
        ],
    }


def _run(run: Run) -> str:
    blocks = "1 block" if run.blocks == 1 else f"{run.blocks} blocks"
    return f"{run.started[:10]} {run.id[:8]}: {run.profile}, {blocks}, windows of {run.window_s:g} s, seed {run.seed}"


def _cell(machine: MachineSummary, row: CellSummary, result: Result) -> Json:
    levels = [(level, _measured(result, level.name)) for level in row.levels]
    return {
        "stack": row.cell.stack,
        "python": row.cell.python,
        "state": row.state,
        "reason": row.reason,
        "blocks": row.trials,
        "data": link(machine, row),
        "plateau": row.plateau_rps,
        "plateauText": phrases.plateau(row),
        "limiter": row.plateau.limiter if row.plateau else None,
        "levels": [_level(level, measured) for level, measured in levels],
        "cost": _spread(row.cost.values.values()) if row.cost else None,
        "costRemarks": list(row.cost.remarks) if row.cost else [],
        "memory": _spread(map(_memory_mb, result.trials)),
        "instructions": [
            {"inFlight": one.in_flight, **_in_millions(one)}
            for one in (row.instructions.counts if row.instructions else ())
        ],
        "capacity": {
            f"{one.slo_ms:g}": {
                "state": one.state,
                "rate": one.last_pass,
                "low": one.low,
                "high": one.high,
                "fails": one.first_fail,
                "n": len(one.told),
                "text": phrases.sustained(one),
                "limiter": one.limiter,
            }
            for one in (row.capacity.sustained if row.capacity else ())
        },
        "environment": _environment(result),
    }


def _environment(result: Result) -> Json | None:
    one = result.environment
    if one is None:
        return None
    return {
        "python": f"{one.python.implementation} {one.python.version}",
        "build": built(one.python),
        "gil": one.python.gil,
        "command": " ".join(one.command),
        "packages": [f"{name} {version}" for name, version in sorted(one.packages.items())],
    }


def _memory_mb(trial: Trial) -> float | None:
    used = [level.target.rss_bytes_peak for level in trial.levels if _is_valid(level) and level.target is not None]
    return max((rss / 1e6 for rss in used if rss), default=None)


def _in_millions(count: InstructionCount) -> Json:
    repeats = [repeat / 1e6 for repeat in count.repeats]
    return {"mid": count.mean / 1e6, "low": min(repeats), "high": max(repeats), "n": len(repeats)}


def _measured(result: Result, name: str) -> list[Level]:
    return [level for trial in result.trials for level in trial.levels if level_name(level) == name]


def _is_valid(level: Level) -> bool:
    return level.validity == "valid"


def _level(summary: LevelSummary, measured: Sequence[Level]) -> Json:
    """One level over all blocks; the course in time and the distribution are of its valid blocks."""
    valid = [level for level in measured if _is_valid(level)]
    answered = [level.latency_ms for level in valid if level.latency_ms is not None]
    return {
        "name": summary.name,
        "users": summary.users,
        "rate": summary.rate,
        "state": summary.state,
        "n": len(valid),
        "of": len(measured),
        "rps": _spread(level.throughput_rps for level in valid),
        "bound": summary.bound_rps,
        "p50": _spread(of_every(times.p50 for times in answered)),
        "p95": _spread(of_every(times.p95 for times in answered)),
        "p99": _spread(of_every(times.p99 for times in answered)),
        "overhead": _spread(of_every(level.overhead_ms.p95 if level.overhead_ms else None for level in valid)),
        "cpu": _spread(level.target.cpu_ms_per_request if level.target else None for level in valid),
        "limiter": summary.limiter,
        "failures": summary.failures,
        "remarks": list(summary.remarks),
        "distribution": _distribution(valid),
        "timeline": _timeline(valid[0]) if valid else None,
    }


def _spread(values: Iterable[float | None]) -> Json | None:
    """The median over blocks, the lowest and the highest, and how many there are."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"mid": median(known), "low": min(known), "high": max(known), "n": len(known)}


def _distribution(levels: Sequence[Level]) -> list[Json]:
    """Response times in ms by percentile, of all blocks together: the shape is shown, nothing is claimed from it."""
    encoded = [level.latency_histogram for level in levels if level.latency_histogram is not None]
    if not encoded:
        return []
    total = HdrHistogram.decode(encoded[0])
    for one in encoded[1:]:
        total.decode_and_add(one)
    # The library would look at every bucket in Python, for every percentile.
    reached = np.cumsum(np.ctypeslib.as_array(total.counts))
    shown = [q for q in PERCENTILES if q <= MEDIAN or total.total_count * (1 - q / 100) >= LEAST_BEYOND]
    ranks = [max(1, math.ceil(round(q / 100 * total.total_count, 6))) for q in shown]
    values = (total.get_value_from_index(int(place)) for place in np.searchsorted(reached, ranks))
    values_us = [total.get_highest_equivalent_value(value) for value in values]
    return [{"q": q, "ms": value_us / 1000} for q, value_us in zip(shown, values_us, strict=True)]


def _timeline(level: Level) -> Json | None:
    seconds = level.timeline
    if seconds is None:
        return None
    return {
        "from": seconds.from_s,
        "window": level.window_s,
        "answered": list(seconds.answered),
        "p50": [None if each is None else each / 1000 for each in seconds.p50_us],
        "p95": [None if each is None else each / 1000 for each in seconds.p95_us],
    }


def _family(family: Family) -> Json:
    return {
        "name": family.figure.name,
        "title": family.figure.title,
        "told": phrases.title(family),
        "paired": family.run_id is not None,
        "ranks": list(phrases.ranks(family)),
        "rank": [{"stack": cell.stack, "python": cell.python, "rank": rank} for cell, rank in family.ranks.items()],
        "compared": [_compared(family, one) for one in family.compared],
    }


def _compared(family: Family, one: Compared) -> Json:
    return {
        "stack": one.cell.stack,
        "python": one.cell.python,
        "against": phrases.other(one.other, one.cell),
        "kind": "stack" if one.cell.stack != one.other.stack else "python",
        "effect": phrases.effect(family, one),
        "blocks": one.verdict.difference.blocks,
        "p": phrases.chance(one),
        "word": one.verdict.word,
        "says": phrases.word(family, one),
    }
