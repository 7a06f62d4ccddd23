"""Ladders on testbeds that are made up: which are climbed, in which order, and what becomes of one that fails."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.errors import TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix import ladder, profiles
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject, controls_of, make_cells
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.ladder import kind as ladder_kind
from stackmatrix.measurements.ladder.kind import Ladders, describe
from stackmatrix.measurements.ladder.recovery import unloaded_p50_ms
from stackmatrix.measurements.request import Outcome, Setup, Standing
from stackmatrix.results.conditions import Environment
from stackmatrix.results.findings import Code, note
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.model import Result
from stackmatrix.system import host
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel

type MakeSetup = Callable[..., Setup]

FIRST, SECOND = list(STACKS)[:2]
CELLS = make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
SMOKE = profiles.PROFILES["smoke"]
COMPARES = replace(SMOKE, compares=True)
PINNED = Layout(target=(7,), generator=(1, 2, 3), api=(4,), harness=(5,))


@dataclass
class MadeUp:
    """Testbeds of one subject; ``breaks`` are the starts that break, by the stack and how often it came before."""

    make_facts: Callable[..., LevelFacts]
    make_steady: Callable[..., list[bytes]]
    environment: Environment
    response_s: float = 0.6
    breaks: set[tuple[str, int]] = field(default_factory=set)
    breaks_at: dict[str, int] = field(default_factory=dict)
    """How many levels a stack is driven at before it breaks."""
    changed: dict[str, object] = field(default_factory=dict)
    """Facts of every level that are not as they should be."""
    subjects: list[Subject] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    loads: list[Load | None] = field(default_factory=list)
    speeds: list[PaceBook | None] = field(default_factory=list)
    orders: list[LevelOrder] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)
    load_s: float = 15.0

    @contextlib.contextmanager
    def start(
        self,
        subjects: Sequence[Subject],
        layout: Layout,
        load: Load | None,
        show: Callable[[str], None],
        *,
        speed: PaceBook | None = None,
    ) -> Iterator["MadeUp"]:
        (subject,) = subjects
        show("made up")
        before = sum(one.stack == subject.stack for one in self.subjects)
        self.subjects.append(subject)
        self.layouts.append(layout)
        self.loads.append(load)
        self.speeds.append(speed)
        if (subject.stack.name, before) in self.breaks:
            raise TrialError("it fell over")
        yield self

    def verify(self) -> None:
        self.environments = {self.subjects[-1].name: self.environment}

    def idle_shares(self, _: float) -> tuple[float, ...]:
        return (0.01,)

    def warm_up(self, _: LevelOrder | None) -> None:
        pass

    def drive(self, order: LevelOrder, level: LoadLevel) -> MeasuredLevel:
        if self.breaks_at.get(self.subjects[-1].stack.name) == order.level:
            raise TrialError("it broke")
        self.orders.append(order)
        facts = self.make_facts(self.make_steady(int(level.value), self.response_s), plan=level, **self.changed)
        return MeasuredLevel(facts, (facts.rows,), (facts.uses["target"],), ((),))

    def rows(self) -> bytes:
        return b"every request"


@pytest.fixture
def made(
    make_facts: Callable[..., LevelFacts],
    make_steady: Callable[..., list[bytes]],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> MadeUp:
    one = MadeUp(make_facts, make_steady, environment)
    monkeypatch.setattr(testbed, "start", one.start)
    return one


type Run = Callable[..., tuple[Ladders, list[Outcome]]]


@pytest.fixture
def run(made: MadeUp, make_setup: MakeSetup, make_standing: Callable[..., Standing]) -> Run:
    """Performs all steps of some turns; returns the kind and what came of each step."""
    del made

    def run(
        *cells: Cell,
        profile: Profile = SMOKE,
        turns: int = 4,
        failed: Sequence[Cell] = (),
        kind: Ladders | None = None,
        **setup: object,
    ) -> tuple[Ladders, list[Outcome]]:
        one = kind or Ladders()
        one.begin(make_setup(cells or CELLS, profile=profile, **setup))
        standing = make_standing(failed=failed)
        steps = [step for turn in range(turns) for step in one.steps(turn, standing)]
        return one, [one.perform(step, lambda _: None) for step in steps]

    return run


def ladders_of(outcomes: Sequence[Outcome], cell: Cell) -> list[Ladder]:
    found = [outcome.blocks[cell] for outcome in outcomes if cell in outcome.blocks]
    return [one for one in found if isinstance(one, Ladder)]


def test_every_cell_is_driven_up_the_ladder_once_a_turn_from_the_second_on(made: MadeUp, run: Run) -> None:
    _, outcomes = run(profile=replace(SMOKE, ladders=2))
    assert len(made.subjects) == 4
    for cell in CELLS:
        found = ladders_of(outcomes, cell)
        assert [(one.run, one.round, one.is_valid) for one in found] == [("run", 0, True), ("run", 1, True)]
        assert [len(one.levels) for one in found] == [len(SMOKE.ladder)] * 2
        assert {one.load_s for one in found} == {made.load_s}
    assert all(outcome.environments == {next(iter(outcome.blocks)): made.environment} for outcome in outcomes)


def test_in_the_first_turn_nothing_is_driven(run: Run) -> None:
    assert run(turns=1)[1] == []


def test_controls_and_what_has_failed_twice_are_not_driven(made: MadeUp, run: Run) -> None:
    run(*CELLS, *controls_of(CELLS), failed=[CELLS[0], CELLS[0], CELLS[1]])
    assert [subject.cell for subject in made.subjects] == [CELLS[1]]


def test_the_order_of_each_round_is_random_by_the_runs_seed_and_told(made: MadeUp, run: Run) -> None:
    cells, orders = make_cells(tuple(STACKS), PYTHONS[:1], ("fanout",)), []
    for seed in (1, 1, 2):
        made.subjects.clear()
        _, outcomes = run(*cells, seed=seed)
        orders.append([subject.cell for subject in made.subjects])
        places = {cell: one.order for outcome in outcomes for cell, one in outcome.blocks.items()}  # type: ignore[attr-defined]
        assert [places[cell] for cell in orders[-1]] == list(range(len(cells)))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == sorted(cells)


def test_all_cells_of_a_workload_have_the_same_arrivals_in_a_round_and_others_in_the_next(
    made: MadeUp, run: Run
) -> None:
    _, outcomes = run(profile=replace(SMOKE, ladders=2, ladder=ladder.rates(5)))
    one, other = ([ladder.seed for ladder in ladders_of(outcomes, cell)] for cell in CELLS)
    assert one == other
    assert len({*one}) == 2
    assert {order.seed for order in made.orders} == {plan_seed(seed, 0) for seed in one}


def test_a_ladder_that_breaks_is_a_block_with_its_reason_and_the_cell_has_failed(made: MadeUp, run: Run) -> None:
    made.breaks_at = {SECOND: 1}
    _, outcomes = run()
    (broken,) = ladders_of(outcomes, CELLS[1])
    assert (broken.failure, broken.validity, broken.is_valid) == ("it broke", "valid", False)
    assert [level.validity for level in broken.levels] == ["valid", "invalid"]
    assert {cell: reason for one in outcomes for cell, reason in one.failures.items()} == {CELLS[1]: "it broke"}
    assert ladders_of(outcomes, CELLS[0])[0].is_valid


def test_a_target_that_never_comes_up_has_failed_and_has_no_block(made: MadeUp, run: Run) -> None:
    made.breaks = {(SECOND, 0)}
    _, outcomes = run(CELLS[1])
    assert [(one.words, one.blocks, one.failures) for one in outcomes] == [
        ("failed: it fell over", {}, {CELLS[1]: "it fell over"})
    ]


def test_a_ladder_none_of_whose_levels_is_valid_is_not_valid(made: MadeUp, run: Run) -> None:
    made.changed = {"target_pids_now": ()}
    _, outcomes = run(CELLS[0])
    (one,) = ladders_of(outcomes, CELLS[0])
    assert (one.validity, one.failure) == ("invalid", None)


class Book(PaceBook):
    """Stands for the readings of the core's pace; ``begun`` counts those at rest."""

    def __init__(self, cores: Sequence[int]) -> None:
        super().__init__(cores)
        self.cores = cores
        self.begun = 0
        self._readings = [1.0]

    def begin(self) -> None:
        self.begun += 1


def test_where_results_are_compared_the_targets_core_is_read_at_rest_once_before_the_first_ladder(
    made: MadeUp, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder_kind, "PaceBook", Book)
    run(profile=replace(COMPARES, ladders=2), layout=PINNED)
    (book,) = set(made.speeds)
    assert isinstance(book, Book)
    assert (book.begun, book.cores) == (1, PINNED.target)
    assert len(made.speeds) == 4


@pytest.mark.parametrize(("profile", "turns"), [(SMOKE, 4), (COMPARES, 1)])
def test_where_nothing_is_compared_or_driven_no_time_goes_into_the_cores_pace(
    made: MadeUp, run: Run, monkeypatch: pytest.MonkeyPatch, profile: Profile, turns: int
) -> None:
    monkeypatch.setattr(ladder_kind, "PaceBook", None)
    run(profile=profile, turns=turns)
    assert made.speeds == ([None, None] if turns > 1 else [])


def test_what_was_asked_for_reaches_every_ladder(made: MadeUp, run: Run, tmp_path: Path) -> None:
    kind = Ladders(all_levels=True, rows_folder=tmp_path / "rows")
    run(kind=kind, generators=3, layout=PINNED)
    assert made.layouts == [PINNED] * 2
    assert {load and (load.processes, load.of_api) for load in made.loads} == {(3, None)}
    for cell in CELLS:
        rows = tmp_path / "rows" / "fanout" / cell.stack / f"{cell.python}-ladder-0.rows"
        assert rows.read_bytes() == b"every request"


@pytest.mark.parametrize(("all_levels", "driven"), [(False, 2), (True, 4)])
def test_levels_beyond_saturation_are_driven_only_where_that_was_asked_for(
    made: MadeUp, run: Run, *, all_levels: bool, driven: int
) -> None:
    made.response_s = 3.0  # five times the floor: every level is saturated
    profile = replace(SMOKE, ladder=ladder.users(10, 20, 30, 40))
    _, outcomes = run(CELLS[0], profile=profile, kind=Ladders(all_levels=all_levels))
    (one,) = ladders_of(outcomes, CELLS[0])
    assert [level.validity for level in one.levels] == ["valid"] * driven + ["not_needed"] * (4 - driven)
    assert len(made.orders) == driven


def test_a_ladder_says_how_long_its_parts_were(run: Run) -> None:
    _, outcomes = run(CELLS[0])
    (one,) = ladders_of(outcomes, CELLS[0])
    lengths = SMOKE.levels
    assert (one.warmup_s, one.settle_s, one.window_s) == (lengths.warmup_s, lengths.settle_s, lengths.window_s)


def test_room_is_made_for_as_many_requests_as_the_largest_level_has_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(host, "need_open_files", asked.append)
    run(profile=replace(SMOKE, ladder=(*ladder.users(10), *ladder.rates(5, 20))))
    assert asked == [200]


def test_a_ladder_is_told_by_its_best_level_and_its_invalid_ones_or_by_why_it_failed(result: Result) -> None:
    (one,) = result.ladders
    best = one.levels[0].throughput_rps
    whole = msgspec.structs.replace(one, failure=None)
    invalid = sum(level.validity == "invalid" for level in whole.levels)
    assert describe(whole) == f"up to {best:.1f} requests/s in 20 s (15 s of it load), {invalid} levels invalid"
    locked = note(Code.DATABASE_LOCKED, "SQLite was locked.")
    twice = [msgspec.structs.replace(level, findings=(locked,)) for level in whole.levels[:1] * 2]
    assert describe(msgspec.structs.replace(whole, levels=tuple(twice))).count("SQLite was locked.") == 1
    assert describe(one) == "failed: it ended"
    assert describe(msgspec.structs.replace(whole, levels=())) == "up to 0.0 requests/s in 20 s (15 s of it load)"


def test_a_longer_ladder_is_expected_to_take_longer_and_later_turns_are_counted(
    make_setup: MakeSetup, make_standing: Callable[..., Standing]
) -> None:
    estimates = []
    for times in (1, 3):
        kind = Ladders()
        kind.begin(make_setup(CELLS, profile=replace(SMOKE, ladder=SMOKE.ladder * times, ladders=2)))
        step, _ = kind.steps(1, make_standing())
        assert kind.later_s(make_standing()) == pytest.approx(2 * step.estimate_s)
        estimates.append(step.estimate_s)
    assert estimates[1] > estimates[0] > SMOKE.levels.warmup_s + SMOKE.levels.window_s * len(SMOKE.ladder)


@pytest.mark.parametrize(("weights", "p50_ms"), [((9.0, 1.0), 20.0), ((1.0, 9.0), 1500.0), ((1.0, 1.0), 20.0)])
def test_the_median_request_without_load_is_of_a_page_and_not_between_two(
    weights: tuple[float, float], p50_ms: float
) -> None:
    pages = (Page("quick", "/a/", weights[0]), Page("slow", "/b/", weights[1]))
    own = Workload("own", "", pages, (), calls_known=False).with_measured({"quick": 20.0, "slow": 1500.0})
    assert unloaded_p50_ms(own) == p50_ms
