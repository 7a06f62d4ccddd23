"""Statements stand on verdicts: what is void, undecided, cautioned or missing is said as that, and nothing else is."""

import re
from typing import Any

import msgspec
import pytest

from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.matrix.cells import Cell
from stackmatrix.report.statements import statements
from stackmatrix.results.model import Result, Status
from tests.made_up import METASTABLE, RATIOS, make_results

SHARED = ("fanout_shared_client",)
TWO = ("gunicorn_100_threads", "gunicorn_gevent")


def told(machine: MachineSummary) -> dict[str, str]:
    """The statements by key, each of which is there once."""
    found = statements(machine)
    assert len({one.key for one in found}) == len(found)
    return {one.key: one.text for one in found}


def test_of_a_void_workload_nothing_is_said_but_that_and_why() -> None:
    machine = summarize("m", make_results(TWO, blocks=5, found=False))
    said = told(machine)
    assert set(said) == {"fanout-void", "fanout_shared_client-void", "missing"}
    reason = machine.void["fanout"].rstrip(".")
    assert said["fanout-void"] == f"The runs of fanout are void, and nothing is said of it. {reason}."


def test_a_workload_that_is_void_silences_no_other() -> None:
    sound = make_results(TWO, workloads=SHARED)
    void = make_results(TWO, workloads=("fanout",), found=False)
    said = told(summarize("m", [*sound, *void]))
    assert "fanout-void" in said
    assert "fanout_shared_client-stacks" in said
    assert not {"fanout-stacks", "fanout-holds", "fanout-visitors", "client"} & set(said)


def test_each_size_has_its_interval_and_the_newest_python_speaks_for_the_others() -> None:
    said = told(summarize("m", make_results(TWO, workloads=SHARED)))
    text = said["fanout_shared_client-stacks"]
    assert re.search(r"on 3\.13, against gunicorn_100_threads with [\d.]+ \([\d.]+ to [\d.]+\) ms: ", text)
    assert re.search(r"gunicorn_gevent \d+ % more \(\d+ to \d+ %\)\. The same on 3\.12\.$", text)
    assert re.search(r"3\.13 against 3\.12: .* less \(.*\) with all 2 stacks", said["fanout_shared_client-pythons"])


def test_a_stack_whose_verdict_is_otherwise_on_an_older_python_is_named() -> None:
    results = make_results(TWO, workloads=SHARED)
    cheap = [scaled(one, 0.5) if (one.cell.stack, one.cell.python) == (TWO[1], "3.12") else one for one in results]
    text = told(summarize("m", cheap))["fanout_shared_client-stacks"]
    assert re.search(r"Otherwise on 3\.12: gunicorn_gevent \d+ % less \(", text)


def scaled(result: Result, by: float) -> Result:
    return msgspec.structs.replace(
        result,
        cost=tuple(
            msgspec.structs.replace(block, cpu_ms_per_request=by * (block.cpu_ms_per_request or 0))
            for block in result.cost
        ),
    )


def test_what_differs_in_more_than_its_name_is_no_headline_and_says_so_itself() -> None:
    # In made-up results uWSGI runs a shared libpython, as it does.
    said = told(summarize("m", make_results(("uwsgi_gevent", *TWO), workloads=SHARED)))
    assert "uwsgi_gevent" not in said["fanout_shared_client-stacks"]
    caution = said["fanout_shared_client-caution-1"]
    assert re.search(r"uwsgi_gevent \d+ % more \(\d+ to \d+ %\)\. It stands in no headline, since", caution)
    assert "shared libpython" in caution


def test_cautions_of_one_reason_are_one_sentence() -> None:
    results = make_results(("uwsgi_100_threads", "uwsgi_gevent", *TWO), workloads=SHARED)
    cautions = [text for key, text in told(summarize("m", results)).items() if "-caution-" in key]
    (text,) = cautions
    assert "uwsgi_100_threads" in text
    assert "uwsgi_gevent" in text
    assert text.endswith(
        "They stand in no headline, since each runs a shared libpython and gunicorn_100_threads is linked statically."
    )


def test_a_stack_that_is_decided_on_the_newest_python_alone_is_said_to_be_undecided_on_the_older_one() -> None:
    results = make_results(TWO, workloads=SHARED)
    older = next(one for one in results if (one.cell.stack, one.cell.python) == (TWO[1], "3.12"))
    nearly = scaled(older, 1.02 / RATIOS[TWO[1]])
    said = told(summarize("m", [nearly if one is older else one for one in results]))["fanout_shared_client-stacks"]
    assert f"Otherwise on 3.12: {TWO[1]} undecided." in said
    assert "The same on" not in said


@pytest.mark.parametrize("blocks", [1, 2])
def test_before_three_blocks_no_size_is_said(blocks: int) -> None:
    results = make_results(TWO, workloads=SHARED, blocks=blocks, ramps=0)
    said = told(summarize("m", results, ended=False))
    assert not [key for key in said if key.endswith(("-stacks", "-pythons", "client"))]
    assert "nothing is said before 3 blocks" in said["fanout_shared_client-undecided"]
    assert "not yet known" in said["fanout_shared_client-controls"]


def test_what_is_undecided_is_counted_with_what_would_decide_it() -> None:
    alike = ("one_alike", "two_alike")
    said = told(summarize("m", make_results(alike, workloads=SHARED, blocks=3), ended=False))
    text = said["fanout_shared_client-undecided"]
    assert re.search(r"of 4 comparisons of CPU time per request \d (is|are) undecided\. ", text)
    assert re.search(r"3 blocks decide differences of [\d.]+ %; (even \d+|\d+) would probably", text)


def test_a_stack_that_does_not_come_back_is_named_and_one_without_slots_left_too() -> None:
    said = told(summarize("m", make_results(("uwsgi_2_threads", *TWO, "uvicorn"), workloads=SHARED)))
    holds = said["fanout_shared_client-holds"]
    assert re.match(
        r"3 stacks hold \d+ to \d+ arrivals/s of fanout_shared_client on 3\.13 without a backlog "
        r"\((\d|none) of 3 differences decided\)",
        holds,
    )
    assert re.search(r"Slots limit uwsgi_2_threads on 3\.13 to 2\.\d.*/s \(its core 5 % busy\)\.", holds)
    back = "uwsgi_2_threads, gunicorn_100_threads and gunicorn_gevent come back in 2 to 3 s"
    assert f"After an overload {back}; {METASTABLE} does not within 15 s." in holds


def test_a_stack_that_held_nothing_and_does_not_come_back_is_not_among_those_that_do() -> None:
    results = make_results(("uwsgi_2_threads", *TWO), workloads=SHARED)
    holds = told(summarize("m", results))["fanout_shared_client-holds"]
    assert holds.endswith(
        "After an overload uwsgi_2_threads, gunicorn_100_threads and gunicorn_gevent come back in 2 to 3 s."
    )
    down = [
        msgspec.structs.replace(
            ramp, holds=None, recovery=msgspec.structs.replace(ramp.recovery, seconds=None) if ramp.recovery else None
        )
        for ramp in next(one for one in results if one.cell.stack == "uwsgi_2_threads" and one.ramps).ramps
    ]
    results = [
        msgspec.structs.replace(one, ramps=tuple(down)) if one.cell.stack == "uwsgi_2_threads" and one.ramps else one
        for one in results
    ]
    holds = told(summarize("m", results))["fanout_shared_client-holds"]
    assert "gunicorn_gevent come back in 2 to 3 s; uwsgi_2_threads does not within 15 s." in holds


def test_what_was_not_measured_is_said_with_its_reason() -> None:
    gone = Cell(stack="uvicorn", python="3.14", workload="fanout")
    failed = Result(format_version=7, cell=gone, status=Status(state="failed", reason="It did not start."))
    said = told(summarize("m", [*make_results(TWO), failed]))
    assert "uvicorn on 3.14 (It did not start);" in said["missing"]
    assert "Python 3.15;" in said["missing"]
    assert "memory on other Pythons than 3.13" in said["missing"]
    assert "; instructions." in said["missing"]


def test_a_stack_alone_is_told_by_what_it_costs() -> None:
    said = told(summarize("m", make_results(("uvicorn",), workloads=SHARED)))
    assert re.fullmatch(
        r"CPU per request of fanout_shared_client with uvicorn: "
        r"[\d.]+ \([\d.]+ to [\d.]+\) ms on 3\.12 and [\d.]+ \([\d.]+ to [\d.]+\) ms on 3\.13\.",
        said["fanout_shared_client-cost"],
    )


def test_nothing_measured_says_nothing_but_that() -> None:
    assert set(told(summarize("m", []))) == {"missing"}


def test_pythons_of_unlike_origin_are_compared_in_a_sentence_of_their_own_and_unlike_machines_not_at_all() -> None:
    results = make_results(TWO, workloads=SHARED)
    unlike = [built(one, origin="pyenv") if one.cell.python == "3.12" else one for one in results]
    said = told(summarize("m", unlike))
    assert "fanout_shared_client-pythons" not in said
    every = " ".join(said.values())
    assert re.search(r"3\.13 against 3\.12: .* less .* They stand in no headline, since 3\.13 is ", every)
    moved = [one if one.cell.python == "3.13" else on_kernel(one, "another") for one in results]
    assert re.search(r"gunicorn_gevent on 3\.13 with 3\.12\. .*the kernel", told(summarize("m", moved))["refused"])


def built(result: Result, **changed: Any) -> Result:
    """The same on another build of its Python."""
    assert result.conditions is not None
    environment = result.conditions.environment
    python = msgspec.structs.replace(environment.python, **changed)
    environment = msgspec.structs.replace(environment, python=python)
    return msgspec.structs.replace(
        result, conditions=msgspec.structs.replace(result.conditions, environment=environment)
    )


def on_kernel(result: Result, kernel: str) -> Result:
    assert result.conditions is not None
    machine = msgspec.structs.replace(result.conditions.machine, kernel=kernel)
    return msgspec.structs.replace(result, conditions=msgspec.structs.replace(result.conditions, machine=machine))


def caused(*workloads: tuple[str, float], blocks: int = 5) -> dict[str, str]:
    """Statements where workloads cost so many times as much as a shared client, block by block."""
    shared = make_results((*TWO, "uvicorn"), ("3.13",), workloads=SHARED, blocks=blocks, ramps=0, planted=False)
    more = [
        msgspec.structs.replace(scaled(one, by), cell=msgspec.structs.replace(one.cell, workload=name))
        for name, by in workloads
        for one in shared
    ]
    return told(summarize("m", [*shared, *more]))


def test_each_cause_that_is_decided_is_a_sentence_under_its_question() -> None:
    said = caused(("no_calls", 0.25), ("no_middleware", 0.8), ("single_call", 0.5), ("fanout_shared_context", 1.5))
    assert re.match(
        r"With gunicorn_100_threads on 3\.13 the server and Django alone, without any call, cost 1\.\d+ \(.*\) ms, "
        r"\d\.\d+ to \d\.\d+ ms with 2 others; a page with three parallel calls costs 4\.0 times \(4\.0 to 4\.0\) as "
        r"much CPU as one without any, 4\.0 times with 2 others\. Further: 1 decided\.$",
        said["parts"],
    )
    called = "With gunicorn_100_threads on 3.13 a page with three parallel calls costs 2.0 times (2.0 to 2.0) as much"
    assert said["calls"].startswith(called)
    assert "client" not in said


def test_a_cause_that_costs_nothing_is_said_to_cost_the_same() -> None:
    said = caused(("fanout_bounded_pool", 1.001), ("fanout_niquests", 0.9))["client"]
    assert said == (
        "With gunicorn_100_threads on 3.13 niquests costs 10 % less CPU (10 to 10 %) than httpx, 0.90 times with 2 "
        "others; a shared client with httpx's own limits costs the same within 3 % (0.1 to 0.1 %) as one with a pool "
        "of 1000, 1.00 times with 2 others."
    )


def test_of_few_blocks_no_cause_is_said_to_cost_anything() -> None:
    assert not {"parts", "client", "calls"} & set(caused(("no_calls", 0.2), ("fanout_niquests", 0.5), blocks=2))


def test_a_stack_that_does_not_serve_a_workload_is_not_measured_for_its_reason() -> None:
    said = caused(("fanout_niquests", 0.9))["missing"]
    assert "async client" not in said
    results = make_results((*TWO, "uvicorn"), ("3.13",), workloads=SHARED, ramps=0)
    pool = [msgspec.structs.replace(one, cell=msgspec.structs.replace(one.cell, workload="fanout_urllib3"))
            for one in results if one.cell.stack != "uvicorn"]  # fmt: skip
    assert (
        "fanout_urllib3 with uvicorn (urllib3 has no async client)"
        in told(summarize("m", [*results, *pool]))["missing"]
    )


@pytest.mark.parametrize(
    "changed",
    [{"pgo": False, "lto": False}, {"slowed_by": ("a debug build",)}, {"jit": True}, {"shared": True}],
    ids=str,
)
def test_no_headline_says_what_a_python_costs_where_two_were_built_in_unlike_ways(changed: dict[str, Any]) -> None:
    results = make_results(TWO, workloads=SHARED)
    plain = told(summarize("m", results))
    assert "fanout_shared_client-pythons" in plain
    said = told(summarize("m", [built(one, **changed) if one.cell.python == "3.13" else one for one in results]))
    assert "fanout_shared_client-pythons" not in said
    assert re.search(r"3\.13 against 3\.12: .* They stand in no headline, since 3\.13 ", " ".join(said.values()))
    # Stacks are compared on the same build, and go on being told.
    assert said["fanout_shared_client-stacks"] == plain["fanout_shared_client-stacks"]
