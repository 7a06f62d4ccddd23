"""Results in open formats, for other people's tools: a tidy table, and HdrHistogram's log. Pure.

The table has one row for each level of each trial. Its columns are those of the model, nested ones joined by a dot, so
that a metric that is added to the model is in the table, too. What was not measured is empty.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from msgspec import inspect

from stackmatrix.matrix.cells import Cell
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result

NOT_TIDY = {"latency_histogram", "timeline", "instructions_per_request"}
"""Fields of a level that are no numbers or words; findings and failures have columns of words of their own."""

TYPES = {
    inspect.BoolType: pa.bool_(),
    inspect.IntType: pa.int64(),
    inspect.FloatType: pa.float64(),
    inspect.StrType: pa.string(),
    inspect.LiteralType: pa.string(),
}


def _fields_of(struct: inspect.Type) -> list[tuple[str, pa.DataType]]:
    assert isinstance(struct, inspect.StructType)
    typed = ((field.name, _type_of(field.type)) for field in struct.fields if field.name not in NOT_TIDY)
    return [(name, type_) for name, type_ in typed if type_ is not None]


def _type_of(field: inspect.Type) -> pa.DataType | None:
    """The type of a column; ``None`` for what fits into none."""
    if isinstance(field, inspect.Metadata):
        return _type_of(field.type)
    if isinstance(field, inspect.UnionType):
        return next(_type_of(one) for one in field.types if not isinstance(one, inspect.NoneType))
    if isinstance(field, inspect.StructType):
        return pa.struct(_fields_of(field))
    return TYPES.get(type(field))


FRONT = (
    ("machine_name", pa.string()),
    *_fields_of(inspect.type_info(Cell)),
    *((name, pa.string()) for name in ("state", "python_version")),
    *((name, pa.bool_()) for name in ("optimised", "gil")),
    *((name, pa.string()) for name in ("run_id", "profile")),
    *(("block", pa.int64()), ("order", pa.int64()), ("trial_started", pa.string()), ("level", pa.int64())),
)
BACK = (
    *(("findings", pa.string()), ("failed", pa.int64()), ("failures", pa.string())),
    *(("instructions_at_1", pa.float64()), ("instructions_at_20", pa.float64())),
)
SCHEMA = pa.schema([*FRONT, *_fields_of(inspect.type_info(Level)), *BACK])


def tidy(results: Iterable[tuple[str, Result]]) -> pa.Table:
    """The levels of all results, each with its machine's name, as one table without nested columns."""
    rows = [row for machine, result in results for row in _rows(machine, result)]
    return pa.Table.from_pylist(rows, schema=SCHEMA).flatten()


def _rows(machine: str, result: Result) -> Iterator[dict[str, Any]]:
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
        of_trial = {"block": trial.block, "order": trial.order, "trial_started": trial.started}
        for place, level in enumerate(trial.levels):
            own = {
                **msgspec.to_builtins(level),
                "findings": " ".join(finding.code for finding in level.findings),
                "failures": "; ".join(f"{name}: {count}" for name, count in level.failures.items()),
                "failed": sum(level.failures.values()) if level.requests is not None else None,
            }
            yield {**front, **of_trial, "level": place, **own}


def to_csv(table: pa.Table) -> bytes:
    """The table as CSV: RFC 4180, with a heading; empty where nothing was measured."""
    data = io.BytesIO()
    pa.csv.write_csv(table, data)
    return data.getvalue()


def to_parquet(table: pa.Table) -> bytes:
    data = io.BytesIO()
    pa.parquet.write_table(table, data, compression="zstd")
    return data.getvalue()


def to_histogram_log(results: Iterable[tuple[str, Result]]) -> str:
    """Every level's response times in HdrHistogram's log format, version 1.3, for its own viewers and readers.

    Values are microseconds, as the histograms are kept; the log's maximum is in ms. A tag names machine, cell, block
    and level; commas and spaces, which would end a tag, are replaced. A level's start is its trial's: it has no other.
    """
    lines = ["#[Logged by stackmatrix: response times in microseconds, maxima in milliseconds]"]
    lines.append("#[Histogram log format version 1.3]")
    lines.append('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"')
    for machine, result in results:
        cell = result.cell
        python = f"{cell.python}-twin" if cell.twin else cell.python
        for trial in result.trials:
            started_s = datetime.fromisoformat(trial.started).replace(tzinfo=UTC).timestamp() if trial.started else 0.0
            for level in trial.levels:
                if level.latency_histogram is None or level.latency_ms is None:
                    continue
                tag = "/".join((machine, cell.workload, cell.stack, python, f"block={trial.block}", level.name))
                tag = tag.replace(",", "_").replace(" ", "_")
                lines.append(
                    f"Tag={tag},{started_s:.3f},{level.window_s:.3f},{level.latency_ms.max:.3f},{level.latency_histogram}"
                )
    return "\n".join(lines) + "\n"
