"""Between results and the JSON of a result file, and the schema of it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.errors import ResultFileError
from stackmatrix.matrix.profiles import MOST_BLOCKS, PROFILES
from stackmatrix.results import codec
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.levels import Level, Timeline
from stackmatrix.results.model import FORMAT_VERSION, Result

SCHEMA = Path(__file__).parents[3] / "results" / "schema.json"


def test_a_result_comes_back_equal(result: Result) -> None:
    assert codec.decode(codec.encode(result), "a.json") == result


def test_encoding_is_the_same_every_time_and_ends_with_a_line(result: Result) -> None:
    assert codec.encode(result) == codec.encode(codec.decode(codec.encode(result), "a.json"))
    assert codec.encode(result).endswith(b"}\n")


@given(st.floats(0, allow_nan=False, allow_infinity=False))
def test_no_number_is_rounded(throughput_rps: float) -> None:
    level = Level(
        model="closed", users=1, rate=None, window_s=1 / 3, validity="valid", limiter=None, findings=(),
        throughput_rps=throughput_rps,
    )  # fmt: skip
    indented = msgspec.json.format(msgspec.json.encode(level), indent=1)
    found = json.loads(indented)
    assert (found["throughput_rps"], found["window_s"]) == (throughput_rps, 1 / 3)


def test_every_digit_of_a_latency_is_in_the_file(result: Result) -> None:
    latency = result.ladders[0].levels[0].latency_ms
    assert latency is not None
    assert repr(latency.mean) in codec.encode(result).decode()
    assert len(repr(latency.mean)) > 12


def test_a_real_result_fits_the_schema(result: Result) -> None:
    jsonschema.validate(json.loads(codec.encode(result)), json.loads(codec.schema()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.update(more=1),
        lambda file: file["ladders"][0]["levels"][0].update(p99=1),
        lambda file: file["ladders"][0]["levels"][0]["target"].update(cpu_share=-1),
        lambda file: file["status"].update(state="good"),
        lambda file: file.pop("cell"),
    ],
    ids=["unknown key", "unknown key of a level", "below 0", "unknown state", "no cell"],
)
def test_what_the_model_refuses_the_schema_refuses(result: Result, spoil: Callable[[dict[str, Any]], None]) -> None:
    file = json.loads(codec.encode(result))
    spoil(file)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(file, json.loads(codec.schema()))
    with pytest.raises(ResultFileError, match=r"^a\.json is not a result file: "):
        codec.decode(json.dumps(file).encode(), "a.json")


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(codec.schema()))


def test_the_committed_schema_is_the_models() -> None:
    assert SCHEMA.read_bytes() == codec.schema(), "make it again: python -m stackmatrix schema"


def test_a_newer_format_is_refused_with_both_numbers_even_if_nothing_else_is_known(result: Result) -> None:
    newer = {"format_version": FORMAT_VERSION + 1, "something": "new"}
    told = rf"^a\.json has format {FORMAT_VERSION + 1}, and this version reads format {FORMAT_VERSION}: update"
    with pytest.raises(ResultFileError, match=told):
        codec.decode(json.dumps(newer).encode(), "a.json")
    with pytest.raises(ResultFileError, match=told):
        codec.decode(codec.encode(msgspec.structs.replace(result, format_version=FORMAT_VERSION + 1)), "a.json")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused_by_name(result: Result, share: float) -> None:
    data = codec.encode(result).rstrip()
    with pytest.raises(ResultFileError, match=r"^a\.json is not a result file"):
        codec.decode(data[: math.floor(share * len(data))], "a.json")


@pytest.mark.parametrize(
    "data", [b"hello", b"\xff\xfe", b"[]", b"null", b"1", b'"text"', b"{}", b'{"format_version": "1"}']
)
def test_what_is_no_result_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(ResultFileError, match=r"^a\.json is not a result file"):
        codec.decode(data, "a.json")


@pytest.mark.parametrize("older", range(1, FORMAT_VERSION))
def test_an_older_format_is_refused_by_name_with_where_it_is_kept(older: int) -> None:
    told = rf"^a\.json has format {older}, which was made by an older method and is read no more: git keeps it\."
    with pytest.raises(ResultFileError, match=told):
        codec.decode(json.dumps({"format_version": older, "trials": []}).encode(), "a.json")


def test_a_file_stays_small_enough_to_commit(result: Result) -> None:
    """All blocks of the profile with the most, each level with its histogram and every figure."""
    level = result.ladders[0].levels[0]
    assert level.latency_histogram is not None
    most = PROFILES["deep"]
    seconds = round(most.levels.settle_s + most.levels.window_s + 2)
    timeline = Timeline(from_s=-2, answered=(87,) * seconds, p50_us=(612_345,) * seconds, p95_us=(1_234_567,) * seconds)
    level = msgspec.structs.replace(level, timeline=timeline)
    ladder = msgspec.structs.replace(result.ladders[0], levels=(level,) * len(most.ladder))
    whole = msgspec.structs.replace(result, ladders=(ladder,) * 10, cost=result.cost * MOST_BLOCKS)
    assert len(codec.encode(whole)) < 300_000


def test_a_calibration_comes_back_equal(calibration: Calibration) -> None:
    assert codec.decode_calibration(codec.encode(calibration)) == calibration


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"hello", b'{"grade": "excellent"}'])
def test_what_is_no_calibration_is_refused_with_how_to_make_one(data: bytes) -> None:
    with pytest.raises(ResultFileError, match=r"^calibration\.json is no calibration: .*nox -s calibrate\.$"):
        codec.decode_calibration(data)


def test_a_calibration_with_an_unknown_key_is_refused(calibration: Calibration) -> None:
    file = {**json.loads(codec.encode(calibration)), "more": 1}
    with pytest.raises(ResultFileError, match="unknown field `more`"):
        codec.decode_calibration(json.dumps(file).encode())


def test_each_block_is_one_line_of_its_own(result: Result) -> None:
    lines = codec.encode(result).decode().splitlines()
    blocks = [json.loads(line.strip().removesuffix(",")) for line in lines if line.lstrip().startswith('{"run"')]
    assert blocks == [json.loads(msgspec.json.encode(block)) for block in result.blocks]
    assert len(blocks) == 2
    assert len(lines) > len(blocks) + 20
