"""Results in open formats, for other people's tools: a tidy table, and HdrHistogram's log. Pure.

The table has one row for each level of each trial. Its columns are those of the model, nested ones joined by a dot, so
that a metric that is added to the model is in the table, too. What was not measured is empty.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from stackmatrix.matrix.cells import Cell
from stackmatrix.results.model import (
    ApiUse,
    GeneratorUse,
    LatencyMs,
    Level,
    MachineUse,
    OverheadMs,
    Result,
    TargetUse,
    Trial,
)
from stackmatrix.results.types import Struct

NESTED: dict[str, type[Struct]] = {
    "latency_ms": LatencyMs,
    "service_ms": LatencyMs,
    "overhead_ms": OverheadMs,
    "target": TargetUse,
    "generator": GeneratorUse,
    "external_api": ApiUse,
    "machine": MachineUse,
}
"""The parts of a level that are objects of their own."""
NOT_TIDY = {"findings", "failures", "latency_histogram", "timeline", "absent", "instructions_per_request"}
"""What is no number or word; findings and failures have columns of their own."""

FRONT = ("machine_name", *Cell.__struct_fields__, "state", "python_version", "optimised", "gil", "run_id", "profile")
TRIAL = ("block", "order", "trial_started", "level")
BACK = ("findings", "failed", "failures", "instructions_at_1", "instructions_at_20")


def _level_columns() -> Iterator[tuple[str, str | None]]:
    """Every number and word of a level, as field and the field below it."""
    for name in Level.__struct_fields__:
        if name in NESTED:
            yield from ((name, part) for part in NESTED[name].__struct_fields__ if part not in NOT_TIDY)
        elif name not in NOT_TIDY:
            yield name, None


LEVEL = tuple(_level_columns())
COLUMNS = (*FRONT, *TRIAL, *(name if part is None else f"{name}.{part}" for name, part in LEVEL), *BACK)
WORDS = {
    *("machine_name", "stack", "python", "workload", "state", "python_version", "run_id", "profile", "trial_started"),
    *("model", "validity", "limiter", "findings", "failures"),
}
TRUTHS = {"twin", "optimised", "gil"}
"""Columns of words and of yes or no; all others are numbers."""


def tidy(machine: str, result: Result) -> Iterator[dict[str, Any]]:
    """The rows of one result, each with all columns."""
    build = result.environment.python if result.environment else None
    counted = {one.in_flight: one.mean for one in result.instructions.counts} if result.instructions else {}
    front = {
        "machine_name": machine,
        **msgspec.to_builtins(result.cell),
        "state": result.status.state,
        "python_version": build.version if build else None,
        "optimised": build.optimised if build else None,
        "gil": build.gil if build else None,
        "run_id": result.run.id if result.run else None,
        "profile": result.run.profile if result.run else None,
        "instructions_at_1": counted.get(1),
        "instructions_at_20": counted.get(20),
    }
    for trial in result.trials:
        for place, level in enumerate(trial.levels):
            row = {**front, **_of_trial(trial), "level": place, **_of_level(level)}
            yield {column: row[column] for column in COLUMNS}


def _of_trial(trial: Trial) -> dict[str, Any]:
    return {"block": trial.block, "order": trial.order, "trial_started": trial.started}


def _of_level(level: Level) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, part in LEVEL:
        value = getattr(level, name)
        if part is None:
            row[name] = value
        else:
            row[f"{name}.{part}"] = None if value is None else getattr(value, part)
    row["findings"] = " ".join(finding.code for finding in level.findings)
    row["failures"] = "; ".join(f"{name}: {count}" for name, count in level.failures.items())
    row["failed"] = sum(level.failures.values()) if level.requests is not None else None
    return row


def to_csv(rows: Iterable[dict[str, Any]]) -> str:
    """The table as CSV: RFC 4180, with a heading; empty where nothing was measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_histogram_log(results: Iterable[tuple[str, Result]]) -> str:
    """Every level's response times in HdrHistogram's log format, version 1.3, for its own viewers and readers.

    Values are microseconds, as the histograms are kept; the log's maximum is in ms. A tag names machine, cell, block
    and level; commas and spaces, which would end a tag, are replaced. A level's start is its trial's: it has no other.
    """
    lines = ["#[Logged by stackmatrix: response times in microseconds, maxima in milliseconds]"]
    lines.append("#[Histogram log format version 1.3]")
    lines.append('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"')
    for machine, result in results:
        for trial in result.trials:
            started_s = datetime.fromisoformat(trial.started).replace(tzinfo=UTC).timestamp() if trial.started else 0.0
            for level in trial.levels:
                if level.latency_histogram is None or level.latency_ms is None:
                    continue
                load = f"users={level.users}" if level.model == "closed" else f"rate={level.rate:g}"
                cell = result.cell
                python = f"{cell.python}-twin" if cell.twin else cell.python
                tag = "/".join((machine, cell.workload, cell.stack, python, f"block={trial.block}", load))
                tag = tag.replace(",", "_").replace(" ", "_")
                lines.append(
                    f"Tag={tag},{started_s:.3f},{level.window_s:.3f},{level.latency_ms.max:.3f},{level.latency_histogram}"
                )
    return "\n".join(lines) + "\n"
