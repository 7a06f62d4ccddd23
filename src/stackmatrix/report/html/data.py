"""What results/report.html shows, as plain data for the page's own script: medians over blocks, ranges and n. Pure.

Everything that a chart needs is computed here or was measured; the script chooses, sorts and draws.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from stackmatrix.analysis.comparison.compare import Comparison, Family
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.level.latency import nearest_rank
from stackmatrix.analysis.samples import Sample, sample
from stackmatrix.analysis.summary import CellSummary, LevelSummary, MachineSummary
from stackmatrix.matrix.objectives import HEADLINE_MS, SLOS_MS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import environment, words
from stackmatrix.report.tables import result_path
from stackmatrix.results.instructions import InstructionCount
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result
from stackmatrix.results.trials import Run

PERCENTILES = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)
"""Where a distribution is drawn; each further nine has the same room."""
MEDIAN = 50.0
LEAST_BEYOND = 5
"""Responses that must lie beyond a percentile for it to be drawn."""

type Json = dict[str, Any]


def report_data(machines: Sequence[MachineSummary], left_out: Sequence[str] = ()) -> Json:
    """All machines, the one with the strongest evidence first. ``left_out`` has the reason for each file left out."""
    return {
        "reference": REFERENCE_STACK,
        "slos": list(SLOS_MS),
        "headline": HEADLINE_MS,
        "blocksToClaim": BLOCKS_TO_CLAIM,
        "leftOut": list(left_out),
        "machines": [_machine(one.machine) for one in strongest_first(machines)],
    }


def _machine(summary: MachineSummary) -> Json:
    by_cell = {result.cell: result for result in summary.results}
    return {
        "name": summary.name,
        "description": environment.describe(summary.results[0].machine),
        "pinned": environment.pinning(summary.results[0].machine),
        "builds": list(environment.builds(summary.results)),
        "packages": list(environment.packages(summary.results)),
        "remarks": [
            *environment.remarks(summary.results),
            *map(words.refusal, summary.refused),
            *words.skipped(summary),
        ],
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
    return {
        "stack": row.cell.stack,
        "python": row.cell.python,
        "state": row.state,
        "reason": row.reason,
        "blocks": row.trials,
        "data": result_path(machine, row),
        "plateau": row.plateau_rps,
        "plateauText": words.plateau(row),
        "limiter": row.plateau.limiter if row.plateau else None,
        "levels": [_level(level, result) for level in row.levels],
        "cost": _sample(sample(row.cost.values.values())) if row.cost else None,
        "costRemarks": list(row.cost.remarks) if row.cost else [],
        "memory": _sample(sample(trial.memory_mb for trial in result.trials)),
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
                "n": len(one.decided),
                "text": words.sustained(one),
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
        "build": environment.built(one.python),
        "gil": one.python.gil,
        "command": " ".join(one.command),
        "packages": [f"{name} {version}" for name, version in sorted(one.packages.items())],
    }


def _in_millions(count: InstructionCount) -> Json:
    repeats = [repeat / 1e6 for repeat in count.repeats]
    return {"mid": count.mean / 1e6, "low": min(repeats), "high": max(repeats), "n": len(repeats)}


def _level(summary: LevelSummary, result: Result) -> Json:
    """One level over all blocks; the timeline and the distribution are of its valid blocks."""
    valid = [level for trial in result.trials for level in trial.valid if level.name == summary.name]
    return {
        "name": summary.name,
        "users": summary.users,
        "rate": summary.rate,
        "state": summary.state,
        "n": summary.valid_blocks,
        "of": summary.blocks,
        "rps": _sample(summary.throughput_rps),
        "bound": summary.bound_rps,
        "p50": _sample(summary.p50_ms),
        "p95": _sample(summary.p95_ms),
        "p99": _sample(summary.p99_ms),
        "overhead": _sample(summary.overhead_p95_ms),
        "cpu": _sample(summary.cpu_ms_per_request),
        "limiter": summary.limiter,
        "failures": summary.failures,
        "remarks": list(summary.remarks),
        "distribution": _distribution(valid),
        "timeline": _timeline(valid[0]) if valid else None,
    }


def _sample(one: Sample | None) -> Json | None:
    return None if one is None else asdict(one)


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
    ranks = [nearest_rank(total.total_count, q) for q in shown]
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
        "name": family.metric.name,
        "title": family.metric.title,
        "explanation": words.explanation(family),
        "paired": family.run_id is not None,
        "ranks": list(words.ranks(family)),
        "rank": [{"stack": cell.stack, "python": cell.python, "rank": rank} for cell, rank in family.ranks.items()],
        "compared": [_compared(family, one) for one in family.compared],
    }


def _compared(family: Family, one: Comparison) -> Json:
    return {
        "stack": one.cell.stack,
        "python": one.cell.python,
        "against": words.other(one.other, one.cell),
        "kind": "stack" if one.cell.stack != one.other.stack else "python",
        "effect": words.effect(family, one),
        "blocks": one.verdict.difference.blocks,
        "p": words.p_value(one),
        "word": one.verdict.word,
        "says": words.verdict(family, one),
    }
