"""What people read of many stacks: short sentences and tables that leave nobody out without counting him."""

import re
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary, summarize
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import advice, charts, links, many, markdown, origins, publishing, stops, tables
from stackmatrix.report.html.data import report_data
from stackmatrix.report.literal import safe
from stackmatrix.report.statements import MOST, statements
from stackmatrix.results.model import Result
from stackmatrix.results.stops import Visitors
from tests import made_up

SHARED, ALONE = "fanout_shared_client", "no_calls"
LONGEST, LONGEST_ANSWER = 50, 65
"""Words of a statement, and of the answer in short: more nobody reads."""


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
    assert many.names(few) == "s0, s1, s2, s3, s4 and s5"
    assert many.names([*few, "s6"]) == "s0, s1, s2 and 4 more"


def words_of(text: str) -> int:
    """How many words a text has, what is in brackets as one."""
    return len(re.findall(r"\S*\w\S*", re.sub(r"\([^()]*\)", "(x)", text)))


@pytest.mark.parametrize("count", [6, len(STACKS)])
def test_no_statement_is_long_and_no_page_begins_with_many(count: int) -> None:
    made = made_up.make_results(list(STACKS)[:count], ["3.13", "3.14"], [SHARED, "fanout", ALONE], blocks=4, stops=True)
    found = statements(summarize("m", made))
    longest = {one.key: LONGEST_ANSWER if one.lead == advice.LEAD else LONGEST for one in found}
    assert [one.text for one in found if words_of(one.text) > longest[one.key]] == []
    shown = [one for one in found if not one.is_folded]
    assert len(shown) <= MOST + 1
    assert [one.lead for one in shown[:3]] == [advice.LEAD, "Which stack?", "Which Python?"]
    assert len({one.lead for one in shown}) == len(shown), "a question is answered once"
    assert {"Which stack?", "Not said:"} <= {one.lead for one in found if one.is_folded}


def test_the_sentence_on_cost_counts_every_stack_by_how_it_waits_and_leads_to_the_table_of_all(
    machine: MachineSummary, said: Mapping[str, str], shared: WorkloadSummary
) -> None:
    told = said[f"{SHARED}-stacks"].split(" ms: ")[1]
    counts = [int(count) for count in re.findall(r"with (\d+) stacks", told)]
    named = re.findall(r"with (?!a caution)([a-z]\w+)", told)
    rest = [int(count) for count in re.findall(r"(\d+) (?:undecided|with a caution)", told)]
    assert sum(counts) + len(named) + sum(rest) == len(shared.stacks) - 1
    assert re.match(r"threads .*; gevent .*; asyncio ", told)
    (one,) = (one for one in statements(machine) if one.key == f"{SHARED}-stacks")
    assert one.evidence == links.on_page("m", links.workload(SHARED))


def test_the_table_of_the_first_page_is_small_and_leads_to_all(machine: MachineSummary) -> None:
    block = markdown.headline([machine])
    rows = re.findall(r"^\| (\w+)[ ‡]* \|.* ms", block, re.MULTILINE)
    assert len(rows) <= many.MOST_ROWS
    asked = {name for name, row in STACKS.items() if row.is_seed or (row.varies and row.varies.is_asked_for)}
    assert asked <= set(rows)
    assert len(asked) == 8
    assert f"Of {len(STACKS)} stacks these are" in block
    assert f"[All of them](results/m/README.md#{SHARED})" in block


def test_what_people_ask_for_stands_with_what_it_varies_in_an_answer(said: Mapping[str, str]) -> None:
    text = said[f"{SHARED}-changes"]
    assert re.search(r"against uvicorn: .* with the sync view in a thread \(uvicorn_sync_view\)", text)
    assert re.search(r"against uwsgi_100_threads: .* with the HTTP/1\.1 socket \(uwsgi_http11\)", text)


def test_every_statement_stands_in_the_readme_and_further_ones_are_folded(machine: MachineSummary) -> None:
    open_, folded = markdown.headline([machine]).split("<details>", 1)
    found = statements(machine)
    assert found[0].lead == advice.LEAD
    assert open_.startswith(f"**{advice.LEAD}** ")
    assert all(str(safe(one.text)) in (folded if one.is_folded else open_) for one in found)


def test_the_table_of_few_stacks_has_them_all_in_the_order_of_the_stacks() -> None:
    few = summarize("m", made_up.make_results())
    table = tables.first_table(few)
    assert table is not None
    assert table.rows == few.workloads[0].stacks
    heads = ["stack", f"{SHARED} on 3.13", "on 3.12, ms", "fanout on 3.13", "on 3.12, ms"]
    assert [column.heading for column in table.columns] == heads
    assert table.cells[0][0] == "uwsgi_2_threads ‡"
    assert "too few slots for 20 arrivals/s" in str(table.note)
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
    assert re.search(r": gunicorn_100_threads, .* and \d+ more answer everybody; uwsgi_2_threads, .* nobody\.", text)
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
    assert re.search(rf"; gunicorn_100_threads 6 of 15, .* and {count - 3} more; uwsgi_2_threads, ", text)


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
        (2.0, 2.0, r"2\.0 times .* as much CPU as gunicorn_100_threads: about 2\d % of"),
        (2.0, 0.5, r"% less CPU \(.*\) than gunicorn_100_threads: nothing of"),
        (1.5, 5.0, r"5\.0 times .* as much CPU as gunicorn_100_threads: all of"),
    ],
)
def test_how_much_of_what_a_stack_costs_more_is_there_without_calls_is_what_the_figures_say(
    with_calls: float, without: float, conclusion: str
) -> None:
    machine = scaled(results_of(*PAIR), {("uvicorn", SHARED): with_calls, ("uvicorn", ALONE): without})
    (one,) = (one for one in statements(machine) if one.key == f"{SHARED}-parts")
    assert one.lead == "What of uvicorn's cost is uvicorn's?"
    assert re.match(
        rf"Without any call \({ALONE}\) it costs [\d.]+ \([\d.]+ to [\d.]+\) ms on 3\.14, .*{conclusion} what it "
        r"costs more with calls\. These add [\d.]+ \(.*\) ms, against [\d.]+ \(.*\) with gunicorn_100_threads\.$",
        one.text,
    )


def test_a_stack_that_costs_no_more_than_the_reference_has_no_parts() -> None:
    said = {one.key for one in statements(scaled(results_of(*PAIR), {("uvicorn", SHARED): 0.5}))}
    assert f"{SHARED}-parts" not in said


def test_what_one_changed_thing_costs_is_the_verdict_on_the_two_stacks() -> None:
    machine = scaled(results_of(*PAIR, "uvicorn_sync_view"), {("uvicorn_sync_view", SHARED): 0.5 * 1.2})
    family = machine.workloads[0].family(COST)
    assert family is not None
    (one,) = origins.variations(family)
    assert (one.cell.stack, one.other.stack, one.word) == ("uvicorn_sync_view", "uvicorn", "better")
    text = {one.key: one.text for one in statements(machine)}[f"{SHARED}-changes"]
    assert re.search(
        r"on 3\.14, against uvicorn: \d+ % less \(.*\) with the sync view in a thread \(uvicorn_sync_v", text
    )
    assert f"{ALONE}-changes" not in {one.key for one in statements(machine)}, "nothing is decided there"
    (row,) = origins.variation_table(machine).cells
    assert row[:4] == ["uvicorn_sync_view", "uvicorn", "3.14", "the sync view in a thread"]
    assert "% less" in row[4]
    assert f'id="{links.VARIATIONS}"' in page_of(machine)


def test_changes_beyond_the_largest_are_counted() -> None:
    changed = [name for name, row in STACKS.items() if row.varies and row.varies.stack == "uvicorn"]
    assert len(changed) > origins.MOST_CHANGES
    by = {(name, SHARED): 1.2 * (1.5 + place / 10) for place, name in enumerate(changed)}
    text = {one.key: one.text for one in statements(scaled(results_of(*PAIR, *changed), by))}[f"{SHARED}-changes"]
    assert text.count(" with ") == origins.MOST_CHANGES
    assert f"Further: {len(changed) - origins.MOST_CHANGES} decided." in text
    assert "(uvicorn_sync_view)" in text, "it is asked for"


def page_of(machine: MachineSummary) -> str:
    template = (publishing.HERE / "templates" / "machine.md").read_text(encoding="utf-8")
    return markdown.render_machine(template, machine, [])
