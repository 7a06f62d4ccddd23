"""A file that somebody has changed and that can still be read spoils no page: all that is made of it is made."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.analysis.comparison.states import compare_states
from stackmatrix.analysis.history import history_of
from stackmatrix.analysis.level import latency
from stackmatrix.analysis.summary import summarize
from stackmatrix.errors import ResultFileError
from stackmatrix.report import charts, exports, markdown, verdicts
from stackmatrix.report.html.data import report_data
from stackmatrix.results import codec
from stackmatrix.results.model import Result
from tests import hostile
from tests.hostile import fuzzed, need_text
from tests.made_up import make_results

TEMPLATES = Path(markdown.__file__).parent / "templates"
FIRST, MACHINE = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("results.md", "machine.md"))
RESULTS = make_results(
    ("uvicorn", "gunicorn_100_threads"), ("3.12", "3.13"), ("fanout",), blocks=3, counts=True, stops=True
)
VALID = [json.loads(msgspec.json.encode(one)) for one in RESULTS]
SPOILT = st.integers(0, len(VALID) - 1).flatmap(
    lambda place: st.tuples(st.just(place), hostile.spoilt(VALID[place], alike=True))
)


def changed(found: list[tuple[int, Any]]) -> list[Result]:
    """All results, with those in place of which somebody has put another one that can be read."""
    results = list(RESULTS)
    for place, content in found:
        try:
            results[place] = codec.decode(hostile.as_json(content), "a.json")
        except ResultFileError:
            continue
    return results


@fuzzed(12)
@given(st.lists(SPOILT, min_size=1, max_size=2))
def test_everything_is_made_of_results_that_somebody_has_changed(found: list[tuple[int, Any]]) -> None:
    results = changed(found)
    # An interval of a few resamples is made like one of thousands, which take most of a second.
    with patch.object(latency, "RESAMPLES", 20):
        machine = summarize("m", results)
    past = history_of(RESULTS, results)
    pages = [
        markdown.render_results(FIRST, [machine]),
        markdown.render_machine(MACHINE, machine, [], past),
        markdown.headline([machine]),
        verdicts.encode(machine).decode(),
    ]
    json.dumps(report_data([machine], [], {"m": past}))
    json.dumps(charts.static_charts([machine]))
    exports.to_csv(exports.tidy([("m", one) for one in results]))
    pages.append(exports.to_histogram_log([("m", one) for one in results]))
    compare_states(RESULTS, results, across=False)
    for page in pages:
        need_text(page)


def test_figures_that_no_two_cells_can_have_are_compared_without_an_end_of_numbers() -> None:
    """A cost of nearly nothing beside one of 10^15: the smallest difference that is decided has no power."""
    results = list(RESULTS)
    for place, figure in ((0, 1e-300), (1, 1e15)):
        cost = tuple(
            msgspec.structs.replace(block, cpu_ms_per_request=figure ** (number % 2))
            for number, block in enumerate(results[place].cost)
        )
        results[place] = msgspec.structs.replace(results[place], cost=cost)
    machine = summarize("m", results)
    need_text(markdown.render_machine(MACHINE, machine, []))
