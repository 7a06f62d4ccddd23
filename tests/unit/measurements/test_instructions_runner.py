"""Counts that are made up: what is written, what is kept of the cell's file, and what stays when a count fails."""

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.errors import CounterMissingError, ResultFileError, TrialError
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions import runner as count_runner
from stackmatrix.measurements.instructions.counters import Callgrind
from stackmatrix.measurements.instructions.counting import Count, Counted
from stackmatrix.measurements.instructions.runner import CountPlan, CountRunner
from stackmatrix.results import store
from stackmatrix.results.model import Environment, Result
from stackmatrix.results.types import PythonBuild
from stackmatrix.system import git, ports
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import TargetEnvironment

FIRST, SECOND = list(STACKS)[:2]
CELLS = cells.make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
ENVIRONMENT = Environment(
    python=PythonBuild(version="3.12.1", implementation="CPython", compiler="GCC", optimised=True, gil=True),
    packages={"django": "6"}, lock_sha256="0", command=("serve",), variables={},
)  # fmt: skip
EVAL = Function("python", "eval")


@pytest.fixture
def failing() -> dict[tuple[Cell, int], int]:
    """How many attempts fail, by cell and repeat."""
    return {}


@pytest.fixture
def made(failing: dict[tuple[Cell, int], int], monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """The cells of the repeats that were made up, instead of real ones; all cells are installed."""
    repeats: list[Cell] = []
    attempts: list[tuple[Cell, int]] = []

    class MadeUp:
        def __init__(self, cell: Cell, _env: TargetEnvironment, _layout: Layout, show: Callable[[str], None]):
            self.cell, self.show = cell, show

        def run(self) -> Counted:
            self.show("made up")
            number = repeats.count(self.cell) + 1
            attempts.append((self.cell, number))
            if attempts.count((self.cell, number)) <= failing.get((self.cell, number), 0):
                raise TrialError("it fell over")
            repeats.append(self.cell)
            alone, many = Count(10, Costs({EVAL: 1000 + number})), Count(100, Costs({EVAL: 30_000}))
            return Counted({1: alone, 20: many}, ENVIRONMENT)

    installed = {(name, PYTHONS[0]): TargetEnvironment(name, PYTHONS[0], Path("/no"), "0") for name in (FIRST, SECOND)}
    monkeypatch.setattr(environments, "installed", lambda: installed)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)
    monkeypatch.setattr(counters, "choose", lambda folder: Callgrind("valgrind-3.0", folder))
    monkeypatch.setattr(count_runner, "CountRun", MadeUp)
    return repeats


def make_runner(folder: Path, *cells: Cell, repeats: int = 2) -> CountRunner:
    count_plan = CountPlan(cells or CELLS, repeats, folder, machine_name="m")
    return CountRunner(count_plan, Console(file=io.StringIO()))


def read(folder: Path, cell: Cell) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "name")


def test_each_cell_is_counted_so_many_times_and_its_file_has_every_repeat(tmp_path: Path, made: list[Cell]) -> None:
    runner = make_runner(tmp_path)
    written = runner.run()
    assert made == [CELLS[0]] * 2 + [CELLS[1]] * 2
    assert [one.result for one in written] == [read(tmp_path, cell) for cell in CELLS]
    counted = read(tmp_path, CELLS[0]).instructions
    assert counted is not None
    assert (counted.counter, counted.lock_sha256, counted.python) == ("valgrind-3.0", "0", ENVIRONMENT.python)
    assert [(count.in_flight, count.requests, count.repeats) for count in counted.counts] == [
        (1, 10, (100.1, 100.2)),
        (20, 100, (300.0, 300.0)),
    ]
    assert (counted.failure, runner.failed) == (None, [])
    assert read(tmp_path, CELLS[0]).environment == ENVIRONMENT


def test_what_was_measured_of_the_cell_stays(tmp_path: Path, made: list[Cell], result: Result) -> None:
    before = msgspec.structs.replace(result, cell=CELLS[0], format_version=1, environment=ENVIRONMENT)
    store.write_result(tmp_path, "m", before)
    make_runner(tmp_path, CELLS[0]).run()
    after = read(tmp_path, CELLS[0])
    assert after.instructions is not None
    assert msgspec.structs.replace(after, instructions=None, format_version=1) == before
    assert len(made) == 2


def test_git_is_asked_once_and_before_the_first_file_is_written(
    tmp_path: Path, made: list[Cell], monkeypatch: pytest.MonkeyPatch
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
    make_runner(tmp_path).run()
    assert happened == ["asked", "written", "written"]
    assert [one.git_commit for cell in CELLS if (one := read(tmp_path, cell).instructions)] == ["clean"] * 2
    assert len(made) == 4


def test_a_cell_that_was_only_counted_has_no_run(tmp_path: Path, made: list[Cell]) -> None:
    make_runner(tmp_path).run()
    assert [read(tmp_path, cell).run for cell in CELLS] == [None, None]
    assert made


def test_a_cell_that_cannot_be_counted_keeps_its_reason_and_the_repeats_before_and_the_others_go_on(
    tmp_path: Path, made: list[Cell], failing: dict[tuple[Cell, int], int]
) -> None:
    failing[CELLS[0], 2] = 2
    runner = make_runner(tmp_path, repeats=3)
    runner.run()
    assert made == [CELLS[0]] + [CELLS[1]] * 3
    failed = read(tmp_path, CELLS[0]).instructions
    assert failed is not None
    assert failed.failure == "it fell over"
    assert [len(count.repeats) for count in failed.counts] == [1, 1]
    assert runner.failed == [CELLS[0]]


def test_a_cell_that_cannot_be_counted_at_all_has_no_counts(
    tmp_path: Path, made: list[Cell], failing: dict[tuple[Cell, int], int]
) -> None:
    failing[CELLS[0], 1] = 2
    make_runner(tmp_path, CELLS[0]).run()
    failed = read(tmp_path, CELLS[0]).instructions
    assert failed is not None
    assert (failed.counts, failed.failure, failed.python) == ((), "it fell over", None)
    assert made == []


def test_a_repeat_that_fails_once_is_made_once_more(
    tmp_path: Path, made: list[Cell], failing: dict[tuple[Cell, int], int]
) -> None:
    failing[CELLS[0], 2] = 1
    runner = make_runner(tmp_path, CELLS[0])
    runner.run()
    counted = read(tmp_path, CELLS[0]).instructions
    assert counted is not None
    assert (counted.failure, runner.failed) == (None, [])
    assert [len(count.repeats) for count in counted.counts] == [2, 2]
    assert made == [CELLS[0]] * 2


@pytest.mark.usefixtures("made")
def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = store.path_of(tmp_path, "m", CELLS[1])
    path.parent.mkdir(parents=True)
    path.write_text("perhaps of a newer format", encoding="utf-8")
    with pytest.raises(ResultFileError, match=f"{PYTHONS[0]}.json is not a result file"):
        make_runner(tmp_path).run()
    assert path.read_text(encoding="utf-8") == "perhaps of a newer format"


def test_a_machine_without_a_counter_is_told_before_anything_starts(
    tmp_path: Path, made: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(_: Path) -> None:
        raise CounterMissingError(counters.MISSING)

    monkeypatch.setattr(counters, "choose", choose)
    with pytest.raises(CounterMissingError, match="apt install valgrind"):
        make_runner(tmp_path).run()
    assert made == []
    assert list(tmp_path.glob("m")) == []
