"""What a deploy does to visitors is said alike in the sentences, on the pages and in the report."""

import msgspec
import pytest

from stackmatrix.analysis.stops import Stopped, stopped
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary, summarize
from stackmatrix.matrix.cells import Cell
from stackmatrix.report import stops, tables
from stackmatrix.report.html.data import report_data
from stackmatrix.report.statements import statements
from stackmatrix.results.model import Result
from stackmatrix.results.stops import StopTrial, Visitors
from tests.made_up import make_results, make_stop

SHARED = ("fanout_shared_client",)
STACKS = ("uwsgi_2_threads", "gunicorn_100_threads", "gunicorn_gevent", "uvicorn")
TRIAL = make_stop(Cell(stack="uvicorn", python="3.13", workload=SHARED[0]), "run").trials[0]


def made(**of_uvicorn: object) -> WorkloadSummary:
    """Everything that was stopped, with another trial of one stack where it is given."""

    def change(result: Result) -> Result:
        if not of_uvicorn or result.cell.stack != "uvicorn" or not result.stops:
            return result
        trial = msgspec.structs.replace(TRIAL, **of_uvicorn)
        return msgspec.structs.replace(result, stops=(msgspec.structs.replace(result.stops[0], trials=(trial,)),))

    results = [change(one) for one in make_results(STACKS, workloads=SHARED, stops=True)]
    (workload,) = summarize("m", results).workloads
    return workload


def said(workload: WorkloadSummary) -> str:
    ((key, lead, text, anchor),) = stops.sentences(workload)
    assert (key, lead) == ("fanout_shared_client-stop", "What does a deploy do to visitors?")
    assert anchor == "fanout_shared_client-stop"
    return text


def test_stacks_that_answer_everybody_and_nobody_are_named() -> None:
    assert said(made()) == (
        "SIGTERM with requests of fanout_shared_client in flight on 3.13: gunicorn_100_threads, gunicorn_gevent and "
        "uvicorn answer everybody; uwsgi_2_threads answers nobody. Meanwhile new visitors are let in and lost with "
        "gunicorn_100_threads (21 of 27)."
    )


def test_a_stack_that_answers_some_says_which_and_what_stays_is_named() -> None:
    text = said(
        made(
            inside=Visitors(answered=1, wrong=1), queued=Visitors(cut_off=3), gone_s=None, first_gone_s=None,
            left=("python3.13",), late=Visitors(unanswered=2),
        )
    )  # fmt: skip
    assert "gunicorn_gevent answer everybody; uvicorn 1 of 5; uwsgi_2_threads answers nobody. Meanwhile" in text
    assert "gunicorn_100_threads (21 of 27) and uvicorn (2 of 2)" in text
    assert text.endswith("uvicorn leaves python3.13 after 35 s (1 of 1 stop).")


def test_the_table_has_a_row_for_each_stack_that_was_stopped_and_no_empty_column() -> None:
    table = stops.stop_table(made())
    assert [one.heading for one in table.columns] == [
        "stack", "Python", "stops", "in the view", "queued", "later", "gone after, s", "its first process, s",
        "left running", "idle kept connection",
    ]  # fmt: skip
    assert table.cells[0] == [
        "uwsgi_2_threads", "3.13", "3", "0 of 6 answered, 6 cut off", "0 of 9 answered, 9 cut off", "–", "0.0", "–",
        "nothing", "none is kept",
    ]  # fmt: skip
    assert table.cells[1][3:] == [
        "15 of 15 answered", "–", "0 of 27 answered, 21 cut off, 6 refused", "2.3", "2.1", "nothing",
        "closed after 1.8 s",
    ]  # fmt: skip
    assert len(table.rows) == len(STACKS)


def test_the_report_has_the_same_table() -> None:
    data = report_data([summarize("m", make_results(STACKS, workloads=SHARED, stops=True))])
    shown = data["machines"][0]["workloads"][0]["stops"]
    table = stops.stop_table(made())
    assert [row["texts"] for row in shown["rows"]] == table.cells
    assert [head["text"] for head in shown["heads"]] == [one.heading for one in table.columns]
    assert shown["notes"] == [table.note]


def test_without_stops_there_is_neither_sentence_nor_row_nor_column() -> None:
    machine = summarize("m", make_results(STACKS, workloads=SHARED))
    (workload,) = machine.workloads
    assert [*stops.sentences(workload)] == []
    assert stops.stop_table(workload).rows == []
    assert "what a deploy does to visitors" in missing(machine)
    assert "answered at a stop" not in {one.heading for one in tables.overview_table(machine, workload).columns}


def test_what_was_measured_is_not_said_to_be_missing() -> None:
    assert "what a deploy" not in missing(summarize("m", make_results(STACKS, workloads=SHARED, stops=True)))


def missing(machine: MachineSummary) -> str:
    (text,) = (one.text for one in statements(machine) if one.key == "missing")
    return text


def of(trial: StopTrial, *others: StopTrial) -> Stopped:
    cell = Cell(stack="uvicorn", python="3.13", workload=SHARED[0])
    found = stopped([msgspec.structs.replace(make_stop(cell, "run"), trials=(trial, *others))])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("closed_s", "words"),
    [((1.8,), "closed after 1.8 s"), ((None,), "not closed"), ((1.0, None), "closed after 1.0 s; 1 of 2 not")],
)
def test_an_idle_connection_is_said_to_be_closed_only_where_it_was(
    closed_s: tuple[float | None, ...], words: str
) -> None:
    assert stops.kept(of(*(msgspec.structs.replace(TRIAL, kept_closed_s=each) for each in closed_s))) == words


def held_by_the_harness(*stacks: str) -> WorkloadSummary:
    """Everything that was stopped, of which the requests of some stacks were held by the harness."""

    def change(result: Result) -> Result:
        held_ms = 600 if result.cell.stack in stacks else None
        held = tuple(msgspec.structs.replace(one, held_ms=held_ms) for one in result.stops)
        return msgspec.structs.replace(result, stops=held)

    results = [change(one) for one in make_results(STACKS, workloads=SHARED, stops=True)]
    (workload,) = summarize("m", results).workloads
    return workload


def test_where_requests_were_held_by_the_harness_the_sentence_and_the_table_say_so() -> None:
    workload = held_by_the_harness(*STACKS)
    assert said(workload).startswith(
        "SIGTERM with requests held inside the application for 600 ms by the harness (workload fanout_shared_client, "
        "whose page comes too soon) in flight on 3.13: gunicorn_100_threads, gunicorn_gevent and uvicorn answer "
    )
    table = stops.stop_table(workload)
    assert table.columns[2].heading == "requests held by the harness"
    assert [cells[2] for cells in table.cells] == ["for 600 ms"] * len(STACKS)
    assert (table.note or "").endswith("by a wait of the harness's own, and not by the page.")


def test_stacks_whose_requests_were_held_are_told_from_those_whose_page_was_asked_for() -> None:
    workload = held_by_the_harness("uvicorn")
    assert said(workload).startswith(
        "SIGTERM with requests of fanout_shared_client (with uvicorn: held inside the application for 600 ms by the "
        "harness, as the page comes too soon) in flight on 3.13: "
    )
    assert [cells[2] for cells in stops.stop_table(workload).cells] == ["–", "–", "–", "for 600 ms"]
    assert "held" not in (stops.stop_table(made()).note or "")
