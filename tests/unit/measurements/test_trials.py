"""Trials on testbeds that are made up: which are made, how a cell stands after them, and what its run says."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.errors import TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix import ladder, profiles, schedule
from stackmatrix.matrix.cells import Cell, Subject, make_cells, with_twins
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.request import Kind, Setup
from stackmatrix.measurements.trials import kind as trials_kind
from stackmatrix.measurements.trials.kind import Trials, describe, status_of
from stackmatrix.results import store
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import Environment, Result
from stackmatrix.results.trials import Run, Trial
from stackmatrix.system import host
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel

type MakeSetup = Callable[..., Setup]
type Perform = Callable[[Kind, Setup], list[str]]

FIRST, SECOND = list(STACKS)[:2]
CELLS = make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
SMOKE = profiles.PROFILES["smoke"]
PINNED = Layout(target=(7,), generator=(1, 2, 3), api=(4,), harness=(5,))


def make_trial(block: int = 0, failure: str | None = None) -> Trial:
    return Trial(
        block=block, order=0, seed=1, started="2026-11-22T10:00:00+00:00", duration_s=20, load_s=15, levels=(),
        failure=failure,
    )  # fmt: skip


@dataclass
class MadeUp:
    """Testbeds of one subject; ``breaks`` are the starts that break, by the stack and how often it came before."""

    make_facts: Callable[..., LevelFacts]
    make_steady: Callable[..., list[bytes]]
    environment: Environment
    response_s: float = 0.6
    breaks: set[tuple[str, int]] = field(default_factory=set)
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
        self.orders.append(order)
        facts = self.make_facts(self.make_steady(int(level.value), self.response_s), plan=level)
        return MeasuredLevel(facts, (facts.rows,), (facts.uses["target"],))

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


def of(blocks: int, profile: str = "smoke") -> Profile:
    return replace(profiles.PROFILES[profile], blocks=blocks)


def run_of(kind: Trials, cell: Cell) -> Run:
    run = kind.record(cell).run
    assert run is not None
    return run


def test_trials_are_made_in_the_order_of_the_schedule_by_its_seeds(
    made: MadeUp, make_setup: MakeSetup, perform: Perform
) -> None:
    kind, cells = Trials(of(3)), with_twins(CELLS, 3)
    perform(kind, make_setup(cells, seed=5))
    planned = list(schedule.schedule(cells, 3, 5))
    assert [subject.cell for subject in made.subjects] == [one.cell for one in planned]
    for cell in cells:
        assert [(one.block, one.order, one.seed) for one in kind.record(cell).trials] == [
            (one.block, one.order, one.seed) for one in planned if one.cell == cell
        ]
    assert kind.blocks == 3


def test_each_cell_has_the_trials_of_all_blocks_and_what_served_it(
    made: MadeUp, make_setup: MakeSetup, perform: Perform
) -> None:
    kind, cells = Trials(of(3)), with_twins(CELLS, 3)
    said = perform(kind, make_setup(cells))
    for cell in cells:
        record = kind.record(cell)
        assert [trial.block for trial in record.trials] == [0, 1, 2]
        assert [len(trial.levels) for trial in record.trials] == [len(SMOKE.ladder)] * 3
        assert (record.environment, record.status.state, record.part) == (made.environment, "ok", None)
        assert {trial.load_s for trial in record.trials} == {made.load_s}
    # Each block has the reference cell's twin.
    assert len(said) == len(made.subjects) == 6 + 3
    assert list(kind.failures()) == []


def test_steps_are_labelled_by_their_cell_and_their_block_where_there_are_several(make_setup: MakeSetup) -> None:
    (alone,) = Trials(of(1)).begin(make_setup(CELLS[:1]))
    assert (alone.label, alone.cells) == (str(CELLS[0]), CELLS[:1])
    assert [step.label for step in Trials(of(2)).begin(make_setup(CELLS[:1]))] == [
        f"{CELLS[0]}, block 1", f"{CELLS[0]}, block 2",
    ]  # fmt: skip


def test_a_failed_trial_makes_its_cell_unstable_and_the_run_goes_on(
    made: MadeUp, make_setup: MakeSetup, perform: Perform
) -> None:
    made.breaks = {(SECOND, 1)}
    kind = Trials(of(3))
    said = perform(kind, make_setup(CELLS))
    assert len(made.subjects) == 6
    assert said.count("failed: it fell over") == 1
    assert kind.record(CELLS[0]).status.state == "ok"
    status = kind.record(CELLS[1]).status
    assert (status.state, status.reason) == ("unstable", "1 of 3 trials failed: it fell over")
    assert [trial.failure for trial in kind.record(CELLS[1]).trials] == [None, "it fell over", None]
    assert list(kind.failures()) == [CELLS[1]]


def test_a_cell_of_which_every_trial_failed_has_failed(made: MadeUp, make_setup: MakeSetup, perform: Perform) -> None:
    made.breaks = {(SECOND, 0)}
    kind = Trials(of(1))
    perform(kind, make_setup(CELLS))
    record = kind.record(CELLS[1])
    assert (record.status.state, record.environment) == ("failed", None)
    assert list(kind.failures()) == [CELLS[1]]


def test_of_a_cell_that_is_missing_there_is_its_run_and_no_trial(
    make_setup: MakeSetup, perform: Perform, made: MadeUp
) -> None:
    kind = Trials(SMOKE)
    perform(kind, make_setup(CELLS[:1]))
    gone = kind.record(CELLS[1])
    assert (gone.trials, gone.environment) == ((), None)
    assert run_of(kind, CELLS[1]) == run_of(kind, CELLS[0])
    assert len(made.subjects) == 1


class Book(PaceBook):
    """Stands for the readings of the core's pace; ``begun`` counts those at rest."""

    def __init__(self, cores: Sequence[int]) -> None:
        super().__init__(cores)
        self.cores = cores
        self.begun = 0
        self._readings = [1.0]

    def begin(self) -> None:
        self.begun += 1


def test_where_results_are_compared_the_targets_core_is_read_at_rest_once_and_one_book_is_for_all_trials(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials_kind, "PaceBook", Book)
    perform(Trials(of(2, "quick")), make_setup(CELLS, layout=PINNED))
    (book,) = set(made.speeds)
    assert isinstance(book, Book)
    assert (book.begun, book.cores) == (1, PINNED.target)
    assert len(made.speeds) == 2 * 2


def test_where_nothing_is_compared_no_time_goes_into_the_cores_pace(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials_kind, "PaceBook", None)
    perform(Trials(SMOKE), make_setup(CELLS))
    assert made.speeds == [None, None]


def test_where_nothing_can_be_measured_no_time_goes_into_the_cores_pace(
    make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    books: list[Book] = []

    def open_book(cores: Sequence[int]) -> Book:
        books.append(Book(cores))
        return books[-1]

    monkeypatch.setattr(trials_kind, "PaceBook", open_book)
    assert perform(Trials(of(2, "quick")), make_setup(())) == []
    assert [book.begun for book in books] == [0]


def test_what_was_asked_for_reaches_every_trial_and_its_run_tells_the_generators(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, tmp_path: Path
) -> None:
    setup = make_setup(CELLS, generators=3, layout=PINNED)
    kind = Trials(SMOKE, all_levels=True, rows_folder=tmp_path / "rows")
    perform(kind, setup)
    assert made.layouts == [PINNED] * 2
    assert {load and (load.processes, load.workload.name) for load in made.loads} == {(3, "fanout")}
    assert {subject.environment.prefix for subject in made.subjects} == {Path("/nowhere")}
    assert run_of(kind, CELLS[0]).generators == 3
    for cell in CELLS:
        rows = tmp_path / "rows" / "fanout" / cell.stack / f"{cell.python}-block-0.rows"
        assert rows.read_bytes() == b"every request"


@pytest.mark.parametrize(("all_levels", "driven"), [(False, 2), (True, 4)])
def test_levels_beyond_saturation_are_driven_only_where_that_was_asked_for(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, *, all_levels: bool, driven: int
) -> None:
    made.response_s = 3.0  # five times the floor: every level is saturated
    profile = replace(SMOKE, ladder=ladder.users(10, 20, 30, 40))
    kind = Trials(profile, all_levels=all_levels)
    perform(kind, make_setup(CELLS[:1]))
    (trial,) = kind.record(CELLS[0]).trials
    validities = [level.validity for level in trial.levels]
    assert validities == ["valid"] * driven + ["not_needed"] * (4 - driven)
    assert len(made.orders) == driven


def test_a_run_says_what_it_was_made_with(made: MadeUp, make_setup: MakeSetup, perform: Perform) -> None:
    kind, setup = Trials(of(2)), make_setup(CELLS, seed=5)
    perform(kind, setup)
    run = run_of(kind, CELLS[0])
    assert (run.id, run.started, run.git_commit) == (
        setup.provenance.run_id, setup.provenance.started, setup.provenance.git_commit,
    )  # fmt: skip
    assert (run.tool_versions, run.tool_lock_sha256) == (
        setup.provenance.tool_versions, setup.provenance.tool_lock_sha256,
    )  # fmt: skip
    assert (run.seed, run.profile, run.blocks) == (5, "smoke", 2)
    assert (run.warmup_s, run.settle_s, run.window_s) == (SMOKE.warmup_s, SMOKE.settle_s, SMOKE.window_s)
    assert run == run_of(kind, CELLS[1])
    assert len(made.subjects) == 4


@pytest.mark.usefixtures("made")
def test_a_run_refers_to_the_calibration_that_its_machine_has(
    make_setup: MakeSetup, perform: Perform, tmp_path: Path, calibration: Calibration
) -> None:
    before, after = Trials(SMOKE), Trials(SMOKE)
    perform(before, make_setup(CELLS))
    assert run_of(before, CELLS[0]).calibration is None
    store.write_calibration(tmp_path, "another", calibration)
    store.write_calibration(tmp_path, "m", msgspec.structs.replace(calibration, id="of this machine"))
    perform(after, make_setup(CELLS))
    assert run_of(after, CELLS[0]).calibration == "of this machine"


@pytest.mark.usefixtures("made")
def test_room_is_made_for_as_many_requests_as_the_largest_level_has_at_once(
    make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(host, "need_open_files", asked.append)
    kind = Trials(replace(SMOKE, ladder=(*ladder.users(10), *ladder.rates(5, 20))))
    perform(kind, make_setup(CELLS))
    assert asked == [200]
    assert {run_of(kind, cell).ladder for cell in CELLS} == {("rate=5", "users=10", "rate=20")}


@pytest.mark.parametrize(
    ("failures", "state", "reason"),
    [
        ([None, None], "ok", None),
        (["first", "second"], "failed", "first"),
        ([None, "second", "third"], "unstable", "2 of 3 trials failed: second"),
    ],
)
def test_a_cell_stands_as_its_trials_do(failures: list[str | None], state: str, reason: str | None) -> None:
    status = status_of([make_trial(failure=failure) for failure in failures])
    assert (status.state, status.reason) == (state, reason)


def test_a_trial_is_told_by_its_best_level_and_its_invalid_ones_or_by_why_it_failed(result: Result) -> None:
    (trial,) = result.trials
    best = trial.levels[0].throughput_rps
    whole = msgspec.structs.replace(trial, failure=None)
    invalid = sum(level.validity == "invalid" for level in whole.levels)
    assert describe(whole) == f"up to {best:.1f} requests/s in 20 s (15 s of it load), {invalid} levels invalid"
    assert describe(trial) == "failed: it ended"
    assert describe(make_trial()) == "up to 0.0 requests/s in 20 s (15 s of it load)"


def test_a_longer_ladder_is_expected_to_take_longer() -> None:
    longer = replace(SMOKE, ladder=SMOKE.ladder * 3)
    assert Trials(longer).estimate_s > Trials(SMOKE).estimate_s > SMOKE.warmup_s + SMOKE.window_s * len(SMOKE.ladder)


@pytest.mark.parametrize(("precise_after", "blocks", "missed"), [(2, 2, ()), (3, 4, ()), (9, 5, ("fanout: Plateau",))])
def test_a_run_that_stops_on_precision_looks_at_fixed_blocks_and_says_what_it_missed(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch,
    precise_after: int, blocks: int, missed: tuple[str, ...],
) -> None:  # fmt: skip
    looked_at = []

    def look(results: Sequence[Result], workloads: Mapping[str, Workload]) -> int:
        assert set(workloads) == {cell.workload for cell in cells}
        assert {result.cell for result in results} == set(cells)
        return min(len(result.trials) for result in results)

    def judge(seen: int) -> tuple[str, ...]:
        looked_at.append(seen)
        return () if seen >= precise_after else ("fanout: Plateau",)

    monkeypatch.setattr(trials_kind, "compare_results", look)
    monkeypatch.setattr(trials_kind, "imprecise", judge)
    kind, cells = Trials(replace(SMOKE, blocks=5, looks=(2, 4, 5))), with_twins(CELLS, 5)
    perform(kind, make_setup(cells))
    assert {run_of(kind, cell).imprecise for cell in cells} == {None}
    said = kind.conclude()
    assert looked_at == [look for look in (2, 4) if look <= blocks] + [blocks]
    assert len(made.subjects) == blocks * len(cells)
    for cell in cells:
        assert [trial.block for trial in kind.record(cell).trials] == list(range(blocks))
        assert run_of(kind, cell).imprecise == missed
    told = "precision not reached for fanout: Plateau" if missed else "precision reached"
    assert said == f"After {blocks} blocks: {told}."


def test_a_run_of_so_many_blocks_looks_at_nothing(
    made: MadeUp, make_setup: MakeSetup, perform: Perform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials_kind, "compare_results", None)
    kind = Trials(of(3))
    perform(kind, make_setup(with_twins(CELLS, 3)))
    assert kind.conclude() is None
    assert len(made.subjects) == 9
    assert run_of(kind, CELLS[0]).imprecise is None
