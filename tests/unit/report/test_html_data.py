"""What the report shows is what the verdicts say, in the words of the other pages."""

import json
import re
from typing import Any

import msgspec
import pytest
from hdrh.histogram import HdrHistogram

from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary, summarize
from stackmatrix.report import words
from stackmatrix.report.html import keys, load
from stackmatrix.report.html.charts import report_charts
from stackmatrix.report.html.data import report_data
from stackmatrix.report.statements import statements
from tests import made_up


@pytest.fixture(scope="module")
def machine() -> MachineSummary:
    return summarize("a-machine", made_up.make_results(counts=True))


@pytest.fixture(scope="module")
def data(machine: MachineSummary) -> dict[str, Any]:
    """As the page reads it."""
    read: dict[str, Any] = json.loads(json.dumps(report_data([machine])))
    return read


def workloads(machine: MachineSummary, data: dict[str, Any]) -> list[tuple[WorkloadSummary, dict[str, Any]]]:
    return list(zip(machine.workloads, data["machines"][0]["workloads"], strict=True))


def test_the_answer_is_that_of_the_other_pages(machine: MachineSummary, data: dict[str, Any]) -> None:
    shown = data["machines"][0]["statements"]
    assert [(one["lead"], one["text"], one["evidence"]) for one in shown] == [
        (one.lead, one.text, one.evidence) for one in statements(machine)
    ]
    assert len({one["key"] for one in shown}) == len(shown)
    assert [one["number"] for one in shown] == [None, *range(1, len(shown))]
    assert [one["folded"] for one in shown] == [one.is_folded for one in statements(machine)]


def test_every_verdict_is_there_once_with_its_words(machine: MachineSummary, data: dict[str, Any]) -> None:
    for workload, shown in workloads(machine, data):
        for family, figure in zip(workload.families, shown["figures"], strict=True):
            found = {one["key"]: one for one in figure["comparisons"]}
            assert len(found) == len(figure["comparisons"]) == len(family.compared)
            for one in family.compared:
                row = found[keys.verdict_key(family, one)]
                assert row["says"][0] == words.verdict(family.metric, one.effect, one.word)
                assert (row["word"], row["decided"]) == (one.word, one.is_decided)
                assert one.caution is None or one.caution in row["says"]
                assert [look["blocks"] for look in row["looks"]] == [look.blocks for look in one.looks]


def test_ratios_are_drawn_as_per_cent_beside_what_does_not_matter(
    machine: MachineSummary, data: dict[str, Any]
) -> None:
    family, figure = machine.workloads[0].family(COST), data["machines"][0]["workloads"][0]["figures"][0]
    assert family is not None
    assert figure["name"] == "cpu"
    by_key = {keys.verdict_key(family, one): one for one in family.compared}
    for row in figure["comparisons"]:
        assert row["mid"] == pytest.approx(100 * (by_key[row["key"]].effect.mid - 1), rel=1e-3)
    assert (figure["band"]["low"], figure["band"]["high"]) == (-3.0, 3.0)


def test_ranks_are_those_of_the_verdicts_and_the_newest_python_comes_first(
    machine: MachineSummary, data: dict[str, Any]
) -> None:
    for workload, shown in workloads(machine, data):
        family = workload.family(COST)
        assert family is not None
        rows = shown["ranking"]["rows"]
        assert [row["python"] for row in rows] == ["3.13"] * 4 + ["3.12"] * 4
        ranks = {(cell.stack, cell.python): str(rank) for cell, rank in family.ranks.items()}
        assert [row["texts"][0] for row in rows] == [ranks[row["stack"], row["python"]] for row in rows]
        newest = [int(row["texts"][0]) for row in rows[:4]]
        assert newest == sorted(newest)
        assert len(set(newest)) > 1, "else nothing is ranked"


def test_a_void_run_says_so_and_ranks_nothing() -> None:
    void = summarize("a-machine", made_up.make_results(found=False))
    for workload in report_data([void])["machines"][0]["workloads"]:
        assert workload["void"].startswith("Void: ")
        assert {row["texts"][0] for row in workload["ranking"]["rows"]} == {words.NOTHING}
        assert not any(one["decided"] for figure in workload["figures"] for one in figure["comparisons"])


def test_what_is_not_void_does_not_say_so(data: dict[str, Any]) -> None:
    assert [workload["void"] for workload in data["machines"][0]["workloads"]] == [None, None]


def test_a_distribution_is_that_of_all_requests_of_all_ramps(machine: MachineSummary, data: dict[str, Any]) -> None:
    workload, shown = workloads(machine, data)[0]
    row = next(row for row in workload.rows if row.latency is not None)
    pooled = HdrHistogram(1, 3_600_000_000, 3)
    for ramp in row.result.ramps:
        assert ramp.reference is not None
        pooled.decode_and_add(ramp.reference.latency_histogram)
    drawn = next(one for one in shown["distributions"] if one["title"] == words.title(row.cell))
    by_place = {round(point["place"], 6): point["ms"] for point in drawn["points"]}
    for q in (50.0, 90.0, 95.0):
        place = round(100 / (100 - q), 6)
        assert by_place[place] == keys.short(pooled.get_value_at_percentile(q) / 1000)
    assert drawn["points"][0]["says"].endswith("400 requests")
    assert 100.0 not in by_place, "400 responses have no p99 that ten lie beyond"


def test_a_ramp_shows_every_second_when_the_load_dropped_and_whether_it_came_back(
    machine: MachineSummary, data: dict[str, Any]
) -> None:
    workload, shown = workloads(machine, data)[0]
    assert len(shown["ramps"]) == sum(len(row.result.ramps) for row in workload.rows)
    for one in shown["ramps"]:
        ramps = next(row.result.ramps for row in workload.rows if words.title(row.cell) == one["title"])
        ramp = ramps[one["number"] - 1]
        assert ramp.seconds is not None
        assert ramp.recovery is not None
        assert one["seconds"]["answered"] == list(ramp.seconds.answered)
        assert one["seconds"]["inFlight"] == list(ramp.seconds.in_flight)
        came_back = ramp.recovery.seconds is not None
        assert [moment["text"] for moment in one["moments"]] == ["load drops", *(["back"] if came_back else [])]
        assert ("did not come back within 15 s" in one["says"][1]) is not came_back
    most = max(max(one["seconds"][field]) for one in shown["ramps"] for field in ("offered", "answered"))
    assert shown["limits"]["requests"] == most


def test_findings_and_failures_are_said_with_whether_the_block_counts(machine: MachineSummary) -> None:
    first = machine.results[0]
    block = msgspec.structs.replace(first.cost[0], validity="invalid", failure="The server went away.")
    spoilt = msgspec.structs.replace(first, cost=(block, *first.cost[1:]))
    shown = report_data([summarize("a-machine", [spoilt, *machine.results[1:]])])
    remarks = [text for workload in shown["machines"][0]["workloads"] for text in workload["remarks"]]
    assert any("The server went away. (does not count)" in text for text in remarks)


def test_links_to_verdicts_and_ramps_name_what_is_there(machine: MachineSummary, data: dict[str, Any]) -> None:
    workload, shown = workloads(machine, data)[0]
    family = workload.family(COST)
    assert family is not None
    link = keys.verdict_link("a-machine", family, family.compared[0])
    assert link.startswith(f"report.html#machine=a-machine&workload={workload.name}&at=")
    at = link.split("at=")[1]
    assert at in {one["key"] for one in shown["figures"][0]["comparisons"]}
    ramped = next(row.cell for row in workload.rows if row.result.ramps)
    assert keys.ramp_key(ramped, 1) in {one["key"] for one in shown["ramps"]}


def test_the_charts_hold_no_data_and_no_legends() -> None:
    for spec in report_charts().values():
        text = json.dumps(spec)
        assert "datasets" not in spec
        assert '"values": [{' not in text
        assert '"legend": {"' not in json.dumps({key: value for key, value in spec.items() if key != "config"})


def test_the_null_target_stands_below_the_response_times() -> None:
    with_null, without = (
        summarize("m", made_up.make_results(planted=planted)).workloads[0] for planted in (True, False)
    )
    told = load.distribution_note(with_null)
    assert re.search(r"A target that costs nothing shows under the same load p50 60\d ms", told)
    assert "costs nothing" not in load.distribution_note(without)
