"""The answer in short names nothing that verdicts do not bear, and leaves out what does not compare."""

import re
from collections.abc import Mapping

import msgspec
import pytest

from stackmatrix.analysis.summary import summarize
from stackmatrix.report import advice
from stackmatrix.report.statements import statements
from stackmatrix.results.model import Result
from tests.made_up import RATIOS, make_results

REFERENCE = "gunicorn_100_threads"
SHARED = ("fanout_shared_client",)


def short(
    by: Mapping[str, float], pythons: tuple[str, ...] = ("3.14",), *, stops: bool = False, blocks: int = 5
) -> str:
    """The answer in short where stacks cost so many times what the reference stack does; empty where there is none."""

    def change(one: Result) -> Result:
        factor = by.get(one.cell.stack, 1.0) / RATIOS.get(one.cell.stack, 1.2)
        cost = [
            msgspec.structs.replace(block, cpu_ms_per_request=factor * (block.cpu_ms_per_request or 0))
            for block in one.cost
        ]
        return msgspec.structs.replace(one, cost=tuple(cost))

    made = make_results((REFERENCE, *by), pythons, SHARED, blocks=blocks, ramps=0, stops=stops)
    found = statements(summarize("m", [change(one) if one.cell.control is None else one for one in made]))
    return "".join(one.text for one in found if one.lead == advice.LEAD)


def test_the_cheapest_that_is_decided_is_named_with_what_it_is_and_costs() -> None:
    text = short({"granian_wsgi": 0.8, "waitress_100_threads": 0.9, "uvicorn": 1.6})
    assert text.startswith(
        "For this view (fanout_shared_client) on Python 3.14 Granian, WSGI, 100 threads (granian_wsgi) costs the least "
        "CPU of comparable stacks, as far as is decided. Against gunicorn_100_threads it costs "
    )
    assert re.search(r"it costs \d\d % less \(\d+ to \d+ %\) and asyncio \d\d % more \(\d+ to \d+ %\)\. ", text)
    assert text.endswith("No other Python was measured here.")


def test_the_reference_is_named_where_none_costs_less_with_those_that_may_cost_as_little() -> None:
    text = short({"waitress_100_threads": 1.0, "cheroot_100_threads": 1.0, "gunicorn_gevent": 1.4})
    assert "Gunicorn, 100 threads (gunicorn_100_threads) costs the least" in text
    assert re.search(r"; (\w+ and \w+) may cost as little\. Against it gevent costs \d+ % more", text)


@pytest.mark.parametrize(("stack", "why"), [("gunicorn_sync", "one slot"), ("uwsgi_100_threads", "a caution")])
def test_what_has_too_few_slots_or_a_caution_is_not_named_however_little_it_costs(stack: str, why: str) -> None:
    text = short({stack: 0.5, "uvicorn": 1.6})
    assert "Gunicorn, 100 threads (gunicorn_100_threads) costs the least" in text, why
    assert stack not in text


def test_a_way_of_waiting_of_which_one_stack_is_not_decided_to_cost_more_has_no_size() -> None:
    text = short({"uvicorn": 1.6, "daphne": 1.0, "gunicorn_gevent": 1.4})
    assert "asyncio" not in text
    assert "gevent costs" in text
    assert "daphne may cost as little" in text


def test_it_says_whom_a_deploy_loses_and_what_the_python_changes() -> None:
    text = short({"uvicorn": 1.6}, ("3.12", "3.13"), stops=True)
    assert (
        "Stopped for a deploy, gunicorn_100_threads answers everybody in flight, and loses 21 of 27 who come "
        "meanwhile. " in text
    )
    assert re.search(r"Python 3\.13 against 3\.12 costs it \d+ % less \(\d+ to \d+ %\)\.$", text)


def test_nothing_is_said_in_short_of_one_stack_or_of_few_blocks() -> None:
    assert short({}) == ""
    assert short({"uvicorn": 1.6}, blocks=2) == ""
    assert short({"uwsgi_100_threads": 0.5}) == "", "only the reference is left"
