"""A calibration is made in the first turn of a run, step by step, and measures no cell."""

from collections.abc import Callable

from stackmatrix.measurements.calibration.kind import TWIN_COUNT, MachineCalibration
from stackmatrix.measurements.request import Outcome, Setup, Standing


def test_all_of_it_is_done_in_the_first_turn(
    make_setup: Callable[..., Setup], make_standing: Callable[..., Standing]
) -> None:
    kind = MachineCalibration()
    kind.begin(make_setup(()))
    steps = kind.steps(0, make_standing())
    assert [step.number for step in steps] == list(range(3 + TWIN_COUNT))
    assert all(step.cells == () for step in steps)
    assert kind.steps(1, make_standing()) == ()


def test_a_step_does_its_own_part_and_gives_no_block(
    make_setup: Callable[..., Setup], make_standing: Callable[..., Standing]
) -> None:
    kind = MachineCalibration()
    kind.begin(make_setup(()))
    actions = kind._actions
    kind._actions = tuple(lambda _, place=place: f"part {place}" for place in range(len(actions)))  # type: ignore[misc]
    outcomes = [kind.perform(step, lambda _: None) for step in kind.steps(0, make_standing())]
    assert outcomes == [Outcome(f"part {place}") for place in range(len(actions))]
