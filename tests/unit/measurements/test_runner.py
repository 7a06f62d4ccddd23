"""What all kinds share, with kinds that are made up: what is minded, performed, written, judged, and when it ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from stackmatrix.errors import (
    CellsFailedError,
    DisturbedError,
    MachineLimitError,
    PythonMissingError,
    ResultFileError,
    ResultsFolderError,
    SupervisorError,
    TrialError,
    UsageError,
)
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE
from stackmatrix.matrix.cells import CONTROLS, NO_PYTHON, Cell, Installation, Missing, controls_of, make_cells
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.wording import places
from stackmatrix.measurements.request import Kind, Outcome, Provenance, Request, Setup, Show, Standing, Step
from stackmatrix.measurements.runner import Runner
from stackmatrix.results import store, writing
from stackmatrix.results.conditions import Environment
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result, Status
from stackmatrix.system import cgroup, git, ports, runs
from stackmatrix.system.cgroup import Events
from stackmatrix.testbed import environments

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)
CELLS = make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], ("fanout",))
ALL = (*CELLS, *controls_of(CELLS))
GONE = Cell(stack=OTHER, python="3.99", workload="fanout")
STEP_S = 60.0


@dataclass
class Clock:
    """Goes on by as much as a step takes."""

    at_s: float = 1000.0

    def __call__(self) -> float:
        return self.at_s


@dataclass
class MadeUp(Kind):
    """Gives a cost block of every cell in each step, all cells side by side.

    ``goes_wrong`` is raised by step, once where it ``heals``. The cells of ``leaves_out`` do not come up.
    """

    make_cost: Callable[..., CostBlock]
    environment: Environment
    clock: Clock
    turns: int = 1
    begins: int = 0
    goes_wrong: dict[int, BaseException] = field(default_factory=dict)
    heals: bool = False
    leaves_out: tuple[Cell, ...] = ()
    name: ClassVar[str] = "cost"
    setup: Setup | None = None
    standings: list[Standing] = field(default_factory=list)
    performed: int = 0

    def begin(self, setup: Setup) -> None:
        self.setup = setup

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        assert self.setup is not None
        self.standings.append(standing)
        return [Step(f"block {turn + 1}", self.setup.cells, turn, STEP_S)] if self.begins <= turn < self.turns else []

    def perform(self, step: Step, show: Show) -> Outcome:
        assert self.setup is not None
        show("making it up")
        self.clock.at_s += STEP_S
        self.performed += 1
        if step.number in self.goes_wrong:
            raise self.goes_wrong.pop(step.number) if self.heals else self.goes_wrong[step.number]
        stamp = self.setup.stamp(step.number, "2026-11-22T10:00:00+00:00", STEP_S)
        measured = [cell for cell in step.cells if cell not in self.leaves_out]
        blocks = {
            cell: self.make_cost(7.0 if cell.stack == OTHER else 5.0, run=stamp["run"], round_=stamp["round"])
            for cell in measured
        }
        return Outcome(
            f"{len(blocks)} cells", blocks, dict.fromkeys(measured, self.environment),
            dict.fromkeys(self.leaves_out, "It did not start."), cost_rate=3.5,
        )  # fmt: skip


type MakeKind = Callable[..., MadeUp]
type MakeRunner = Callable[..., Runner]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_kind(make_cost: Callable[..., CostBlock], environment: Environment, clock: Clock) -> MakeKind:
    return lambda **given: MadeUp(make_cost, environment, clock, **given)


@pytest.fixture
def make_runner(tmp_path: Path, view: object, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> MakeRunner:
    """A runner of a machine on which the cells are installed, and no others; no other run is there."""
    monkeypatch.setattr(runs, "why_disturbed", lambda: None)
    here = {(cell.stack, cell.python): Installation(Path("/nowhere"), "0") for cell in CELLS}
    monkeypatch.setattr(environments, "installed", lambda: here)

    def make(*kinds: Kind, cells: Sequence[Cell] = CELLS, **changed: object) -> Runner:
        asked: dict[str, object] = {"cells": tuple(cells), "seed": 1, "folder": tmp_path, "machine_name": "m"}
        request = Request(**{**asked, **changed})  # type: ignore[arg-type]
        return Runner(request, PROFILES["answer"], kinds, view, clock)  # type: ignore[arg-type]

    return make


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """nox's own report, which says that the Python of one cell cannot be had."""
    path = tmp_path / "nox.json"
    name = f"env-{GONE.stack}-{GONE.python}"
    path.write_text(f'{{"sessions": [{{"signatures": ["{name}"], "result": "skipped"}}]}}', encoding="utf-8")
    return path


def read(folder: Path, cell: Cell) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "file")


def rounds(folder: Path, cell: Cell) -> list[int]:
    return [block.round for block in read(folder, cell).cost]


# What is performed and written.


def test_cost_is_measured_with_both_controls_beside_the_reference(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    make_runner(make_kind()).run()
    assert {cell.control for cell in ALL} == {None, *CONTROLS}
    assert [rounds(tmp_path, cell) for cell in ALL] == [[0]] * 4


def test_what_measures_no_cost_has_no_controls(tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind) -> None:
    kind = make_kind()
    kind.name = "ramp"  # type: ignore[misc]
    make_runner(kind).run()
    assert [result.cell for _, result in store.read_results(tmp_path) if isinstance(result, Result)] == [*sorted(CELLS)]


def test_what_earlier_controls_proved_counts_where_no_cost_is_measured(
    make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    make_runner(make_kind()).run()
    later = make_kind()
    later.name = "ramp"  # type: ignore[misc]
    runner = make_runner(later)
    runner.run()
    assert later.setup is not None
    assert set(later.setup.cells) == {*CELLS}
    assert {result.cell for result in runner.results} == {*ALL}


def test_nothing_is_said_to_be_replaced_that_is_not_measured(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    make_runner(make_kind()).run()
    for cell in ALL:
        earlier = read(tmp_path, cell)
        assert earlier.conditions is not None
        older = msgspec.structs.replace(earlier.conditions.machine, kernel="Linux 5")
        conditions = msgspec.structs.replace(earlier.conditions, machine=older)
        store.write_result(tmp_path, "m", msgspec.structs.replace(earlier, conditions=conditions))
    later = make_kind()
    later.name = "ramp"  # type: ignore[misc]
    make_runner(later).run()
    (told,) = (line for line in view.lines if "They are replaced" in line)  # type: ignore[attr-defined]
    assert told.partition(":")[0] == places(CELLS)


def test_a_turn_follows_the_other_until_no_kind_has_anything_to_do(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    kind = make_kind(turns=3)
    runner = make_runner(kind)
    runner.run()
    assert [rounds(tmp_path, cell) for cell in ALL] == [[0, 1, 2]] * 4
    assert [len(standing.results) for standing in kind.standings[:4]] == [0, 4, 4, 4]
    assert runner.stopped is None
    assert len(runner.written) == 4


def test_a_spare_step_is_made_only_where_it_is_still_needed_when_its_turn_comes(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    kind = make_kind(turns=3)
    kind.is_needed = lambda step, standing: step.number != 1 and len(standing.results) in (0, 4)  # type: ignore[method-assign]
    make_runner(kind).run()
    assert rounds(tmp_path, CELLS[0]) == [0, 2]


def test_a_kind_that_begins_in_a_later_turn_is_waited_for(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    kind = make_kind(turns=4)
    kind.begins = 3
    make_runner(kind).run()
    assert rounds(tmp_path, CELLS[0]) == [3]


def test_a_turn_has_all_of_one_workload_before_the_next(make_runner: MakeRunner, view: object) -> None:
    both = (CELLS[0], msgspec.structs.replace(CELLS[0], workload="fanout_shared_client"))

    @dataclass
    class OfBoth(Kind):
        name: ClassVar[str]

        def begin(self, setup: Setup) -> None:
            pass

        def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
            del standing
            return [Step(f"{self.name} {cell.workload}", (cell,)) for cell in both] if turn == 0 else []

        def perform(self, step: Step, show: Show) -> Outcome:
            del step, show
            return Outcome("done")

    class First(OfBoth):
        name = "ladder"

    class Second(OfBoth):
        name = "hold"

    make_runner(First(), Second(), cells=both).run()
    assert view.begun == [  # type: ignore[attr-defined]
        "ladder fanout", "hold fanout", "ladder fanout_shared_client", "hold fanout_shared_client",
    ]  # fmt: skip


def test_after_each_step_everything_is_written_judged_and_shown(
    make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    kind = make_kind(turns=3)
    make_runner(kind).run()
    (family,) = kind.standings[3].families
    assert family.blocks == 3
    assert view.lines == [f"block {number}: 4 cells" for number in (1, 2, 3)]  # type: ignore[attr-defined]
    assert [len(shown) for shown in view.families] == [1, 1, 1]  # type: ignore[attr-defined]
    assert kind.standings[3].open <= {*ALL}


def test_the_run_ends_before_a_step_that_would_end_after_its_minutes(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    runner = make_runner(make_kind(turns=10), minutes=3.5)
    runner.run()
    assert rounds(tmp_path, CELLS[0]) == [0, 1, 2]
    assert runner.stopped == "The 3.5 minutes are over."


def test_a_later_run_goes_on_where_the_one_before_was_ended(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    broken = make_runner(make_kind(turns=2, goes_wrong={1: KeyboardInterrupt()}))
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert rounds(tmp_path, CELLS[0]) == [0]
    assert len(broken.results) == 4
    later = make_kind(turns=1)
    make_runner(later).run()
    assert {len(standing.results) for standing in later.standings} == {4}
    result = read(tmp_path, CELLS[0])
    assert len({block.run for block in result.cost}) == len(result.runs) == 2


def test_evidence_that_is_added_to_is_said_and_so_is_what_is_replaced(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    make_runner(make_kind()).run()
    earlier = read(tmp_path, CELLS[0])
    assert earlier.conditions is not None
    older = msgspec.structs.replace(earlier.conditions.machine, kernel="Linux 5")
    conditions = msgspec.structs.replace(earlier.conditions, machine=older)
    store.write_result(tmp_path, "m", msgspec.structs.replace(earlier, conditions=conditions))
    view.lines.clear()  # type: ignore[attr-defined]
    make_runner(make_kind()).run()
    replaced, added = view.lines[:2]  # type: ignore[attr-defined]
    assert replaced.startswith(f"{CELLS[0]}: 1 block was made under other conditions (the kernel (Linux 5 → ")
    assert replaced.endswith("They are replaced by the first block of this run.")
    assert added == "Adding to 3 earlier blocks, made under the same conditions."
    assert (len(read(tmp_path, CELLS[0]).cost), len(read(tmp_path, CELLS[1]).cost)) == (1, 2)


@pytest.mark.parametrize("error", [TrialError("it fell over"), SupervisorError("it fell over")], ids=repr)
def test_a_step_that_fails_is_the_failure_of_its_cells_and_the_next_one_is_made(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object, error: Exception
) -> None:
    kind = make_kind(turns=2, goes_wrong={0: error})
    runner = make_runner(kind)
    runner.run()
    assert [rounds(tmp_path, cell) for cell in ALL] == [[1]] * 4
    assert view.lines[0] == "block 1: failed: it fell over"  # type: ignore[attr-defined]
    assert kind.standings[1].failed == dict.fromkeys(ALL, 1)
    with pytest.raises(
        CellsFailedError, match=rf"^4 cells could not be measured in every block \({OTHER} .*it fell over"
    ):
        runner.need_all()


def test_a_step_that_was_disturbed_is_made_once_more_and_nothing_is_said_of_its_cells(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    kind = make_kind(goes_wrong={0: DisturbedError("the API ended")}, heals=True)
    runner = make_runner(kind)
    runner.run()
    assert view.lines[0] == "block 1, attempt 1: the API ended"  # type: ignore[attr-defined]
    assert [(rounds(tmp_path, cell), read(tmp_path, cell).status.state) for cell in ALL] == [([0], "ok")] * 4
    runner.need_all()


def test_a_step_that_is_disturbed_again_and_again_fails(make_runner: MakeRunner, make_kind: MakeKind) -> None:
    runner = make_runner(make_kind(goes_wrong={0: DisturbedError("the API ended")}))
    runner.run()
    with pytest.raises(CellsFailedError, match="the API ended"):
        runner.need_all()


def test_a_cell_that_does_not_come_up_says_why_in_its_file(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    runner = make_runner(make_kind(leaves_out=CELLS[:1]))
    runner.run()
    assert (read(tmp_path, CELLS[0]).status.state, read(tmp_path, CELLS[0]).status.reason) == (
        "failed",
        "It did not start.",
    )
    assert rounds(tmp_path, CELLS[1]) == [0]
    with pytest.raises(CellsFailedError, match=r"It did not start\)"):
        runner.need_all()


@pytest.mark.parametrize("error", [UsageError("what is wrong"), AssertionError()], ids=repr)
def test_any_other_error_ends_the_run(make_runner: MakeRunner, make_kind: MakeKind, error: Exception) -> None:
    kind = make_kind(turns=2, goes_wrong={0: error})
    with pytest.raises(type(error)):
        make_runner(kind).run()
    assert kind.performed == 1


def test_where_nothing_failed_nothing_is_said(make_runner: MakeRunner, make_kind: MakeKind) -> None:
    runner = make_runner(make_kind())
    runner.run()
    runner.need_all()


def test_git_is_asked_once_and_before_the_first_file_is_written(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = writing.write_together
    happened: list[str] = []

    def ask() -> str:
        happened.append("asked")
        return "clean" if "written" not in happened else "clean-dirty"

    def write(folder: Path, machine_name: str, files: Mapping[Path, bytes]) -> None:
        happened.extend("written" for _ in files)
        written(folder, machine_name, files)

    monkeypatch.setattr(git, "git_commit", ask)
    monkeypatch.setattr(writing, "write_together", write)
    make_runner(make_kind()).run()
    assert happened == ["asked", *["written"] * 4]
    assert {run.git_commit for cell in ALL for run in read(tmp_path, cell).runs} == {"clean"}


def test_provenance_is_of_one_run_and_names_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "git_commit", lambda: "clean")
    first, second = Provenance.ask(), Provenance.ask()
    assert first.run_id != second.run_id
    assert (first.git_commit, first.tool_lock_sha256) == ("clean", environments.lock_sha256("tool"))
    assert {"python", "locust", "circus"} <= first.tool_versions.keys()


# What is not there.


def test_a_cell_that_is_not_installed_is_a_failure_and_the_others_are_measured(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    runner = make_runner(make_kind(), cells=(GONE, *CELLS))
    runner.run()
    assert view.lines[0] == f"{GONE}: its environment is not installed."  # type: ignore[attr-defined]
    assert read(tmp_path, GONE).status.state == "failed"
    assert rounds(tmp_path, CELLS[0]) == [0]
    with pytest.raises(CellsFailedError, match=rf"^1 cell could not be measured in every block \({OTHER} on 3\.99"):
        runner.need_all()


def test_a_python_that_cannot_be_had_is_one_line_no_file_and_no_failure(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object, report: Path
) -> None:
    runner = make_runner(make_kind(), cells=(*CELLS, GONE), nox_report=report)
    runner.run()
    runner.need_all()
    assert view.lines[0] == "Python 3.99 was not found, which leaves out 1 cell."  # type: ignore[attr-defined]
    assert not store.path_of(tmp_path, "m", GONE).exists()


def test_a_python_that_is_not_here_is_said_by_its_own_name_whatever_was_to_be_overridden_on_it(
    make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    places = ("3.99", "3.99 with django==5.2.*")
    gone = [Cell(stack=OTHER, python=place, workload=GONE.workload) for place in places]
    keys = [(STACKS[OTHER].environment, place) for place in places]
    catalogue = replace(BUILT_IN_CATALOGUE, missing=dict.fromkeys(keys, NO_PYTHON))
    make_runner(make_kind(), cells=(*CELLS, *gone), catalogue=catalogue).run()
    assert view.lines[0] == "Python 3.99 was not found, which leaves out 2 cells."  # type: ignore[attr-defined]
    minding = make_runner(make_kind(), cells=(*CELLS, *gone), catalogue=catalogue, fail_on_missing=True)
    with pytest.raises(PythonMissingError, match=r"^Python 3\.99 was not found: .*uv python install 3\.99\)"):
        minding.run()


def test_a_reason_that_asks_is_not_ended_by_a_full_stop(
    make_runner: MakeRunner, make_kind: MakeKind, view: object
) -> None:
    why = Missing("failed", "Is its name right?")
    catalogue = replace(BUILT_IN_CATALOGUE, missing={(STACKS[OTHER].environment, "3.99"): why})
    make_runner(make_kind(), cells=(*CELLS, GONE), catalogue=catalogue).run()
    assert view.lines[0] == f"{GONE}: Is its name right?"  # type: ignore[attr-defined]


def test_an_excluded_cell_is_said_with_its_reason_has_a_file_that_says_so_and_is_no_failure(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    excluded = replace(STACKS[OTHER], not_on={"3.99": "it crashes at its start"})
    monkeypatch.setitem(STACKS, OTHER, excluded)
    runner = make_runner(make_kind(), cells=(*CELLS, GONE), fail_on_missing=True)
    runner.run()
    runner.need_all()
    said = f"Left out: {OTHER} on 3.99. It crashes at its start."
    assert view.lines[0] == said  # type: ignore[attr-defined]
    assert read(tmp_path, GONE).status == Status(state="excluded", reason="it crashes at its start")
    assert rounds(tmp_path, CELLS[0]) == [0]


def test_told_to_mind_a_missing_python_it_fails_before_anything_is_measured_or_written(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, report: Path
) -> None:
    kind = make_kind()
    runner = make_runner(kind, cells=(*CELLS, GONE), nox_report=report, fail_on_missing=True)
    with pytest.raises(PythonMissingError, match=r"^Python 3\.99 was not found: .*uv python install 3\.99"):
        runner.run()
    assert (kind.setup, kind.performed) == (None, 0)
    assert list(store.read_results(tmp_path)) == []


def test_a_file_that_cannot_be_read_is_told_before_anything_is_begun(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    path = store.path_of(tmp_path, "m", ALL[-1])
    path.parent.mkdir(parents=True)
    path.write_text("perhaps of a newer format", encoding="utf-8")
    kind = make_kind()
    with pytest.raises(ResultFileError, match=r"\.json is not a result file"):
        make_runner(kind).run()
    assert path.read_text(encoding="utf-8") == "perhaps of a newer format"
    assert kind.setup is None


def test_what_a_kind_refuses_is_told_before_anything_is_written_even_of_a_missing_cell(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind, view: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: MadeUp, _setup: Setup) -> None:
        raise UsageError("what is wrong")

    monkeypatch.setattr(MadeUp, "begin", refuse)
    with pytest.raises(UsageError, match="what is wrong"):
        make_runner(make_kind(), cells=(GONE, *CELLS)).run()
    assert list(tmp_path.iterdir()) == []
    assert view.lines == []  # type: ignore[attr-defined]


def test_a_quota_below_the_cores_that_are_used_is_refused_before_anything_is_begun(
    make_runner: MakeRunner, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "why_limited", lambda: "This control group may use 1 of the 2 cores.")
    kind = make_kind()
    with pytest.raises(MachineLimitError, match=r"^This control group may use 1 of the 2 cores\.$"):
        make_runner(kind).run()
    assert kind.setup is None


def test_a_limit_that_the_chosen_cells_do_not_fit_into_is_refused_before_anything_is_begun(
    make_runner: MakeRunner, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "tasks", lambda _: [(20, 60)])
    kind = make_kind()
    with pytest.raises(MachineLimitError, match="may start 20 more processes and threads, and what is measured needs"):
        make_runner(kind).run()
    assert kind.setup is None


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (Events(0, 0, 9), "A control group refused 7 processes or threads meanwhile: raise its limit ("),
        (Events(0, 3, 2), "A control group ended 3 processes for their memory meanwhile: raise its limit ("),
        (Events(5, 0, 2), ""),
        (Events(None, None, None), ""),
    ],
)
def test_what_failed_by_a_limit_of_the_control_group_says_so(
    make_runner: MakeRunner, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch, after: Events, said: str
) -> None:
    told = iter([Events(0, 0, 2), after])
    monkeypatch.setattr(cgroup, "read_events", lambda _: next(told))
    runner = make_runner(make_kind(goes_wrong={0: TrialError("The page has status 500.")}))
    runner.run()
    assert runner.unmeasured
    for reason in runner.unmeasured.values():
        assert reason.startswith(f"The page has status 500. {said}" if said else "The page has status 500.")
        assert said or "control group" not in reason


def test_results_of_another_machine_with_the_same_name_are_refused_and_stay(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    make_runner(make_kind()).run()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    for path, content in before.items():
        path.write_bytes(content.replace(b'"cores": ', b'"cores": 9'))
    kept = {path: path.read_bytes() for path in before}
    assert kept != before
    kind = make_kind()
    with pytest.raises(ResultFileError, match=r"holds results of another machine .* \(--machine m-2\)\.$"):
        make_runner(kind).run()
    assert kind.setup is None
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == kept


def test_a_short_listen_queue_is_said(
    make_runner: MakeRunner, make_kind: MakeKind, view: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "why_short_backlog", lambda: "This system allows 128 connections.")
    make_runner(make_kind()).run()
    assert view.lines[0] == "This system allows 128 connections."  # type: ignore[attr-defined]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_begun(
    tmp_path: Path, make_runner: MakeRunner, make_kind: MakeKind
) -> None:
    (tmp_path / "file").write_text("")
    kind = make_kind()
    with pytest.raises(ResultsFolderError, match="cannot be written"):
        make_runner(kind, folder=tmp_path / "file" / "results").run()
    assert kind.setup is None
