"""Which cells are stopped, how often, and how what was seen is said in a line."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Cell, Subject, make_cells
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.request import Step
from stackmatrix.measurements.stop import HELD_MS, LAST_TURN, LONG_S, SHORTEST_MS, Stops, describe, held_ms
from stackmatrix.results.model import FORMAT_VERSION, Result, Status
from stackmatrix.results.stops import Stop, StopTrial, Visitors
from tests.made_up import make_stop

STACKS, PYTHONS = ("uvicorn", "gunicorn_gevent"), ("3.12", "3.13")
CELLS = make_cells(STACKS, PYTHONS, ("fanout_shared_client", "fanout"))
ONE = CELLS[1]
TWIN = msgspec.structs.replace(ONE, control="twin")
TRIAL = make_stop(ONE, "run").trials[0]


@pytest.fixture
def make_kind(make_setup: Callable[..., Any]) -> Callable[..., Stops]:
    def make(profile: str = "answer", cells: tuple[Cell, ...] = (*CELLS, TWIN), **changed: Any) -> Stops:
        made = Stops()
        made.begin(make_setup(cells, profile=replace(PROFILES[profile], **changed)))
        return made

    return make


def result(cell: Cell, *stops: Stop) -> Result:
    return Result(format_version=FORMAT_VERSION, cell=cell, status=Status(state="ok"), stops=stops)


def chosen(kind: Stops, standing: Any, turn: int = 0) -> set[Cell]:
    return {step.cells[0] for step in kind.steps(turn, standing)}


def test_each_stack_is_stopped_with_the_first_workload_on_the_newest_python(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any]
) -> None:
    cells = make_cells(STACKS, ("3.13",), ("fanout_shared_client",))
    assert chosen(make_kind(), make_standing()) == set(cells)


def test_the_deep_profile_stops_every_cell_and_no_control(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any]
) -> None:
    assert chosen(make_kind("deep"), make_standing()) == set(CELLS)


def test_a_workload_whose_page_comes_at_once_is_passed_over(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any]
) -> None:
    kind = make_kind()
    make_quick(kind, "fanout_shared_client")
    assert {cell.workload for cell in chosen(kind, make_standing())} == {"fanout"}


def make_quick(kind: Stops, *workloads: str) -> None:
    """Make the pages of some workloads come at once."""
    quick = {
        cell: replace(one, workload=replace(one.workload, delays_ms=(1, 2, 3))) if cell.workload in workloads else one
        for cell, one in kind._setup.subjects.items()
    }
    kind._setup = replace(kind._setup, subjects=quick)


def test_where_every_page_comes_at_once_the_first_workload_is_stopped_with_requests_that_are_held(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = make_kind()
    make_quick(kind, "fanout_shared_client", "fanout")
    assert chosen(kind, make_standing()) == set(make_cells(STACKS, ("3.13",), ("fanout_shared_client",)))
    block = perform(kind, monkeypatch, TRIAL, TRIAL, TRIAL)
    assert block.held_ms == HELD_MS
    assert describe(block) == (
        f"15 of 15 visitors in flight answered, gone after 2.3 s, requests held for {HELD_MS} ms by the harness"
    )


def test_the_deep_profile_stops_pages_that_come_at_once_beside_those_that_wait(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = make_kind("deep")
    make_quick(kind, "fanout")
    assert chosen(kind, make_standing()) == set(CELLS)
    assert perform(kind, monkeypatch, TRIAL, TRIAL, TRIAL).held_ms is None


def test_whether_a_request_is_held_follows_from_the_first_page_which_is_the_one_that_is_asked_for() -> None:
    pages = (Page("quick", "/quick/"), Page("slow", "/slow/"))
    workload = Workload("pages", "", pages, (), makes_calls=False, calls_known=False)
    assert held_ms(workload.with_measured({"quick": 8.0, "slow": 2000.0})) == HELD_MS
    assert held_ms(workload.with_measured({"quick": SHORTEST_MS, "slow": 1.0})) is None


def test_a_cell_that_was_stopped_or_failed_twice_is_left_out_and_one_that_failed_once_is_tried_again(
    make_kind: Callable[..., Stops], make_standing: Callable[..., Any]
) -> None:
    kind = make_kind()
    one, other = make_cells(STACKS, ("3.13",), ("fanout_shared_client",))
    assert chosen(kind, make_standing([result(one, make_stop(one, "earlier"))])) == {other}
    assert chosen(kind, make_standing(failed=(one, one))) == {other}
    later = make_standing([result(other, make_stop(other, "run"))], failed=(one,))
    assert chosen(kind, later, turn=1) == {one}
    assert kind.steps(LAST_TURN + 1, later) == ()


def perform(kind: Stops, monkeypatch: pytest.MonkeyPatch, *outcomes: StopTrial | TrialError) -> Stop:
    left = list(outcomes)

    def trial(_: Stops, _subject: Subject, _show: object) -> Any:
        found = left.pop(0)
        if isinstance(found, TrialError):
            raise found
        return found, "served", 9.5

    monkeypatch.setattr(Stops, "_trial", trial)
    outcome = kind.perform(Step("one", (ONE,), 0), lambda _: None)
    assert left == []
    assert outcome.environments.keys() == outcome.loops_ms.keys() == {ONE}
    block = outcome.blocks[ONE]
    assert isinstance(block, Stop)
    return block


def test_a_block_has_the_trials_of_its_profile_and_one_that_failed_is_made_once_more(
    make_kind: Callable[..., Stops], monkeypatch: pytest.MonkeyPatch
) -> None:
    block = perform(make_kind(), monkeypatch, TRIAL, TrialError("too slow"), TRIAL, TRIAL)
    assert block.trials == (TRIAL,) * 3
    assert block.is_valid
    assert perform(make_kind("smoke"), monkeypatch, TRIAL).trials == (TRIAL,)


def test_a_server_that_does_not_end_has_no_further_trial(
    make_kind: Callable[..., Stops], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = make_kind()
    moments = iter((0.0, 0.0, LONG_S + 1, LONG_S + 1))
    kind.clock_s = lambda: next(moments)
    assert len(perform(kind, monkeypatch, TRIAL).trials) == 1


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (TRIAL, "5 of 5 visitors in flight answered, gone after 2.3 s"),
        (
            msgspec.structs.replace(TRIAL, queued=Visitors(cut_off=4), late=Visitors(cut_off=7, refused=2)),
            "5 of 9 visitors in flight answered, gone after 2.3 s, 7 of 9 later ones lost",
        ),
        (
            msgspec.structs.replace(TRIAL, gone_s=None, first_gone_s=None, left=("python3.13", "uwsgi")),
            "5 of 5 visitors in flight answered, python3.13, uwsgi left after 35 s",
        ),
    ],
)
def test_stops_are_described_by_who_was_answered_and_when_all_was_gone(trial: StopTrial, words: str) -> None:
    block = msgspec.structs.replace(make_stop(ONE, "run"), trials=(trial,))
    assert describe(block) == words
