"""What people read of many stacks: short sentences and tables that leave nobody out without counting him."""

import re
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary, summarize
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import charts, links, many, markdown, origins, publishing, stops, tables
from stackmatrix.report.html.data import report_data
from stackmatrix.report.statements import statements
from stackmatrix.report.table import safe
from stackmatrix.results.model import Result
from stackmatrix.results.stops import Visitors
from tests import made_up

SHARED, ALONE = "fanout_shared_client", "no_calls"
LONGEST = 1200
"""Characters of a sentence of the answer: more nobody reads."""


@pytest.fixture(scope="module")
def machine() -> MachineSummary:
    """Every stack under two workloads on one Python."""
    return summarize("m", made_up.make_results(list(STACKS), ["3.14"], [SHARED, ALONE], blocks=5, ramps=1, stops=True))


@pytest.fixture(scope="module")
def said(machine: MachineSummary) -> Mapping[str, str]:
    return {one.key: one.text for one in statements(machine)}


@pytest.fixture(scope="module")
def shared(machine: MachineSummary) -> WorkloadSummary:
    found = machine.workload(SHARED)
    assert found is not None
    return found


def test_a_few_are_named_one_by_one_and_of_more_the_first_with_a_count() -> None:
    few = [f"s{number}" for number in range(many.FEW)]
    assert many.names(few) == "s0, s1, s2, s3, s4, s5, s6 and s7"
    assert many.names([*few, "s8"]) == "s0, s1, s2 and 6 more"


def test_both_ends_of_an_order_are_told_with_how_many_lie_between() -> None:
    sizes = [(f"{number} ms", f"s{number}") for number in range(20)]
    told = many.ranked(sizes)
    assert told.startswith("0 ms with s0; 1 ms with s1; 2 ms with s2; 14 more between; 17 ms with s17")
    assert many.ranked(sizes[:7]).count("with") == 7, "one alone is named"


def test_stacks_with_the_same_size_stand_together() -> None:
    sizes = [*(("72", f"s{number}") for number in range(30)), ("41", "t")]
    assert many.ranked(sizes) == "72 with s0, s1, s2 and 27 more; 41 with t"


def test_no_sentence_is_a_list_of_all(said: Mapping[str, str]) -> None:
    assert {key: len(text) for key, text in said.items() if len(text) > LONGEST} == {}
    assert f"{SHARED}-stacks" in said


def test_of_many_open_pairs_those_that_answer_a_question_are_named(said: Mapping[str, str]) -> None:
    named = said[f"{SHARED}-undecided"].split(" are undecided: ")[1].split(" more.")[0]
    pairs = re.findall(r"(\w+) against (\w+) on 3\.14", named)
    assert len(pairs) == 3
    for stack, other in pairs:
        varies = STACKS[stack].varies
        assert other == "gunicorn_100_threads" or (varies is not None and varies.stack == other)


def test_the_sentence_on_cost_counts_every_stack_and_leads_to_the_table_of_all(
    machine: MachineSummary, said: Mapping[str, str], shared: WorkloadSummary
) -> None:
    text = said[f"{SHARED}-stacks"]
    found = re.search(r" ms: of (\d+) others (.*?)\. Of what is decided, the cheapest first: ", text)
    assert found is not None
    assert int(found[1]) == len(shared.stacks) - 1
    assert sum(int(count) for count in re.findall(r"(\d+) (?:cost|is|are|carr)", found[2])) == int(found[1])
    (one,) = (one for one in statements(machine) if one.key == f"{SHARED}-stacks")
    assert one.evidence == links.on_page("m", links.workload(SHARED))


def test_the_table_of_the_first_page_is_small_and_leads_to_all(machine: MachineSummary) -> None:
    block = markdown.headline([machine])
    rows = re.findall(r"^\| (\w+) \|.* ms", block, re.MULTILINE)
    assert len(rows) <= 2 * many.MOST_ROWS
    seed = {name for name, row in STACKS.items() if row.is_seed}
    assert seed <= set(rows)
    assert f"of {len(STACKS)} stacks" in block
    assert f"[All of them](results/m/README.md#{SHARED})" in block


def test_the_readme_folds_what_is_said_of_further_workloads_and_leaves_nothing_out(machine: MachineSummary) -> None:
    block = markdown.headline([machine])
    open_, folded = block.split("<details>", 1)
    found = statements(machine)
    assert [int(place) for place in re.findall(r"^(\d+)\. \*\*", block, re.MULTILINE)] == [*range(1, len(found) + 1)]
    shown = [one.key for one in found if str(safe(one.text)) in open_]
    assert {f"{SHARED}-stacks", f"{SHARED}-parts", "uwsgi_100_threads-varied", "uvicorn-varied"} <= set(shown)
    assert not [key for key in shown if key.startswith(ALONE) or "caution" in key or "undecided" in key]
    assert all(str(safe(one.text)) in folded for one in found if one.key not in shown)


def test_the_table_of_few_stacks_has_them_all_in_the_order_of_the_stacks() -> None:
    few = summarize("m", made_up.make_results(workloads=(SHARED,)))
    assert tables.by_python_table(few.workloads[0]).rows == few.workloads[0].stacks
    assert "All of them" not in markdown.headline([few])


def test_many_stacks_stand_by_what_they_cost_in_table_and_chart(shared: WorkloadSummary) -> None:
    costs = [row.cpu.mid for row in tables.in_order(shared) if row.cpu]
    family = shared.family(COST)
    assert family is not None
    assert costs == sorted(costs)
    assert [row["mid"] for row in charts.value_rows(family)] == costs


def test_of_hundreds_of_pairs_a_page_has_those_that_answer_a_question(shared: WorkloadSummary) -> None:
    family = shared.family(COST)
    assert family is not None
    told = tables.told(family, shared.reference)
    assert len(told) < 3 * len(STACKS) < len(family.compared)
    pairs = {(one.cell.stack, one.other.stack) for one in told}
    assert {("uvicorn", "gunicorn_100_threads"), ("uvicorn_sync_view", "uvicorn")} <= pairs


def test_a_deploy_is_told_by_what_happens(shared: WorkloadSummary, said: Mapping[str, str]) -> None:
    text = said[f"{SHARED}-stop"]
    assert re.search(
        r"\d\d stacks \(gunicorn_100_threads, .* and \d+ more\) answer everybody, gone after 2\.3 s\.", text
    )
    groups = [row[2] for row in stops.stop_table(shared).cells]
    assert [*dict.fromkeys(groups)] == ["everybody", "nobody"]
    assert groups == sorted(groups)


def test_stacks_that_answer_some_are_one_sentence_with_how_many() -> None:
    def half(result: Result) -> Result:
        some = [
            msgspec.structs.replace(trial, inside=Visitors(answered=2, cut_off=3)) for trial in result.stops[0].trials
        ]
        return msgspec.structs.replace(result, stops=(msgspec.structs.replace(result.stops[0], trials=tuple(some)),))

    results = made_up.make_results(list(STACKS), ["3.14"], [SHARED], blocks=1, ramps=0, stops=True, planted=False)
    changed = [half(one) if "gunicorn" in one.cell.stack else one for one in results]
    ((_, _, text, _),) = stops.sentences(summarize("m", changed).workloads[0])
    count = sum("gunicorn" in stack for stack in STACKS)
    assert re.search(rf"{count} stacks answer some: gunicorn_100_threads 6 of 15, .* and {count - 3} more, gone", text)


def test_the_report_shows_some_of_many_in_charts_and_all_in_tables(machine: MachineSummary) -> None:
    shown = report_data([machine])["machines"][0]["workloads"][0]
    assert len(shown["first"]) <= many.MOST_ROWS < len(shown["ranking"]["rows"])
    cost, other = shown["figures"][0]["comparisons"], shown["figures"][1]["comparisons"]
    assert len(other) < len(cost)
    assert all(one["looks"] for one in cost if one["set"] == "reference")


# What a cost comes from


def scaled(results: Sequence[Result], by: Mapping[tuple[str, str], float]) -> MachineSummary:
    """Results in which a stack costs so many times as much under a workload."""

    def change(one: Result) -> Result:
        factor = by.get((one.cell.stack, one.cell.workload), 1.0)
        blocks = [
            msgspec.structs.replace(block, cpu_ms_per_request=factor * (block.cpu_ms_per_request or 0))
            for block in one.cost
        ]
        return msgspec.structs.replace(one, cost=tuple(blocks))

    return summarize("m", [change(one) for one in results])


def results_of(*stacks: str) -> list[Result]:
    """These stacks at the same cost, under a workload with calls and one without."""
    made = made_up.make_results(stacks, ["3.14"], [SHARED], ramps=0, planted=False)
    alike = [
        msgspec.structs.replace(
            one,
            cost=tuple(
                msgspec.structs.replace(
                    block, cpu_ms_per_request=(block.cpu_ms_per_request or 0) / made_up.RATIOS.get(one.cell.stack, 1.2)
                )
                for block in one.cost
            ),
        )
        for one in made
    ]
    bare = [msgspec.structs.replace(one, cell=msgspec.structs.replace(one.cell, workload=ALONE)) for one in alike]
    machine = scaled([*alike, *bare], {(stack, ALONE): 0.25 for stack in stacks})
    return list(machine.results)


PAIR = ("gunicorn_100_threads", "uvicorn")


@pytest.mark.parametrize(
    ("with_calls", "without", "conclusion"),
    [
        (
            2.0,
            2.0,
            r"costs 2\.0 times .* as much CPU as gunicorn_100_threads: that is 2\d % of what it costs more with",
        ),
        (2.0, 0.5, r"% less CPU \(.*\) than gunicorn_100_threads: all that it costs more with them comes with them\."),
        (
            1.5,
            5.0,
            r"costs 5\.0 times .*: all that it costs more with them is there without them, and what they add is",
        ),
    ],
)
def test_how_much_of_what_a_stack_costs_more_is_there_without_calls_is_what_the_figures_say(
    with_calls: float, without: float, conclusion: str
) -> None:
    machine = scaled(results_of(*PAIR), {("uvicorn", SHARED): with_calls, ("uvicorn", ALONE): without})
    said = {one.key: one.text for one in statements(machine)}
    text = said[f"{SHARED}-parts"]
    assert re.match(
        rf"In ms of CPU per request on 3\.14, the server and Django alone \({ALONE}\) and what the calls add "
        rf"\({SHARED}\): "
        r"gunicorn_100_threads [\d.]+ \([\d.]+ to [\d.]+\) and [\d.]+ \([\d.]+ to [\d.]+\); uvicorn ",
        text,
    )
    assert re.search(rf"Without calls uvicorn {'costs' if without < 1 else ''}.*{conclusion}", text)


def test_a_stack_that_costs_no_more_than_the_reference_has_no_parts() -> None:
    said = {one.key for one in statements(scaled(results_of(*PAIR), {("uvicorn", SHARED): 0.5}))}
    assert f"{SHARED}-parts" not in said


def test_what_one_changed_thing_costs_is_the_verdict_on_the_two_stacks() -> None:
    machine = scaled(results_of(*PAIR, "uvicorn_sync_view"), {("uvicorn_sync_view", SHARED): 0.5 * 1.2})
    family = machine.workloads[0].family(COST)
    assert family is not None
    (one,) = origins.variations(family)
    assert (one.cell.stack, one.other.stack, one.word) == ("uvicorn_sync_view", "uvicorn", "better")
    text = {one.key: one.text for one in statements(machine)}["uvicorn-varied"]
    assert re.search(
        r"against uvicorn with .* ms: \d+ % less \(.*\) with the sync view in a thread \(uvicorn_sync_v", text
    )
    assert re.search(r"Of no_calls on 3\.14, against uvicorn .* with uvicorn_sync_view\.$", text)
    (row,) = origins.variation_table(machine).cells
    assert row[:4] == ["uvicorn_sync_view", "uvicorn", "3.14", "the sync view in a thread"]
    assert "% less" in row[4]
    assert f'id="{links.VARIATIONS}"' in page_of(machine)


def page_of(machine: MachineSummary) -> str:
    template = (publishing.HERE / "templates" / "machine.md").read_text(encoding="utf-8")
    return markdown.render_machine(template, machine, [])
