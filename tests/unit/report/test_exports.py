"""Open formats hold every figure, once, under a name that says what it is."""

import base64
import csv
import io
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from stackmatrix.report import exports
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result


def flat(value: object, path: str = "") -> dict[str, object]:
    """Every number and word of a structure by its dotted path."""
    if isinstance(value, dict):
        found = [flat(each, f"{path}.{key}" if path else key) for key, each in value.items()]
        return {name: one for part in found for name, one in part.items()}
    return {path: value}


def rows(result: Result) -> list[dict[str, Any]]:
    return exports.tidy([("m", result)]).to_pylist()  # type: ignore[no-any-return]


def test_there_is_one_row_for_each_level_of_each_trial_with_all_columns(result: Result) -> None:
    first, second = rows(result)
    assert len(result.trials[0].levels) == 2
    assert list(first) == list(second) == exports.tidy([]).column_names
    assert len(set(first)) == len(exports.tidy([]).column_names)
    assert [first[name] for name in ("machine_name", "stack", "model", "rate")] == ["m", "uvicorn", "open", 200]
    assert (first["findings"], second["findings"], second["validity"]) == ("too-fast", "x", "invalid")


def test_a_row_has_every_number_of_its_level(result: Result) -> None:
    level = result.trials[0].levels[0]
    row = rows(result)[0]
    left_out = ("findings", "failures", "latency_histogram", "absent", "timeline", "target.instructions_per_request")
    for name, value in flat(msgspec.to_builtins(level)).items():
        if not name.startswith(left_out):
            assert row[name] == value, name


def test_what_was_not_measured_is_empty_and_not_zero(result: Result) -> None:
    text = exports.to_csv(exports.tidy([("m", result)])).decode()
    measured, missing = csv.DictReader(io.StringIO(text))
    assert (missing["throughput_rps"], missing["failed"], missing["latency_ms.p50"]) == ("", "", "")
    assert float(measured["throughput_rps"]) > 0
    assert measured["failed"] == "0"
    assert result.trials[0].levels[0].throughput_rps == float(measured["throughput_rps"])


def test_a_word_with_a_comma_or_a_quote_stays_one_value(result: Result) -> None:
    strange = msgspec.structs.replace(result, cell=msgspec.structs.replace(result.cell, stack='a,"b"\nc'))
    text = exports.to_csv(exports.tidy([("m", strange)])).decode()
    assert next(csv.DictReader(io.StringIO(text)))["stack"] == 'a,"b"\nc'


def test_parquet_has_the_same_table_with_types_whether_or_not_any_row_has_a_value(result: Result) -> None:
    table = exports.tidy([("m", result)])
    assert pq.read_table(io.BytesIO(exports.to_parquet(table))).equals(table)
    types = {field.name: str(field.type) for field in exports.tidy([]).schema}
    assert [types[name] for name in ("stack", "validity", "failures", "limiter")] == ["string"] * 4
    assert [types[name] for name in ("throughput_rps", "rate", "machine.steal_share")] == ["double"] * 3
    assert [types[name] for name in ("users", "failed", "target.rss_bytes_peak")] == ["int64"] * 3
    assert [types[name] for name in ("twin", "gil", "optimised")] == ["bool"] * 3
    assert table.schema.equals(exports.tidy([]).schema)


def test_the_histogram_log_is_read_by_hdrhistograms_own_reader(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "all.hlog"
    path.write_text(exports.to_histogram_log([("m", result)]), encoding="utf-8")
    total = HdrHistogram(1, 3_600_000_000, 3)
    reader = HistogramLogReader(str(path), total)
    while (read := reader.get_next_interval_histogram()) is not None:
        total.add(read)
    level = result.trials[0].levels[0]
    assert level.latency_ms is not None
    assert total.total_count == level.requests == 2000
    assert total.get_value_at_percentile(50) / 1000 == pytest.approx(level.latency_ms.p50, rel=2e-3)


def test_each_line_of_the_log_says_of_what_it_is(result: Result) -> None:
    log = exports.to_histogram_log([("a machine, my", result)])
    (line,) = [line for line in log.splitlines() if line.startswith("Tag=")]
    tag, started, length, most, encoded = line.split(",")
    assert tag == "Tag=a_machine__my/fanout/uvicorn/3.13/block=0/rate=200"
    level: Level = result.trials[0].levels[0]
    assert level.latency_ms is not None
    assert (float(length), float(most)) == pytest.approx((level.window_s, level.latency_ms.max), abs=1e-3)
    assert float(started) == 1795341600
    assert zlib.decompress(base64.b64decode(encoded)[8:])
