"""Results in open formats, for other people's tools: one tidy table, and HdrHistogram's log. Pure.

The table is in long form: a row for each number of each block. ``part`` says of which part of a block the number is:
the rate of a ramp's step, its reference load or recovery, a ladder's level, how many requests were in flight, which
trial of a stop; it is empty for the block itself. ``metric`` is the name that the number has in the result file, nested
ones joined by a dot, and has the unit in it. What was not measured has no row.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from stackmatrix.report.literal import spreadsheet, tag
from stackmatrix.results.blocks import Block
from stackmatrix.results.counts import CountBlock
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.levels import Level
from stackmatrix.results.model import FIELDS, Result
from stackmatrix.results.ramps import Ramp
from stackmatrix.results.stops import Stop

WORDS = ("machine", "workload", "stack", "python", "control", "kind", "run", "started", "validity", "findings")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in WORDS),
        ("round", pa.int64()),
        ("part", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
    ]
)
APART = {"run", "round", "started", "validity", "findings", "failure"}
"""Fields of a block that are columns, or none."""


def tidy(results: Iterable[tuple[str, Result]]) -> pa.Table:
    """Every number of every block, each result with its machine's name."""
    return pa.Table.from_pylist([row for machine, result in results for row in _rows(machine, result)], schema=SCHEMA)


def _rows(machine: str, result: Result) -> Iterator[dict[str, Any]]:
    cell = {"machine": machine, **msgspec.to_builtins(result.cell)}
    for kind, field in FIELDS.items():
        for block in getattr(result, field):
            front = {
                **cell,
                "kind": kind.__name__,
                "run": block.run,
                "round": block.round,
                "started": block.started,
                "validity": block.validity if block.failure is None else "invalid",
                "findings": " ".join(finding.code for finding in block.findings),
            }
            for part, values in _parts(block):
                for metric, value in _numbers(msgspec.to_builtins(values)):
                    yield {**front, **_own(values), "part": part, "metric": metric, "value": value}


def _parts(block: Block) -> Iterator[tuple[str, msgspec.Struct]]:
    """The block itself, and the parts of it that have numbers of their own."""
    yield "", block
    if isinstance(block, Ramp):
        yield from ((f"step={step.rate:.6g}", step) for step in block.steps)
        if block.reference is not None:
            yield "reference", block.reference
            yield from ((f"reference page={page.page}", page) for page in block.reference.pages)
        if block.recovery is not None:
            yield "recovery", block.recovery
    elif isinstance(block, Ladder):
        yield from ((level.name, level) for level in block.levels)
    elif isinstance(block, CountBlock):
        yield from ((f"in_flight={count.in_flight}", count) for count in block.counts)
    elif isinstance(block, Stop):
        yield from ((f"trial={number}", trial) for number, trial in enumerate(block.trials, 1))


def _own(values: msgspec.Struct) -> dict[str, Any]:
    """A level is valid or not by itself."""
    if not isinstance(values, Level):
        return {}
    return {"validity": values.validity, "findings": " ".join(finding.code for finding in values.findings)}


NESTED = {"reference", "recovery", "seconds", "timeline"}
"""Fields that are parts, or series and no single numbers."""


def _numbers(content: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """Every number below an object of the JSON, by its dotted path."""
    for name, value in content.items():
        if not path and (name in APART or name in NESTED):
            continue
        if isinstance(value, dict):
            yield from _numbers(value, f"{path}{name}.")
        elif isinstance(value, int | float):
            yield f"{path}{name}", float(value)


def to_csv(table: pa.Table) -> bytes:
    """The table as CSV: RFC 4180, with a heading; empty where there is nothing."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table.schema.field(name).type):
            shown = [one and spreadsheet(one) for one in table.column(name).to_pylist()]
            table = table.set_column(place, name, pa.array(shown, pa.string()))
    data = io.BytesIO()
    pa.csv.write_csv(table, data)
    return data.getvalue()


def to_parquet(table: pa.Table) -> bytes:
    data = io.BytesIO()
    pa.parquet.write_table(table, data, compression="zstd")
    return data.getvalue()


def _epoch_s(started: str) -> float:
    """Seconds since 1970 of a moment; 0 where it is none."""
    try:
        return datetime.fromisoformat(started).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def to_histogram_log(results: Iterable[tuple[str, Result]]) -> str:
    """The response times of every reference load and level in HdrHistogram's log format, version 1.3.

    Values are microseconds, as the histograms are kept; the log's maximum is in ms. A tag names machine, cell, round
    and part; commas and spaces, which would end a tag, are replaced. The start is the block's: a part has no other.
    """
    lines = ["#[Logged by stackmatrix: response times in microseconds, maxima in milliseconds]"]
    lines.append("#[Histogram log format version 1.3]")
    lines.append('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"')
    for machine, result in results:
        cell = result.cell
        for block in (*result.ramps, *result.ladders):
            started_s = _epoch_s(block.started)
            for part, of in _parts(block):
                encoded, times = getattr(of, "latency_histogram", None), getattr(of, "latency_ms", None)
                if encoded is None or times is None:
                    continue
                names = (machine, cell.workload, cell.stack, cell.python, block.run, str(block.round), part)
                window_s = getattr(of, "window_s", 0.0)
                lines.append(f"Tag={tag(*names)},{started_s:.3f},{window_s:.3f},{times.max:.3f},{encoded}")
    return "\n".join(lines) + "\n"
