"""Counts that are made up: what is counted when, with which hash seed, and what becomes of a count that fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from stackmatrix.errors import CounterMissingError, SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell, Subject, controls_of, make_cells
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.measurements.counts import counters
from stackmatrix.measurements.counts import kind as counts_kind
from stackmatrix.measurements.counts.counters import Callgrind
from stackmatrix.measurements.counts.counting import Counted, CountedLoad, as_measured
from stackmatrix.measurements.counts.kind import ESTIMATE_S, Counts, need_counter
from stackmatrix.measurements.counts.sameness import HASH_SEEDS
from stackmatrix.measurements.request import Outcome, Setup, Standing, Step
from stackmatrix.results.conditions import Environment
from stackmatrix.results.counts import CountBlock, InstructionCount
from stackmatrix.system.cores import Layout

FIRST, SECOND = list(STACKS)[:2]
CELLS = make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
PINNED = Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))
COUNT = InstructionCount(in_flight=1, requests=10, instructions=7_300_000, idle=20_000)


@dataclass
class Countings:
    """Stands for the counting of a subject; ``failing`` is how many of the first attempts fail."""

    environment: Environment
    failing: int = 0
    error: type[Exception] = TrialError
    seeds: list[tuple[Cell, int]] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    """Of the last one that was asked for."""

    def __call__(
        self,
        subject: Subject,
        layout: Layout,
        hash_seed: int,
        show: Callable[[str], None],
        loads: Sequence[CountedLoad],
    ) -> "Countings":
        assert layout == PINNED
        self.in_flight = [one.in_flight for one in loads]
        show("made up")
        self.next = subject.cell, hash_seed
        return self

    def run(self) -> Counted:
        self.seeds.append(self.next)
        if len(self.seeds) <= self.failing:
            raise self.error("it fell over")
        return Counted((COUNT,), "valgrind-3.0", self.environment)


@pytest.fixture
def made(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Countings:
    one = Countings(environment)
    monkeypatch.setattr(counters, "choose", lambda folder: Callgrind("valgrind-3.0", folder))
    monkeypatch.setattr(counts_kind, "Counting", one)
    return one


@pytest.fixture
def begin(made: Countings, make_setup: Callable[..., Setup]) -> Callable[..., Counts]:
    del made

    def begin(*cells: Cell, counts: int = 2) -> Counts:
        kind = Counts()
        kind.begin(make_setup(cells or CELLS, layout=PINNED, profile=replace(PROFILES["deep"], counts=counts)))
        return kind

    return begin


type Begin = Callable[..., Counts]
type MakeStanding = Callable[..., Standing]


def perform(kind: Counts, step: Step) -> Outcome:
    return kind.perform(step, lambda _: None)


def test_every_cell_is_counted_once_a_turn_from_the_second_on_until_its_rounds_are_done(
    begin: Begin, make_standing: MakeStanding
) -> None:
    kind, standing = begin(counts=2), make_standing()
    turns = [kind.steps(turn, standing) for turn in range(4)]
    assert [[(step.cells, step.number) for step in steps] for steps in turns] == [
        [],
        [((cell,), 0) for cell in CELLS],
        [((cell,), 1) for cell in CELLS],
        [],
    ]
    assert turns[1][0].label == f"{CELLS[0]}, count 1"


def test_controls_are_not_counted_nor_what_has_failed_twice(begin: Begin, make_standing: MakeStanding) -> None:
    kind = begin(*CELLS, *controls_of(CELLS))
    steps = kind.steps(1, make_standing(failed=[CELLS[0], CELLS[0], CELLS[1]]))
    assert [step.cells for step in steps] == [CELLS[1:]]


def test_a_quick_count_is_of_one_request_in_flight_only(
    begin: Begin, made: Countings, make_standing: MakeStanding
) -> None:
    kind = begin()
    perform(kind, kind.steps(1, make_standing())[0])
    assert len(made.in_flight) > 1
    kind.quick = True
    perform(kind, kind.steps(1, make_standing())[0])
    assert made.in_flight == [1]


def test_all_cells_of_a_round_share_a_hash_seed_and_rounds_do_not(
    begin: Begin, made: Countings, make_standing: MakeStanding
) -> None:
    kind, standing = begin(counts=len(HASH_SEEDS) + 1), make_standing()
    for turn in range(1, len(HASH_SEEDS) + 2):
        for step in kind.steps(turn, standing):
            perform(kind, step)
    seeds = [seed for cell, seed in made.seeds if cell == CELLS[0]]
    assert seeds == [seed for cell, seed in made.seeds if cell == CELLS[1]]
    assert seeds == [*HASH_SEEDS, HASH_SEEDS[0]]
    assert len({*HASH_SEEDS}) == len(HASH_SEEDS)


def test_a_count_is_a_block_of_its_cell_with_what_served_it(
    begin: Begin, made: Countings, make_standing: MakeStanding
) -> None:
    kind = begin()
    outcome = perform(kind, kind.steps(2, make_standing())[1])
    block = outcome.blocks[CELLS[1]]
    assert isinstance(block, CountBlock)
    assert (block.run, block.round, block.is_valid) == ("run", 1, True)
    assert (block.counts, block.counter, block.hash_seed) == ((COUNT,), "valgrind-3.0", HASH_SEEDS[1])
    assert (outcome.environments, outcome.failures) == ({CELLS[1]: made.environment}, {})
    assert outcome.words == "instructions per request: 7.30 million at 1 in flight"


def test_an_attempt_that_fails_is_made_once_more(begin: Begin, made: Countings, make_standing: MakeStanding) -> None:
    made.failing = 1
    kind = begin()
    assert CELLS[0] in perform(kind, kind.steps(1, make_standing())[0]).blocks
    assert made.seeds == [(CELLS[0], HASH_SEEDS[0])] * 2


@pytest.mark.parametrize(("error", "attempts"), [(TrialError, 2), (SupervisorError, 1)])
def test_a_cell_that_cannot_be_counted_fails_with_the_reason(
    begin: Begin, made: Countings, make_standing: MakeStanding, error: type[Exception], attempts: int
) -> None:
    made.failing, made.error = 9, error
    kind = begin()
    with pytest.raises(error, match="it fell over"):
        perform(kind, kind.steps(1, make_standing())[0])
    assert len(made.seeds) == attempts


def test_what_is_left_is_estimated_from_the_turns_and_cells_that_are(begin: Begin, make_standing: MakeStanding) -> None:
    kind = begin(counts=3)
    kind.steps(1, make_standing())
    assert kind.later_s(make_standing()) == 2 * 2 * ESTIMATE_S
    kind.steps(3, make_standing())
    assert kind.later_s(make_standing()) == 0


@pytest.mark.parametrize("stack", STACKS.values(), ids=list(STACKS))
def test_what_served_is_told_without_the_patience_that_only_counting_needs(
    make_subject: Callable[[Cell], Subject], environment: Environment, stack: Stack
) -> None:
    (cell,) = make_cells((stack.name,), PYTHONS[:1], ("fanout",))
    subject = make_subject(cell)
    counted = msgspec.structs.replace(environment, command=subject.command(8000, *subject.stack.patience))
    assert as_measured(counted, subject).command == subject.command(8000)


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
    begin: Begin, made: Countings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(_: Path) -> None:
        raise CounterMissingError(counters.MISSING)

    monkeypatch.setattr(counters, "choose", choose)
    with pytest.raises(CounterMissingError, match="apt install valgrind"):
        begin()
    assert made.seeds == []
