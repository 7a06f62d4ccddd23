"""Each page's own figures: the same as those of the whole, of the rows of one page."""

from collections.abc import Callable

import msgspec

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.level.pages import answered, page_loads
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.pages import page_figures
from stackmatrix.analysis.summary import summarize
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.report import details
from stackmatrix.report.exports import tidy
from stackmatrix.results import codec, rows
from stackmatrix.results.model import Result
from stackmatrix.results.ramps import PageLoad
from tests.made_up import make_results

TWO = Workload("two", "", (*one_page("/a/"), *one_page("/b/")), (), calls_known=False)


def level_of(make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]) -> LevelRows:
    packed = [make_row(100 + each / 10, 100.2 + each / 10, page=0) for each in range(30)]
    packed += [make_row(100 + each / 10, 101.0 + each / 10, page=1) for each in range(20)]
    packed += [make_row(103, 103.1, page=1, outcome=rows.STATUS, status=500)]
    return make_level(packed)


def test_a_pages_figures_are_of_its_own_rows(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]
) -> None:
    level = level_of(make_row, make_level)
    one, other = page_loads(level, TWO)
    assert (one.page, one.requests, one.failures) == ("/a/", 30, {})
    assert (other.page, other.requests, other.failures) == ("/b/", 21, {"status 500": 1})
    assert one.latency_ms is not None
    assert other.latency_ms is not None
    assert (round(one.latency_ms.p50), round(other.latency_ms.p50)) == (200, 1000)
    assert other.latency_ms.max == latency.REQUEST_TIMEOUT_S * 1000
    assert answered(level, TWO) == {"/a/": 30, "/b/": 20}


def with_pages(loads: tuple[PageLoad, ...]) -> Result:
    """A made-up cell whose ramps and cost blocks have these pages."""
    made = make_results(("uvicorn",), ("3.13",), ("fanout_shared_client",), blocks=2, planted=False)[0]
    ramps = []
    for ramp in made.ramps:
        assert ramp.reference is not None
        ramps.append(msgspec.structs.replace(ramp, reference=msgspec.structs.replace(ramp.reference, pages=loads)))
    cost = tuple(msgspec.structs.replace(block, answered_by_page={"/a/": 7, "/b/": 3}) for block in made.cost)
    return msgspec.structs.replace(made, ramps=tuple(ramps), cost=cost)


def test_pages_are_pooled_over_blocks_and_shown_on_the_machines_page(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]
) -> None:
    result = with_pages(page_loads(level_of(make_row, make_level), TWO))
    count = len(result.ramps)
    assert count > 1
    (workload,) = summarize("m", [result]).workloads
    one, other = workload.rows[0].pages
    assert (one.name, one.requests, one.failures, one.side_by_side) == ("/a/", 30 * count, 0, 7 * len(result.cost))
    assert (other.requests, other.failures) == (21 * count, count)
    assert one.times is not None
    assert round(one.times.p50) == 200
    table = details.page_table(workload).to_markdown()
    assert f"| /a/ | uvicorn | 3.13 | {30 * count}, 0 failed | 200 |" in table
    assert f"| /b/ | uvicorn | 3.13 | {21 * count}, {count} failed | 1000 |" in table
    # The open formats have them, and a file with them comes back equal.
    parts = {row["part"] for row in tidy([("m", result)]).to_pylist()}
    assert {"reference page=/a/", "reference page=/b/"} <= parts
    assert codec.decode(codec.encode(result), "file") == result


def test_where_there_is_one_page_its_figures_are_all_there_are(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows]
) -> None:
    only = Workload("one", "", one_page("/a/"), ())
    level = level_of(make_row, make_level)
    assert (page_loads(level, only), answered(level, only)) == ((), {})
    result = make_results(("uvicorn",), ("3.13",), ("fanout_shared_client",), blocks=2)[0]
    assert page_figures([ramp.reference for ramp in result.ramps if ramp.reference], result.cost) == ()
    (workload,) = summarize("m", [result]).workloads
    assert details.page_table(workload).rows == []
