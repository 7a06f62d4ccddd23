"""The verdicts as data are those of the analysis, each with its evidence, in the form that the schema describes."""

import json
from pathlib import Path

import msgspec
import pytest

from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.errors import ResultFileError
from stackmatrix.report import verdicts
from stackmatrix.report.statements import statements
from stackmatrix.results.verdicts import Verdicts, decode, schema
from tests.made_up import make_results, write


@pytest.fixture(scope="module")
def machine() -> MachineSummary:
    return summarize("m", make_results(("gunicorn_100_threads", "gunicorn_gevent"), counts=True))


def test_each_comparison_stands_with_all_that_is_known_of_it(machine: MachineSummary) -> None:
    document = decode(verdicts.encode(machine), "a.json")
    known = {(one.figure, one.cell, one.other): one for one in document.comparisons}
    families = [family for family in machine.families for _ in family.compared]
    assert len(known) == len(document.comparisons) == len(families) + len(machine.causes)
    for family in machine.families:
        for one in family.compared:
            told = known[family.metric.name, one.cell, one.other]
            assert (told.effect, told.low, told.high) == (one.effect.mid, one.effect.low, one.effect.high)
            assert (told.word, told.blocks, told.needed) == (one.word, one.blocks, one.needed)
            assert (told.matters, told.smallest_decidable) == (family.metric.matters, one.smallest_decidable)
            assert told.compares == ("difference" if family.metric.is_difference else "ratio")
    assert [one.text for one in document.statements] == [one.text for one in statements(machine)]


def test_evidence_is_a_file_that_is_there(machine: MachineSummary, tmp_path: Path) -> None:
    write(tmp_path, "m", machine.results)
    document = decode(verdicts.encode(machine), "a.json")
    paths = {one.evidence for one in document.comparisons} | {one.evidence for one in document.values}
    assert paths
    assert all((tmp_path / path).is_file() for path in paths)


def test_a_void_run_is_void_of_the_workloads_that_it_measured() -> None:
    sound = make_results(("gunicorn_gevent",), workloads=("fanout",), run="sound")
    failed = make_results(("gunicorn_gevent",), workloads=("fanout_shared_client",), found=False, run="failed")
    document = decode(verdicts.encode(summarize("m", [*sound, *failed])), "a.json")
    void = {run.id: set(run.void) for run in document.runs}
    assert void == {"sound": set(), "failed": {"fanout_shared_client"}}
    controls = {one.workload: one for one in document.controls}
    assert controls["fanout"].state == "passed"
    assert controls["fanout"].planted is not None
    assert controls["fanout_shared_client"].void is not None
    words = {one.word for one in document.comparisons if one.workload == "fanout_shared_client"}
    assert words == {"undecided"}


def test_what_is_not_known_is_null_and_unknown_keys_are_refused(machine: MachineSummary) -> None:
    few = summarize("m", make_results(("gunicorn_100_threads", "uvicorn"), blocks=2, ramps=0), ended=False)
    content = json.loads(verdicts.encode(few))
    assert content["ended"] is False
    assert {(one["low"], one["word"]) for one in content["comparisons"]} == {(None, "undecided")}
    with pytest.raises(ResultFileError, match=r"^a\.json is no document of verdicts: .*unknown field `more`"):
        decode(json.dumps({**content, "more": 1}).encode(), "a.json")
    assert decode(verdicts.encode(machine), "a.json").format_version == 1


def test_the_schema_describes_every_field() -> None:
    described = json.loads(schema())
    found = described["$defs"]["Verdicts"]["properties"]
    assert set(found) == {field.name for field in msgspec.structs.fields(Verdicts)}
    wanted = "workload figure unit cell other effect low high word blocks matters smallest_decidable evidence"
    assert set(wanted.split()) <= set(described["$defs"]["Verdict"]["properties"])
