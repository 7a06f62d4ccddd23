"""Open formats hold every figure, once, under a name that says what it is."""

import base64
import csv
import io
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from stackmatrix.report import exports
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result
from tests.made_up import make_results

CELLS = (("uvicorn",), ("3.13",), ("fanout_shared_client",))


def made_up() -> Result:
    return make_results(*CELLS, blocks=2, counts=True, planted=False)[0]


def rows(result: Result) -> list[dict[str, Any]]:
    return exports.tidy([("m", result)]).to_pylist()  # type: ignore[no-any-return]


def test_each_trial_of_a_stop_is_a_part_with_its_visitors_by_what_became_of_them() -> None:
    result = make_results(*CELLS, blocks=2, stops=True, planted=False)[0]
    found = {(row["part"], row["metric"]): row["value"] for row in rows(result) if row["kind"] == "Stop"}
    assert found["", "deadline_s"] == 35.0
    for number, trial in enumerate(result.stops[0].trials, 1):
        part = f"trial={number}"
        assert found[part, "inside.answered"] == trial.inside.answered
        assert found[part, "late.refused"] == trial.late.refused
        assert found[part, "gone_s"] == trial.gone_s


def test_each_number_of_each_block_has_a_row_with_its_cell_and_its_block() -> None:
    result = made_up()
    found = {(row["kind"], row["round"], row["part"], row["metric"]): row for row in rows(result)}
    assert len(found) == len(rows(result))
    for block in result.cost:
        row = found["CostBlock", block.round, "", "cpu_ms_per_request"]
        assert row["value"] == block.cpu_ms_per_request
        assert [row[name] for name in ("machine", "stack", "python", "workload")] == [
            "m",
            *CELLS[0],
            *CELLS[1],
            *CELLS[2],
        ]
        assert (row["run"], row["started"], row["validity"]) == (block.run, block.started, "valid")
    ramp = result.ramps[1]
    assert ramp.reference is not None
    assert ramp.reference.latency_ms is not None
    assert found["Ramp", 1, "", "holds"]["value"] == ramp.holds
    assert found["Ramp", 1, f"step={ramp.steps[2].rate:.6g}", "in_flight"]["value"] == ramp.steps[2].in_flight
    assert found["Ramp", 1, "reference", "latency_ms.p50"]["value"] == ramp.reference.latency_ms.p50
    assert found["CountBlock", 2, "in_flight=20", "instructions"]["value"] == result.counts[2].counts[1].instructions


def test_what_was_not_measured_has_no_row_and_is_not_zero() -> None:
    # This stack does not come back, and its p99 needs more responses than one ramp has.
    named = {(row["part"], row["metric"]) for row in rows(made_up())}
    assert ("recovery", "watched_s") in named
    assert ("recovery", "seconds") not in named
    assert ("reference", "latency_ms.p99") not in named


def test_a_block_that_does_not_count_says_so_and_why() -> None:
    late = Finding(code="generator-lag", severity="invalid", sentence="Late.")
    result = made_up()
    spoilt = msgspec.structs.replace(result.cost[0], validity="invalid", findings=(late,))
    ended = msgspec.structs.replace(result.cost[1], failure="gone")
    found = rows(msgspec.structs.replace(result, cost=(spoilt, ended), ramps=(), counts=()))
    assert {(row["round"], row["validity"], row["findings"]) for row in found} == {
        (0, "invalid", "generator-lag"),
        (1, "invalid", ""),
    }


def test_a_word_with_a_comma_or_a_quote_stays_one_value_on_one_line() -> None:
    result = made_up()
    strange = msgspec.structs.replace(result, cell=msgspec.structs.replace(result.cell, stack='a,"b"\nc'))
    text = exports.to_csv(exports.tidy([("m", strange)])).decode()
    assert next(csv.DictReader(io.StringIO(text)))["stack"] == 'a,"b" c'


def test_parquet_has_the_same_table_with_types_whether_or_not_there_is_a_row() -> None:
    table = exports.tidy([("m", made_up())])
    assert pq.read_table(io.BytesIO(exports.to_parquet(table))).equals(table)
    assert table.schema.equals(exports.tidy([]).schema)
    assert str(table.schema.field("value").type) == "double"


def test_the_histogram_log_is_read_by_hdrhistograms_own_reader(tmp_path: Path) -> None:
    path = tmp_path / "all.hlog"
    result = made_up()
    path.write_text(exports.to_histogram_log([("a machine, my", result)]), encoding="utf-8")
    total = HdrHistogram(1, 3_600_000_000, 3)
    reader = HistogramLogReader(str(path), total)
    while (read := reader.get_next_interval_histogram()) is not None:
        total.add(read)
    assert total.total_count == sum(ramp.reference.requests for ramp in result.ramps if ramp.reference) == 400
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("Tag="))
    tag, started, length, _, encoded = line.split(",")
    assert tag == "Tag=a_machine__my/fanout_shared_client/uvicorn/3.13/made-up-run/0/reference"
    assert (float(started), float(length)) == (1795604400.0, 10.0)
    assert zlib.decompress(base64.b64decode(encoded)[8:])
