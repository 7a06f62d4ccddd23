"""What a trial says of itself without having been driven; driven, tests/end_to_end."""

from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix import profiles
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import rates, users
from stackmatrix.matrix.schedule import TrialPlan
from stackmatrix.measurements.trials.trial import Setting, TrialRun
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.targetbench import Conditions

PINNED = Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))


def make_trial(layout: Layout = PINNED, pace: PaceBook | None = None) -> TrialRun:
    cell = Cell(stack="uvicorn", python="3.13", workload="fanout")
    setting = Setting(profile=profiles.PROFILES["smoke"], conditions=Conditions(layout, pace))
    environment = TargetEnvironment("uvicorn", "3.13", Path("/nowhere"), "0")
    return TrialRun(TrialPlan(cell, 0, 0, 1), environment, setting, lambda _: None)


def book(*readings_s: float) -> PaceBook:
    kept = PaceBook(())
    kept._readings = list(readings_s)
    return kept


def test_a_trial_on_a_core_of_its_own_that_keeps_its_pace_has_nothing_to_tell() -> None:
    assert make_trial()._findings() == ()
    assert make_trial(pace=book(1.0, 1.0, 1.079))._findings() == ()


@pytest.mark.parametrize(
    ("layout", "told"), [(Layout(), "cannot pin processes"), (Layout(shared=(0,)), "There is one core")]
)
def test_a_target_without_a_core_of_its_own_is_noted(layout: Layout, told: str) -> None:
    (finding,) = make_trial(layout)._findings()
    assert (finding.code, finding.severity) == ("not-pinned", "note")
    assert told in finding.sentence


def test_a_core_that_keeps_no_pace_is_noted_with_how_much_it_varies() -> None:
    (finding,) = make_trial(pace=book(1.0, 1.0, 1.2))._findings()
    assert (finding.code, finding.severity) == ("uneven-core", "note")
    assert "varied by up to 20% in speed while nothing ran" in finding.sentence


@pytest.mark.parametrize("kind", [TrialError, SupervisorError])
def test_what_ends_a_trial_is_its_failure_and_not_the_end_of_the_run(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []

    def fail(_: TrialRun, folder: Path) -> None:
        folders.append(folder)
        assert folder.is_dir()
        raise kind("The target had to be killed.")

    monkeypatch.setattr(TrialRun, "_run", fail)
    outcome = make_trial().run()
    assert (outcome.trial.failure, outcome.environment) == ("The target had to be killed.", None)
    assert [level.validity for level in outcome.trial.levels] == ["invalid", "invalid"]
    assert not folders[0].exists()


def test_levels_that_were_not_reached_are_invalid_with_the_reason() -> None:
    trial = make_trial()
    trial._note_not_reached("The target is gone.")
    assert [level.users for level in trial._levels] == [1, 5]
    for level in trial._levels:
        assert (level.validity, level.requests) == ("invalid", None)
        assert [(one.code, one.sentence) for one in level.findings] == [("not-reached", "The target is gone.")]


def test_the_ladder_is_climbed_in_the_order_of_the_load_that_its_levels_offer() -> None:
    trial = make_trial()
    ladder = (*users(10, 50), *rates(5, 20))
    trial.setting = replace(trial.setting, profile=replace(trial.setting.profile, ladder=ladder))
    trial._note_not_reached("The target is gone.")
    assert [level.users or level.rate for level in trial._levels] == [5, 10, 20, 50]
