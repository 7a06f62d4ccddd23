"""A run over trials that are made up: what is written when, and how a cell stands after its trials."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from stackmatrix.errors import PythonMissingError
from stackmatrix.matrix import ladder, profiles, schedule
from stackmatrix.matrix.cells import Cell, make_cells, with_twins
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.schedule import TrialPlan
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.trials import runner
from stackmatrix.measurements.trials.runner import Runner, RunPlan
from stackmatrix.measurements.trials.trial import Outcome, Setting
from stackmatrix.results import store
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import Result, Run, Trial
from stackmatrix.system import cores, host, ports
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import TargetEnvironment

FIRST, SECOND = list(STACKS)[:2]
CELLS = make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))


def make_trial(block: int = 0, failure: str | None = None) -> Trial:
    return Trial(
        block=block, order=0, seed=1, started="2026-11-22T10:00:00+00:00", duration_s=20, load_s=15, levels=(),
        failure=failure,
    )  # fmt: skip


@pytest.fixture
def settings() -> list[Setting]:
    """What each trial of the run was told."""
    return []


@pytest.fixture
def measured(settings: list[Setting], monkeypatch: pytest.MonkeyPatch) -> list[TrialPlan]:
    """The trials that a run has made, instead of real ones; all cells are installed."""
    made: list[TrialPlan] = []

    class MadeUp:
        def __init__(self, trial: TrialPlan, _env: TargetEnvironment, setting: Setting, show: Callable[[str], None]):
            self.trial, self.show = trial, show
            settings.append(setting)

        def run(self) -> Outcome:
            made.append(self.trial)
            self.show("made up")
            failure = "it fell over" if self.trial.cell.stack == SECOND and self.trial.block == 1 else None
            return Outcome(make_trial(self.trial.block, failure), None)

    installed = {
        (name, PYTHONS[0]): TargetEnvironment(name, PYTHONS[0], Path("/nowhere"), "0") for name in (FIRST, SECOND)
    }
    monkeypatch.setattr(environments, "installed", lambda: installed)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)
    monkeypatch.setattr(runner, "TrialRun", MadeUp)
    return made


def make_runner(
    folder: Path, cells: Sequence[Cell] = CELLS, blocks: int = 1, profile: str | Profile = "smoke", **changed: object
) -> Runner:
    profile_of_run = replace(profiles.PROFILES[profile], blocks=blocks) if isinstance(profile, str) else profile
    run_plan = RunPlan(cells=tuple(cells), profile=profile_of_run, seed=1, folder=folder, machine_name="m")
    return Runner(replace(run_plan, **changed), Console(file=io.StringIO()))  # type: ignore[arg-type]


def read(folder: Path, cell: Cell) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "name")


def run_of(folder: Path, cell: Cell) -> Run:
    run = read(folder, cell).run
    assert run is not None
    return run


def test_trials_are_made_in_the_order_of_the_schedule(tmp_path: Path, measured: list[TrialPlan]) -> None:
    make_runner(tmp_path, blocks=3).run()
    assert measured == list(schedule.schedule(with_twins(CELLS, 3), 3, 1))


def test_each_cell_has_one_file_with_the_trials_of_all_blocks(tmp_path: Path, measured: list[TrialPlan]) -> None:
    written = make_runner(tmp_path, blocks=3).run()
    assert [one.result.cell for one in written] == list(with_twins(CELLS, 3))
    for one in written:
        assert read(tmp_path, one.result.cell) == one.result
        assert [trial.block for trial in one.result.trials] == [0, 1, 2]
    assert len(measured) == 6 + 3  # each block has the reference cell's twin


@pytest.mark.usefixtures("measured")
def test_a_twin_has_a_file_of_its_own_beside_its_cells(tmp_path: Path) -> None:
    make_runner(tmp_path, blocks=3).run()
    (*cells, twin) = with_twins(CELLS, 3)
    assert twin.twin
    place = Path(twin.workload, twin.stack, f"{twin.python}.twin.json")
    assert [trial.block for trial in read(tmp_path, twin).trials] == [0, 1, 2]
    assert store.path_of(tmp_path, "m", twin) == tmp_path / "m" / place
    assert len(cells) == 2


def test_a_failed_trial_makes_its_cell_unstable_and_the_run_goes_on(tmp_path: Path, measured: list[TrialPlan]) -> None:
    make_runner(tmp_path, blocks=3).run()
    assert len(measured) == 9
    assert read(tmp_path, CELLS[0]).status.state == "ok"
    status = read(tmp_path, CELLS[1]).status
    assert (status.state, status.reason) == ("unstable", "1 of 3 trials failed: it fell over")


def test_what_was_measured_before_an_interrupt_is_written(
    tmp_path: Path, measured: list[TrialPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store.write_result

    def interrupt(folder: Path, name: str, result: Result) -> Path:
        path = whole(folder, name, result)
        if len(measured) == 3:
            raise KeyboardInterrupt
        return path

    monkeypatch.setattr(store, "write_result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_runner(tmp_path, blocks=3).run()
    written = [result for _, result in store.read_results(tmp_path)]
    assert sum(len(result.trials) for result in written if isinstance(result, Result)) == 3


def test_a_python_that_is_not_there_is_skipped_with_a_file_and_no_failure(
    tmp_path: Path, measured: list[TrialPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Cell(stack=FIRST, python="3.99", workload="fanout")
    monkeypatch.setattr(environments, "_read_report", lambda _: {f"bench-{FIRST}-3.99": "skipped"})
    ran = make_runner(tmp_path, (*CELLS, gone), nox_report=Path("report"))
    written = ran.run()
    assert [one.result.status.state for one in written] == ["ok", "ok", "skipped"]
    assert read(tmp_path, gone).trials == ()
    assert ran.kept == []
    assert {trial.cell for trial in measured} == set(CELLS)


def test_told_to_mind_a_missing_python_fails_before_anything_is_measured_or_written(
    tmp_path: Path, measured: list[TrialPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Cell(stack=FIRST, python="3.99", workload="fanout")
    monkeypatch.setattr(environments, "_read_report", lambda _: {f"bench-{FIRST}-3.99": "skipped"})
    ran = make_runner(tmp_path, (*CELLS, gone), nox_report=Path("report"), fail_on_missing=True)
    with pytest.raises(PythonMissingError, match=r"^Python 3\.99 was not found"):
        ran.run()
    assert measured == []
    assert list(store.read_results(tmp_path)) == []


class Book:
    """Stands for the readings of the core's pace; ``begun`` counts those at rest."""

    def __init__(self, cores: tuple[int, ...]) -> None:
        self.cores = cores
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1


def test_where_results_are_compared_the_targets_core_is_read_at_rest_once_and_one_book_is_for_all_trials(
    tmp_path: Path, measured: list[TrialPlan], settings: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PaceBook", Book)
    make_runner(tmp_path, blocks=2, profile="quick").run()
    (book,) = {setting.conditions.pace for setting in settings}
    assert isinstance(book, Book)
    assert (book.begun, book.cores) == (1, settings[0].conditions.layout.target)
    assert len(measured) == len(settings) == 2 * (2 + 1)


@pytest.mark.usefixtures("measured")
def test_where_nothing_is_compared_no_time_goes_into_the_cores_pace(
    tmp_path: Path, settings: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PaceBook", Book)
    make_runner(tmp_path, profile="smoke").run()
    assert {setting.conditions.pace for setting in settings} == {None}


@pytest.mark.usefixtures("measured")
def test_what_was_asked_for_reaches_every_trial_and_the_file_tells_the_generators(
    tmp_path: Path, settings: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = cores.layout_for({core: frozenset({core}) for core in range(8)}, 3)
    monkeypatch.setattr(cores, "divide_cores", {3: layout}.get)
    make_runner(tmp_path, generators=3, all_levels=True, rows_folder=tmp_path / "rows").run()
    told = [(one.conditions.generators, one.conditions.layout, one.all_levels, one.rows_folder) for one in settings]
    assert told == [(3, layout, True, tmp_path / "rows")] * 2
    assert run_of(tmp_path, CELLS[0]).generators == 3
    assert read(tmp_path, CELLS[0]).machine.pinning == layout.roles()


@pytest.mark.usefixtures("measured")
def test_a_run_refers_to_the_calibration_that_its_machine_has(tmp_path: Path, calibration: Calibration) -> None:
    make_runner(tmp_path).run()
    assert run_of(tmp_path, CELLS[0]).calibration is None
    store.write_calibration(tmp_path, "another", calibration)
    store.write_calibration(tmp_path, "m", msgspec.structs.replace(calibration, id="of this machine"))
    make_runner(tmp_path).run()
    assert run_of(tmp_path, CELLS[0]).calibration == "of this machine"


@pytest.mark.usefixtures("measured")
def test_room_is_made_for_as_many_requests_as_the_largest_level_has_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(host, "need_open_files", asked.append)
    ran = make_runner(tmp_path)
    ran._plan = replace(ran._plan, profile=replace(ran._plan.profile, ladder=(*ladder.users(50), *ladder.rates(5, 20))))
    written = ran.run()
    assert asked == [200]
    assert {one.result.run.ladder for one in written if one.result.run} == {("rate=5", "rate=20", "users=50")}


@pytest.mark.parametrize(
    ("failures", "state", "reason"),
    [
        ([None, None], "ok", None),
        (["first", "second"], "failed", "first"),
        ([None, "second", "third"], "unstable", "2 of 3 trials failed: second"),
    ],
)
def test_a_cell_stands_as_its_trials_do(failures: list[str | None], state: str, reason: str | None) -> None:
    status = runner.status_of([make_trial(failure=failure) for failure in failures])
    assert (status.state, status.reason) == (state, reason)


@pytest.mark.usefixtures("measured")
def test_a_run_whose_trials_fail_leaves_what_was_measured_before(tmp_path: Path, result: Result) -> None:
    earlier = msgspec.structs.replace(result, cell=CELLS[0])
    store.write_result(tmp_path, "m", earlier)
    ran = make_runner(tmp_path, CELLS, profile="quick")
    written = ran.run()
    assert read(tmp_path, CELLS[0]) == earlier
    assert [one.result.cell for one in written] == [CELLS[1]]
    assert ran.stays.keys() == {CELLS[0]}


@pytest.mark.parametrize(("precise_after", "blocks", "missed"), [(2, 2, ()), (3, 4, ()), (9, 5, ("fanout: Plateau",))])
def test_a_run_that_stops_on_precision_looks_at_fixed_blocks_and_says_what_it_missed(
    tmp_path: Path, measured: list[TrialPlan], monkeypatch: pytest.MonkeyPatch,
    precise_after: int, blocks: int, missed: tuple[str, ...],
) -> None:  # fmt: skip
    looked_at = []

    def look(results: Sequence[Result]) -> int:
        return min(len(result.trials) for result in results)

    def judge(seen: int) -> tuple[str, ...]:
        looked_at.append(seen)
        return () if seen >= precise_after else ("fanout: Plateau",)

    monkeypatch.setattr(runner, "compare_results", look)
    monkeypatch.setattr(runner, "imprecise", judge)
    ran = make_runner(tmp_path, profile=replace(profiles.PROFILES["smoke"], blocks=5, looks=(2, 4, 5)))
    ran.run()
    assert looked_at == [look for look in (2, 4) if look <= blocks] + [blocks]
    assert {trial.block for trial in measured} == set(range(blocks))
    for cell in with_twins(CELLS, 5):
        assert (len(read(tmp_path, cell).trials), run_of(tmp_path, cell).imprecise) == (blocks, missed)


def test_a_run_of_so_many_blocks_looks_at_nothing(
    tmp_path: Path, measured: list[TrialPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "compare_results", None)
    make_runner(tmp_path, blocks=3).run()
    assert len(measured) == 9
    assert run_of(tmp_path, CELLS[0]).imprecise is None
