"""What all kinds of measurement share, with kinds that are made up: what is minded, performed, written and kept."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from rich.console import Console

from stackmatrix.errors import (
    CellsFailedError,
    PythonMissingError,
    ResultFileError,
    ResultsFolderError,
    SupervisorError,
    TrialError,
    UsageError,
)
from stackmatrix.matrix.cells import Cell, Installation, make_cells, with_twins
from stackmatrix.matrix.stacks import PYTHONS, REFERENCE_STACK, STACKS
from stackmatrix.measurements.request import Kind, Provenance, Record, Request, Setup, Show, Step
from stackmatrix.measurements.runner import Runner
from stackmatrix.results import store
from stackmatrix.results.instructions import InstructionCount, Instructions
from stackmatrix.results.model import Environment, Result, Status
from stackmatrix.results.trials import Run, Trial
from stackmatrix.results.types import State
from stackmatrix.system import cores, git
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import environments

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)
CELLS = make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], ("fanout",))
TWIN = Cell(stack=REFERENCE_STACK, python=PYTHONS[0], workload="fanout", twin=True)
GONE = Cell(stack=OTHER, python="3.99", workload="fanout")

COUNT = InstructionCount(in_flight=1, requests=10, repeats=(1.0,), mean=1.0, low=None, high=None)


@dataclass
class MadeUp(Kind):
    """Puts a part into each cell's file: one count for each time that the cell was performed.

    ``goes_wrong`` has what is raised by steps, by their place. It measures cell by cell, ``blocks`` times.
    """

    blocks: int = 1
    goes_wrong: dict[int, BaseException] = field(default_factory=dict)
    said_at_the_end: str | None = None
    enough_at: int | None = None
    environment: Environment | None = None
    done: ClassVar[str] = "made up"
    performed: list[Cell] = field(default_factory=list)
    reasons: dict[Cell, str] = field(default_factory=dict)
    setup: Setup | None = None

    def begin(self, setup: Setup) -> Sequence[Step]:
        self.setup = setup
        every = [cell for _ in range(self.blocks) for cell in setup.cells]
        return [Step(f"{cell}", (cell,), place) for place, cell in enumerate(every)]

    def is_enough(self, step: Step) -> bool:
        return step.place == self.enough_at

    def perform(self, step: Step, show: Show) -> str:
        show("making it up")
        if step.place in self.goes_wrong:
            raise self.goes_wrong[step.place]
        self.performed += step.cells
        return "fine"

    def conclude(self) -> str | None:
        return self.said_at_the_end

    def fail(self, step: Step, reason: str) -> None:
        self.reasons |= dict.fromkeys(step.cells, reason)

    def record(self, cell: Cell) -> Record | None:
        if cell not in self.performed and cell not in self.reasons:
            return None
        assert self.setup is not None
        part = Instructions(
            counter="made up", started="", duration_s=1, git_commit=self.setup.provenance.git_commit, python=None,
            lock_sha256="0", counts=(COUNT,) * self.performed.count(cell), failure=self.reasons.get(cell),
        )  # fmt: skip
        return Record(self.environment, part)

    def failures(self) -> Iterable[Cell]:
        return self.reasons


@dataclass
class MadeUpTrials(MadeUp):
    """Makes whole files in place of a part, with a trial for each time that the cell was performed."""

    done: ClassVar[str] = "tried"
    makes_files: ClassVar[bool] = True

    def record(self, cell: Cell) -> Record:
        assert self.setup is not None
        made = self.setup.provenance
        run = Run(
            id=made.run_id, started=made.started, seed=1, profile="quick", ladder=(), blocks=self.blocks, warmup_s=0,
            settle_s=0, window_s=1, tool_versions={}, tool_lock_sha256=None, git_commit=made.git_commit,
        )  # fmt: skip
        trials = tuple(
            Trial(block=block, order=0, seed=1, started="", duration_s=1, load_s=1, levels=())
            for block in range(self.performed.count(cell))
        )
        state: State = "failed" if cell in self.reasons else "ok"
        return Record(self.environment, run=run, trials=trials, status=Status(state=state))


type MakeRunner = Callable[..., Runner]


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def make_runner(tmp_path: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> MakeRunner:
    """A runner of a machine on which the cells are installed, and no others."""
    here = {(cell.stack, cell.python): Installation(Path("/nowhere"), "0") for cell in CELLS}
    monkeypatch.setattr(environments, "installed", lambda: here)

    def make(kind: Kind, cells: Sequence[Cell] = CELLS, **changed: object) -> Runner:
        asked: dict[str, object] = {"cells": tuple(cells), "seed": 1, "folder": tmp_path, "machine_name": "m"}
        return Runner(Request(**{**asked, **changed}), kind, Console(file=screen, width=500))  # type: ignore[arg-type]

    return make


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """nox's own report, which says that the Python of one cell cannot be had."""
    path = tmp_path / "report.json"
    session = f'{{"signatures": ["bench-{GONE.stack}-{GONE.python}"], "result": "skipped"}}'
    path.write_text(f'{{"sessions": [{session}]}}', encoding="utf-8")
    return path


def read(folder: Path, cell: Cell) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "name")


def counted(folder: Path, cell: Cell) -> Instructions:
    found = read(folder, cell).instructions
    assert found is not None
    return found


def on_screen(screen: io.StringIO) -> list[str]:
    return screen.getvalue().splitlines()


def test_every_step_is_performed_in_turn_and_each_cells_file_has_what_came_of_it(
    tmp_path: Path, make_runner: MakeRunner
) -> None:
    kind = MadeUp(blocks=2)
    written = make_runner(kind).run()
    assert kind.performed == [*CELLS, TWIN] * 2
    assert [one.result.cell for one in written] == [*CELLS, TWIN]
    assert all(one.is_new for one in written)
    for one in written:
        assert read(tmp_path, one.result.cell) == one.result
        assert one.path == store.path_of(tmp_path, "m", one.result.cell)
        assert len(counted(tmp_path, one.result.cell).counts) == 2


def test_a_kind_is_given_the_subjects_that_are_there_and_the_machine(tmp_path: Path, make_runner: MakeRunner) -> None:
    kind = MadeUp(blocks=2)
    runner = make_runner(kind, (GONE, *CELLS))
    runner.run()
    setup = kind.setup
    assert setup is not None
    assert setup.cells == (*CELLS, TWIN)
    assert {cell: subject.cell for cell, subject in setup.subjects.items()} == {cell: cell for cell in setup.cells}
    assert {subject.environment for subject in setup.subjects.values()} == {Installation(Path("/nowhere"), "0")}
    assert (setup.machine_name, runner.machine_name, setup.request.folder) == ("m", "m", tmp_path)
    assert setup.machine.pinning == setup.layout.roles()


def test_the_cores_are_divided_for_as_many_generators_as_were_asked_for(
    tmp_path: Path, make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(target=(7,), generator=(1, 2, 3), api=(4,), harness=(5,))
    monkeypatch.setattr(cores, "divide_cores", {3: layout}.get)
    kind = MadeUp()
    make_runner(kind, generators=3).run()
    assert kind.setup is not None
    assert kind.setup.layout == layout
    assert read(tmp_path, CELLS[0]).machine.pinning == layout.roles()


def test_without_a_name_the_machines_folder_is_named_after_it(tmp_path: Path, make_runner: MakeRunner) -> None:
    runner = make_runner(MadeUp(), machine_name=None)
    before = runner.machine_name
    (path, _) = (one.path for one in runner.run())
    assert path.relative_to(tmp_path).parts[0] == runner.machine_name == before
    assert before.endswith("-cores")


def test_a_twin_stands_beside_its_cell_in_a_file_of_its_own_where_there_are_several_blocks(
    tmp_path: Path, make_runner: MakeRunner
) -> None:
    make_runner(MadeUp(blocks=1)).run()
    place = tmp_path / "m" / "fanout" / REFERENCE_STACK / f"{PYTHONS[0]}.twin.json"
    assert not place.exists()
    make_runner(MadeUp(blocks=2)).run()
    assert store.read_result(place, "name").cell == TWIN


def test_a_twin_whose_cell_is_another_than_was_asked_for_is_among_what_was_written(make_runner: MakeRunner) -> None:
    # The newest Python would have had the twin, and is not there.
    newest = Cell(stack=REFERENCE_STACK, python="3.99", workload="fanout")
    runner = make_runner(MadeUp(blocks=2), (*CELLS, newest))
    assert with_twins(runner.request.cells, 2)[-1].python == "3.99"
    assert [one.result.cell for one in runner.run()] == [*CELLS, TWIN]


def test_after_each_step_its_cells_are_written_before_the_next_begins(tmp_path: Path, make_runner: MakeRunner) -> None:
    seen: list[list[Cell]] = []

    class Looks(MadeUp):
        def perform(self, step: Step, show: Show) -> str:
            seen.append([result.cell for _, result in store.read_results(tmp_path) if isinstance(result, Result)])
            return super().perform(step, show)

    make_runner(Looks()).run()
    assert seen == [[], [CELLS[0]]]


def test_what_was_measured_before_an_interrupt_is_written_and_known(tmp_path: Path, make_runner: MakeRunner) -> None:
    kind = MadeUp(blocks=2, goes_wrong={4: KeyboardInterrupt()})
    runner = make_runner(kind)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert kind.performed == [*CELLS, TWIN, CELLS[0]]
    assert [len(counted(tmp_path, cell).counts) for cell in (*CELLS, TWIN)] == [2, 1, 1]
    assert [one.result for one in runner.files] == [read(tmp_path, cell) for cell in (*CELLS, TWIN)]


@pytest.mark.parametrize("error", [TrialError("it fell over"), SupervisorError("it fell over")], ids=repr)
def test_a_step_that_fails_is_the_failure_of_its_cell_and_the_others_go_on(
    tmp_path: Path, make_runner: MakeRunner, screen: io.StringIO, error: Exception
) -> None:
    kind = MadeUp(goes_wrong={0: error})
    runner = make_runner(kind)
    runner.run()
    assert kind.performed == [CELLS[1]]
    assert (counted(tmp_path, CELLS[0]).failure, counted(tmp_path, CELLS[1]).failure) == ("it fell over", None)
    assert f"[1/2] {CELLS[0]}: failed: it fell over" in screen.getvalue()
    with pytest.raises(CellsFailedError) as failed:
        runner.need_all()
    assert str(failed.value).startswith(f"1 cells could not be made up ({CELLS[0]}): ")


@pytest.mark.parametrize("error", [UsageError("what is wrong"), AssertionError()], ids=repr)
def test_any_other_error_ends_the_run(make_runner: MakeRunner, error: Exception) -> None:
    kind = MadeUp(goes_wrong={0: error})
    with pytest.raises(type(error)):
        make_runner(kind).run()
    assert kind.performed == []


def test_what_measures_no_cell_ends_with_its_first_failure(tmp_path: Path, make_runner: MakeRunner) -> None:
    class OfTheMachine(Kind):
        done: ClassVar[str] = "looked at"

        def begin(self, _: Setup) -> Sequence[Step]:
            return [Step("first"), Step("second", place=1)]

        def perform(self, step: Step, _: Show) -> str:
            assert step.place == 0
            raise TrialError("It did not start.")

    runner = make_runner(OfTheMachine(), ())
    with pytest.raises(TrialError, match=r"^It did not start\.$"):
        runner.run()
    assert runner.files == []
    assert list(store.read_results(tmp_path)) == []


def test_where_nothing_failed_nothing_is_said(make_runner: MakeRunner) -> None:
    runner = make_runner(MadeUp())
    runner.run()
    runner.need_all()


def test_each_step_is_a_line_with_how_it_went(make_runner: MakeRunner, screen: io.StringIO) -> None:
    make_runner(MadeUp()).run()
    first, second = on_screen(screen)
    assert first.startswith(f"[1/2] {CELLS[0]}: fine, about ")
    assert second == f"[2/2] {CELLS[1]}: fine"


def test_a_kind_may_say_that_it_is_enough_and_the_rest_is_not_performed(make_runner: MakeRunner) -> None:
    kind = MadeUp(blocks=3, enough_at=6)
    make_runner(kind).run()
    assert kind.performed == [*CELLS, TWIN] * 2


def test_a_conclusion_is_shown_and_reaches_the_file_of_every_cell(
    tmp_path: Path, make_runner: MakeRunner, screen: io.StringIO
) -> None:
    class Concludes(MadeUp):
        def conclude(self) -> str:
            self.reasons = dict.fromkeys(CELLS, "concluded")
            return "After [all]: concluded."

    make_runner(Concludes()).run()
    assert on_screen(screen)[-1] == "After [all]: concluded."
    assert [counted(tmp_path, cell).failure for cell in CELLS] == ["concluded"] * 2


def test_without_any_step_nothing_is_concluded(make_runner: MakeRunner, screen: io.StringIO) -> None:
    assert make_runner(MadeUp(said_at_the_end="concluded"), (GONE,)).run() == []
    assert "concluded" not in screen.getvalue()


def test_git_is_asked_once_and_before_the_first_file_is_written(
    tmp_path: Path, make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = store.write_result
    happened: list[str] = []

    def ask() -> str:
        happened.append("asked")
        return "clean" if "written" not in happened else "clean-dirty"

    def write(folder: Path, machine_name: str, result: Result) -> Path:
        happened.append("written")
        return written(folder, machine_name, result)

    monkeypatch.setattr(git, "git_commit", ask)
    monkeypatch.setattr(store, "write_result", write)
    make_runner(MadeUp()).run()
    assert happened == ["asked", "written", "written"]
    assert [counted(tmp_path, cell).git_commit for cell in CELLS] == ["clean"] * 2


def test_provenance_is_of_one_run_and_names_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "git_commit", lambda: "clean")
    first, second = Provenance.ask(), Provenance.ask()
    assert first.run_id != second.run_id
    assert (first.git_commit, first.tool_lock_sha256) == ("clean", environments.lock_sha256("tool"))
    assert {"python", "locust", "circus"} <= first.tool_versions.keys()


# What is not there.


@pytest.mark.parametrize("kind", [MadeUp, MadeUpTrials])
def test_a_cell_that_is_not_installed_is_a_failure_and_the_others_are_measured(
    make_runner: MakeRunner, screen: io.StringIO, kind: type[MadeUp]
) -> None:
    made = kind()
    runner = make_runner(made, (GONE, *CELLS))
    runner.run()
    assert made.performed == [*CELLS]
    assert on_screen(screen)[0] == f"{GONE}: failed, its environment is not installed."
    with pytest.raises(CellsFailedError, match=rf"^1 cells could not be {made.done} \({GONE.stack} on 3\.99, fanout\)"):
        runner.need_all()


@pytest.mark.parametrize("kind", [MadeUp, MadeUpTrials])
def test_a_python_that_cannot_be_had_is_skipped_and_no_failure(
    make_runner: MakeRunner, report: Path, screen: io.StringIO, kind: type[MadeUp]
) -> None:
    made = kind()
    runner = make_runner(made, (*CELLS, GONE), nox_report=report)
    runner.run()
    runner.need_all()
    assert made.performed == [*CELLS]
    assert on_screen(screen)[0] == f"{GONE}: skipped, this Python was not found on the machine."


def test_what_makes_whole_files_makes_that_of_a_missing_cell_too_again_and_again(
    tmp_path: Path, make_runner: MakeRunner, report: Path, screen: io.StringIO
) -> None:
    for nox_report, state in ((report, "skipped"), (None, "failed"), (None, "failed"), (report, "skipped")):
        written = make_runner(MadeUpTrials(), (GONE, *CELLS), nox_report=nox_report).run()
        assert [one.result.status.state for one in written] == [state, "ok", "ok"]
        gone = read(tmp_path, GONE)
        assert (gone.trials, gone.environment) == ((), None)
        assert gone.run is not None
        assert gone.status.reason is not None
    assert "stays" not in screen.getvalue()


def test_what_only_adds_a_part_makes_no_file_of_a_missing_cell(tmp_path: Path, make_runner: MakeRunner) -> None:
    written = make_runner(MadeUp(), (GONE, *CELLS)).run()
    assert [one.result.cell for one in written] == [*CELLS]
    assert not store.path_of(tmp_path, "m", GONE).exists()


@pytest.mark.parametrize("kind", [MadeUp, MadeUpTrials])
def test_what_was_measured_of_a_missing_cell_stays_and_that_is_said(
    tmp_path: Path, make_runner: MakeRunner, screen: io.StringIO, result: Result, kind: type[MadeUp]
) -> None:
    earlier = msgspec.structs.replace(result, cell=GONE)
    store.write_result(tmp_path, "m", earlier)
    runner = make_runner(kind(), (GONE, *CELLS))
    assert [one.result.cell for one in runner.run()] == [*CELLS]
    assert read(tmp_path, GONE) == earlier
    assert on_screen(screen)[0].endswith("is not installed. The earlier result stays.")
    with pytest.raises(CellsFailedError):
        runner.need_all()


def test_what_cannot_be_read_of_a_missing_cell_stays(tmp_path: Path, make_runner: MakeRunner) -> None:
    path = store.path_of(tmp_path, "m", GONE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"perhaps of a newer format")
    make_runner(MadeUpTrials(), (GONE, *CELLS)).run()
    assert path.read_bytes() == b"perhaps of a newer format"


@pytest.mark.parametrize("kind", [MadeUp, MadeUpTrials])
def test_told_to_mind_a_missing_python_it_fails_before_anything_is_measured_or_written(
    tmp_path: Path, make_runner: MakeRunner, report: Path, kind: type[MadeUp]
) -> None:
    made = kind()
    runner = make_runner(made, (*CELLS, GONE), nox_report=report, fail_on_missing=True)
    with pytest.raises(PythonMissingError, match=r"^Python 3\.99 was not found: .*uv python install 3\.99"):
        runner.run()
    assert (made.setup, made.performed) == (None, [])
    assert list(store.read_results(tmp_path)) == []


def test_missing_pythons_are_named_by_age(make_runner: MakeRunner, tmp_path: Path) -> None:
    cells = [Cell(stack=OTHER, python=python, workload="fanout") for python in ("3.100", "3.99", "3.100")]
    names = ", ".join(f'"bench-{cell.stack}-{cell.python}"' for cell in cells)
    report = tmp_path / "pythons.json"
    report.write_text(f'{{"sessions": [{{"signatures": [{names}], "result": "skipped"}}]}}', encoding="utf-8")
    with pytest.raises(PythonMissingError, match=r"^Python 3\.99, 3\.100 was not found"):
        make_runner(MadeUp(), cells, nox_report=report, fail_on_missing=True).run()


def test_an_environment_that_is_not_installed_is_no_missing_python(make_runner: MakeRunner) -> None:
    kind = MadeUp()
    make_runner(kind, (*CELLS, GONE), fail_on_missing=True).run()
    assert kind.performed == [*CELLS]


# What was there before.


def test_what_was_measured_of_the_cell_stays_beside_the_part(
    tmp_path: Path, make_runner: MakeRunner, result: Result, environment: Environment
) -> None:
    before = msgspec.structs.replace(result, cell=CELLS[0], format_version=3, environment=environment)
    store.write_result(tmp_path, "m", before)
    make_runner(MadeUp(environment=environment)).run()
    after = read(tmp_path, CELLS[0])
    assert after.instructions is not None
    assert msgspec.structs.replace(after, instructions=None, format_version=3) == before


def test_a_cell_of_which_only_a_part_was_measured_has_no_run(
    tmp_path: Path, make_runner: MakeRunner, environment: Environment
) -> None:
    make_runner(MadeUp(environment=environment)).run()
    assert [read(tmp_path, cell).run for cell in CELLS] == [None, None]
    assert [read(tmp_path, cell).environment for cell in CELLS] == [environment] * 2


@pytest.mark.parametrize("spoilt", [CELLS[1], TWIN], ids=str)
def test_a_file_that_cannot_be_read_gets_no_part_and_nothing_is_begun(
    tmp_path: Path, make_runner: MakeRunner, spoilt: Cell
) -> None:
    path = store.path_of(tmp_path, "m", spoilt)
    path.parent.mkdir(parents=True)
    path.write_text("perhaps of a newer format", encoding="utf-8")
    kind = MadeUp(blocks=2)
    with pytest.raises(ResultFileError, match=r"\.json is not a result file"):
        make_runner(kind).run()
    assert path.read_text(encoding="utf-8") == "perhaps of a newer format"
    assert (kind.setup, kind.performed) == (None, [])


def test_what_makes_whole_files_makes_one_in_place_of_what_cannot_be_read(
    tmp_path: Path, make_runner: MakeRunner
) -> None:
    path = store.path_of(tmp_path, "m", CELLS[1])
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    make_runner(MadeUpTrials()).run()
    assert len(read(tmp_path, CELLS[1]).trials) == 1


def test_what_a_kind_refuses_is_told_before_anything_is_written_even_of_a_missing_cell(
    tmp_path: Path, make_runner: MakeRunner, screen: io.StringIO
) -> None:
    class Refuses(MadeUpTrials):
        def begin(self, _: Setup) -> Sequence[Step]:
            raise UsageError("what is wrong")

    with pytest.raises(UsageError, match="what is wrong"):
        make_runner(Refuses(), (GONE, *CELLS)).run()
    assert list(tmp_path.iterdir()) == []
    assert screen.getvalue() == ""


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_begun(
    tmp_path: Path, make_runner: MakeRunner
) -> None:
    (tmp_path / "file").write_text("")
    kind = MadeUp()
    with pytest.raises(ResultsFolderError, match="cannot be written"):
        make_runner(kind, folder=tmp_path / "file" / "results").run()
    assert kind.setup is None


def test_a_run_without_figures_leaves_those_of_before_and_says_so(
    tmp_path: Path, make_runner: MakeRunner, screen: io.StringIO, result: Result
) -> None:
    earlier = msgspec.structs.replace(result, cell=CELLS[0])
    store.write_result(tmp_path, "m", earlier)
    written = make_runner(MadeUpTrials()).run()
    assert read(tmp_path, CELLS[0]) == earlier
    assert [(one.result.cell, one.is_new) for one in written] == [(CELLS[0], False), (CELLS[1], True)]
    assert written[0].result == earlier
    first, second = on_screen(screen)
    assert "fine; the earlier result is worth more and stays" in first
    assert "stays" not in second


def test_a_cell_that_fails_where_the_file_of_before_stays_has_failed_all_the_same(
    tmp_path: Path, make_runner: MakeRunner, result: Result
) -> None:
    earlier = msgspec.structs.replace(result, cell=CELLS[0])
    store.write_result(tmp_path, "m", earlier)
    runner = make_runner(MadeUpTrials(goes_wrong={0: TrialError("it fell over")}))
    runner.run()
    assert read(tmp_path, CELLS[0]) == earlier
    with pytest.raises(CellsFailedError, match=f"1 cells could not be tried .{CELLS[0]}"):
        runner.need_all()


def test_a_file_stays_new_though_its_last_step_adds_nothing(tmp_path: Path, make_runner: MakeRunner) -> None:
    class AddsOnce(MadeUp):
        def record(self, cell: Cell) -> Record | None:
            self.performed = list(dict.fromkeys(self.performed))
            return super().record(cell)

    written = make_runner(AddsOnce(blocks=2), CELLS[1:]).run()
    assert [one.is_new for one in written] == [True, True]
    assert len(counted(tmp_path, CELLS[1]).counts) == 1
