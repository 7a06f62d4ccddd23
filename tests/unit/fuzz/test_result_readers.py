"""Whatever a file of results holds, it is read, or refused in one sentence that names it."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.errors import ResultFileError
from stackmatrix.results import bisection, codec, comparison, histograms, store, verdicts
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.comparison import ComparisonDocument
from stackmatrix.system.processes import PROJECT
from tests import hostile
from tests.compared import document, figure
from tests.hostile import fuzzed, survives

NAME = "a.json"
VALID = [json.loads(path.read_text()) for path in hostile.committed()]
ENCODED = [path.read_bytes() for path in hostile.committed()]
results = st.one_of(*map(hostile.spoilt, VALID))
VERDICTS = json.loads(min(store_ for store_ in sorted((PROJECT / "results").glob("*/verdicts.json"))).read_text())


def as_documents(content: Any) -> bytes:
    return hostile.as_json(content)


@fuzzed(60)
@given(results)
def test_a_result_file_that_somebody_has_changed(content: Any) -> None:
    data = hostile.as_json(content)

    def read() -> None:
        result = codec.decode(data, NAME)
        assert codec.decode(codec.encode(result), NAME) == result

    survives(read)


@fuzzed(40)
@given(st.one_of(*map(hostile.cut, ENCODED)))
def test_a_result_file_that_is_cut_or_of_which_bytes_have_changed(data: bytes) -> None:
    survives(lambda: codec.decode(data, NAME))


READERS: dict[str, Callable[[bytes], object]] = {
    "result": lambda data: codec.decode(data, NAME),
    "calibration": codec.decode_calibration,
    "comparison": lambda data: comparison.decode(data, NAME),
    "bisection": lambda data: bisection.decode(data, NAME),
    "verdicts": lambda data: verdicts.decode(data, NAME),
}


@pytest.mark.parametrize("kind", READERS)
@fuzzed(15)
@given(data=hostile.noise)
def test_bytes_that_are_no_document(kind: str, data: bytes) -> None:
    with pytest.raises(ResultFileError, match=r"^(a|calibration)\.json is no"):
        READERS[kind](data)


@fuzzed(25)
@given(hostile.spoilt(json.loads(msgspec.json.encode(document(figure(), figure("memory"))))))
def test_a_comparison_that_somebody_has_changed(content: Any) -> None:
    def read() -> None:
        read: ComparisonDocument = comparison.decode(hostile.as_json(content), NAME)
        assert comparison.decode(comparison.encode(read), NAME) == read

    survives(read)


@fuzzed(20)
@given(hostile.spoilt({**VERDICTS, "comparisons": VERDICTS["comparisons"][:2], "values": VERDICTS["values"][:2]}))
def test_verdicts_that_somebody_has_changed(content: Any) -> None:
    survives(lambda: verdicts.decode(hostile.as_json(content), NAME))


@pytest.mark.parametrize("read", [comparison.decode, bisection.decode, verdicts.decode])
@pytest.mark.parametrize(("version", "remedy"), [(99, "update the project"), (0, "make it anew")])
def test_a_document_of_another_version_is_named_with_its_remedy(
    read: Callable[[bytes, str], object], version: int, remedy: str
) -> None:
    told = rf"^verdicts\.json has format {version}, and this version reads format \d: {remedy}\.$"
    with pytest.raises(ResultFileError, match=told):
        read(json.dumps({"format_version": version, "more": []}).encode(), "verdicts.json")


def test_a_calibration_that_somebody_has_changed(calibration: Calibration) -> None:
    @fuzzed(20)
    @given(hostile.spoilt(json.loads(codec.encode(calibration))))
    def changed(content: Any) -> None:
        survives(lambda: codec.decode_calibration(hostile.as_json(content)))

    changed()


HISTOGRAM = next(
    load["latency_histogram"]
    for content in VALID
    for ramp in content.get("ramps", [])
    if (load := ramp["reference"]) is not None and load["latency_histogram"]
)


@fuzzed(60)
@given(st.one_of(hostile.texts, hostile.cut(HISTOGRAM.encode()).map(lambda data: data.decode("latin-1"))))
def test_a_histogram_is_counts_or_an_error(encoded: str) -> None:
    try:
        places, counts = histograms.counts_of(encoded)
    except ValueError:
        return
    assert len(places) == len(counts)
    assert (counts > 0).all()


@fuzzed(30)
@given(st.lists(st.tuples(st.one_of(hostile.texts, st.just("uvicorn")), st.sampled_from(ENCODED)), max_size=3))
def test_files_of_a_git_tree_are_results_or_named(found: list[tuple[str, bytes]]) -> None:
    for machine, result in store.decode_results((f"{name}/fanout/uvicorn/3.13.json", data) for name, data in found):
        assert isinstance(machine, str)
        if isinstance(result, ResultFileError):
            hostile.need_text(str(result))


@fuzzed(20)
@given(st.lists(st.tuples(st.sampled_from(ENCODED), hostile.texts), max_size=4))
def test_a_folder_with_anything_in_it_is_read_to_its_end(found: list[tuple[bytes, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for data, called in found:
            path = Path(name) / called.replace("/", "_").replace("\0", "_")[:50] / "fanout" / "uvicorn" / "3.13.json"
            if path.parts[len(Path(name).parts)] not in {"..", "fanout"}:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        for _, result in store.read_results(Path(name)):
            if isinstance(result, ResultFileError):
                hostile.need_text(str(result))
