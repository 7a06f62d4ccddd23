"""What follows from the facts of a level by themselves: saturation, bounds, and how even a core was."""

from collections.abc import Callable

import pytest

from stackmatrix.analysis.level.facts import LevelFacts, Pace, is_saturated, largest_deviation, unrest
from stackmatrix.matrix.ladder import LoadLevel

type Make[T] = Callable[..., T]

FLOOR_MS = 600.0


@pytest.mark.parametrize(
    ("plan", "throughput_rps", "saturated"),
    [
        (LoadLevel("closed", 6), 10.0, False),
        (LoadLevel("closed", 6), 9.01, False),
        (LoadLevel("closed", 6), 8.99, True),
        (LoadLevel("open", 20), 18.1, False),
        (LoadLevel("open", 20), 17.9, True),
    ],
)
def test_a_level_is_saturated_below_nine_tenths_of_what_was_offered(
    plan: LoadLevel, throughput_rps: float, *, saturated: bool
) -> None:
    assert is_saturated(plan, throughput_rps, FLOOR_MS) is saturated


@pytest.mark.parametrize(
    ("planned_rate", "throughput_rps", "saturated"),
    [
        (16.0, 14.5, False),  # chance offered less than the rate: it is what chance offered that counts
        (16.0, 14.3, True),
        (24.0, 18.1, False),  # and more: the rate is what was to be sustained
        (24.0, 17.9, True),
        (0.0, 0.0, False),
    ],
)
def test_an_open_level_is_asked_to_sustain_no_more_than_its_plan_had_and_no_more_than_its_rate(
    planned_rate: float, throughput_rps: float, *, saturated: bool
) -> None:
    assert is_saturated(LoadLevel("open", 20), throughput_rps, FLOOR_MS, planned_rate) is saturated


def test_what_the_plan_of_an_open_level_offered_is_a_rate(make_facts: Make[LevelFacts], make_row: Make[bytes]) -> None:
    facts = make_facts([make_row(105, 105.6)], plan=LoadLevel("open", 2), planned=1)
    assert facts.planned_rate == 0.1
    assert not facts.saturated
    assert make_facts([make_row(105, 105.6)], plan=LoadLevel("open", 2), planned=30).saturated
    assert make_facts().planned_rate is None


def test_the_bound_of_a_closed_level_is_physical_and_of_an_open_one_what_is_offered(
    make_facts: Make[LevelFacts],
) -> None:
    assert make_facts(slots=2, plan=LoadLevel("closed", 100)).bound_rps == pytest.approx(2 / 0.6)
    assert make_facts(slots=2, plan=LoadLevel("open", 7)).bound_rps == 7


def test_the_usual_pace_is_the_median_of_the_whole_run_and_one_hiccup_does_not_move_it() -> None:
    pace = Pace(before_s=5.0, after_s=6.0, of_run_s=(1.0, 1.0, 3.0, 3.0, 90.0))
    assert pace.usual_s == 3.0


@pytest.mark.parametrize(
    ("readings", "share"), [((1.0, 2.0, 2.2), 0.5), ((1.8, 2.0, 3.0), 0.5), ((2.0, 2.0), 0.0), ((7.0,), 0.0)]
)
def test_spread_is_the_largest_deviation_from_the_median_in_either_direction(
    readings: tuple[float, ...], share: float
) -> None:
    assert largest_deviation(readings) == pytest.approx(share)


@pytest.mark.parametrize(
    ("unusual", "share"), [((), 0.0), ((9.0,), 0.0), ((1.5, 9.0), 0.5), ((0.4, 9.0), 0.6), ((1.1, 1.5, 9.0), 0.5)]
)
def test_unrest_leaves_out_the_twentieth_part_that_is_furthest_off(unusual: tuple[float, ...], share: float) -> None:
    assert unrest((*[1.0] * 19, *unusual)) == pytest.approx(share)
    assert unrest([2.0]) == 0
