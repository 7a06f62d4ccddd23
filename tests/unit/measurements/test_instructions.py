"""Counts that are made up: what is known of a cell, what is made once more, and what stays when a count fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.errors import CounterMissingError, SupervisorError, TrialError
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions import kind as instructions_kind
from stackmatrix.measurements.instructions.counters import Callgrind
from stackmatrix.measurements.instructions.counting import CountedRepeat, LoadCount
from stackmatrix.measurements.instructions.kind import InstructionCounts, need_counter
from stackmatrix.measurements.request import Kind, Setup
from stackmatrix.results.instructions import Instructions
from stackmatrix.results.model import Environment
from stackmatrix.system.cores import Layout

type MakeSetup = Callable[..., Setup]
type Perform = Callable[[Kind, Setup], list[str]]

FIRST, SECOND = list(STACKS)[:2]
CELLS = cells.make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
PINNED = Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))
EVAL = Function("python", "eval")


@dataclass
class Counted:
    """The repeats that were made up, instead of real ones; ``failing`` is how many attempts at one fail."""

    environment: Environment
    failing: dict[tuple[Cell, int], int] = field(default_factory=dict)
    repeats: list[Cell] = field(default_factory=list)
    attempts: list[tuple[Cell, int]] = field(default_factory=list)
    error: type[Exception] = TrialError

    def __call__(self, subject: Subject, layout: Layout, show: Callable[[str], None]) -> "MadeUp":
        assert layout == PINNED
        assert subject.environment.prefix == Path("/nowhere")
        show("made up")
        return MadeUp(self, subject.cell)


@dataclass
class MadeUp:
    counted: Counted
    cell: Cell

    def run(self) -> CountedRepeat:
        one, number = self.counted, self.counted.repeats.count(self.cell) + 1
        one.attempts.append((self.cell, number))
        if one.attempts.count((self.cell, number)) <= one.failing.get((self.cell, number), 0):
            raise one.error("it fell over")
        one.repeats.append(self.cell)
        alone, many = LoadCount(10, Costs({EVAL: 1000 + number})), LoadCount(100, Costs({EVAL: 30_000}))
        return CountedRepeat({1: alone, 20: many}, one.environment)


@pytest.fixture
def made(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Counted:
    one = Counted(environment)
    monkeypatch.setattr(counters, "choose", lambda folder: Callgrind("valgrind-3.0", folder))
    monkeypatch.setattr(instructions_kind, "Counting", one)
    return one


@pytest.fixture
def run(make_setup: MakeSetup, perform: Perform) -> Callable[..., tuple[InstructionCounts, list[str]]]:
    """Counts cells; returns the kind and what it said of each repeat."""

    def run(*some: Cell, repeats: int = 2) -> tuple[InstructionCounts, list[str]]:
        kind = InstructionCounts(repeats=repeats)
        return kind, perform(kind, make_setup(some or CELLS, layout=PINNED))

    return run


type Run = Callable[..., tuple[InstructionCounts, list[str]]]


def counts_of(kind: InstructionCounts, cell: Cell) -> Instructions:
    record = kind.record(cell)
    assert record is not None
    assert isinstance(record.part, Instructions)
    return record.part


def test_each_cell_is_counted_so_many_times_and_every_repeat_is_known(made: Counted, run: Run) -> None:
    kind, said = run()
    assert made.repeats == [CELLS[0]] * 2 + [CELLS[1]] * 2
    counted, record = counts_of(kind, CELLS[0]), kind.record(CELLS[0])
    assert (counted.counter, counted.lock_sha256, counted.python) == ("valgrind-3.0", "0", made.environment.python)
    assert [(count.in_flight, count.requests, count.repeats) for count in counted.counts] == [
        (1, 10, (100.1, 100.2)),
        (20, 100, (300.0, 300.0)),
    ]
    assert (counted.failure, list(kind.failures())) == (None, [])
    assert record is not None
    assert (record.environment, record.run, record.trials) == (made.environment, None, ())
    assert said == ["instructions per request: 0.00 million at 1 in flight, 0.00 million at 20 in flight"] * 4


def test_a_cells_file_is_written_after_its_last_repeat_so_that_an_interrupt_keeps_the_earlier_counts(
    made: Counted, make_setup: MakeSetup
) -> None:
    steps = InstructionCounts(repeats=3).begin(make_setup(CELLS))
    assert [step.cells for step in steps] == [(), (), CELLS[:1], (), (), CELLS[1:]]
    assert made.repeats == []


def test_a_cell_that_was_not_counted_has_nothing(made: Counted, make_setup: MakeSetup) -> None:
    kind = InstructionCounts()
    steps = kind.begin(make_setup(CELLS[:1], layout=PINNED))
    assert [step.label for step in steps] == [f"{CELLS[0]}, repeat {number}" for number in (1, 2, 3)]
    assert (kind.record(CELLS[0]), made.attempts) == (None, [])


def test_a_count_says_of_which_commit_it_is(made: Counted, make_setup: MakeSetup, perform: Perform) -> None:
    kind, setup = InstructionCounts(repeats=1), make_setup(CELLS, layout=PINNED)
    perform(kind, setup)
    assert {counts_of(kind, cell).git_commit for cell in CELLS} == {setup.provenance.git_commit}
    assert made.repeats == [*CELLS]


@pytest.mark.parametrize(("error", "attempts"), [(TrialError, 2), (SupervisorError, 1)])
def test_a_cell_that_cannot_be_counted_keeps_its_reason_and_the_repeats_before_and_the_others_go_on(
    made: Counted, run: Run, error: type[Exception], attempts: int
) -> None:
    made.error, made.failing = error, {(CELLS[0], 2): 2}
    kind, said = run(repeats=3)
    assert made.repeats == [CELLS[0]] + [CELLS[1]] * 3
    assert made.attempts.count((CELLS[0], 2)) == attempts
    failed = counts_of(kind, CELLS[0])
    assert failed.failure == "it fell over"
    assert [len(count.repeats) for count in failed.counts] == [1, 1]
    assert list(kind.failures()) == [CELLS[0]]
    assert said[1:3] == ["failed: it fell over", "it fell over"]


def test_a_cell_that_cannot_be_counted_at_all_has_no_counts(made: Counted, run: Run) -> None:
    made.failing = {(CELLS[0], 1): 2}
    kind, _ = run(CELLS[0])
    failed = counts_of(kind, CELLS[0])
    assert (failed.counts, failed.failure, failed.python) == ((), "it fell over", None)
    assert made.repeats == []


def test_a_repeat_that_fails_once_is_made_once_more(made: Counted, run: Run) -> None:
    made.failing = {(CELLS[0], 2): 1}
    kind, _ = run(CELLS[0])
    counted = counts_of(kind, CELLS[0])
    assert (counted.failure, list(kind.failures())) == (None, [])
    assert [len(count.repeats) for count in counted.counts] == [2, 2]
    assert made.repeats == [CELLS[0]] * 2
    assert len(made.attempts) == 3


def test_the_counter_is_chosen_in_a_folder_of_its_own_that_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []

    def choose(folder: Path) -> Callgrind:
        assert folder.is_dir()
        folders.append(folder)
        return Callgrind("valgrind-3.0", folder)

    monkeypatch.setattr(counters, "choose", choose)
    assert need_counter() == "valgrind-3.0"
    assert [folder.exists() for folder in folders] == [False]


def test_a_machine_without_a_counter_is_told_before_anything_starts(
    made: Counted, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(_: Path) -> None:
        raise CounterMissingError(counters.MISSING)

    monkeypatch.setattr(counters, "choose", choose)
    with pytest.raises(CounterMissingError, match="apt install valgrind"):
        run()
    assert made.attempts == []
