"""The rates of a ramp: they only climb, and the reference rate is one of them, to the digit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.matrix.arrivals import climbing
from stackmatrix.matrix.profiles import RampLengths
from stackmatrix.matrix.ramp import (
    COARSE_GROWTH,
    GROWTH,
    HIGHEST_RATE,
    LONGEST_STEP_S,
    STEP_REQUESTS,
    plan_hold,
    plan_ramp,
    until_reference,
)

LENGTHS = RampLengths(step_s=3.0, reference_s=10.0, recovery_s=15.0)


@given(st.floats(2, 100), st.floats(0.05, 2), st.one_of(st.none(), st.integers(1, 500)))
def test_rates_climb_in_even_steps_from_below_up_to_the_highest(rate: float, floor_s: float, slots: int | None) -> None:
    plan = plan_ramp(rate, floor_s, slots, LENGTHS)
    growth = COARSE_GROWTH if plan.reference is None else GROWTH
    for one, next_one in pairwise(plan.rates):
        assert next_one / one == pytest.approx(growth)
    assert HIGHEST_RATE / growth < plan.rates[-1] <= HIGHEST_RATE * 1.001
    assert len(plan.seconds) == len(plan.rates)
    assert plan.drop_rate in plan.rates
    if slots is None or slots / floor_s > 1.3 * rate:
        assert plan.reference is not None
        assert plan.rates[plan.reference] == plan.drop_rate == rate
        assert plan.rates[0] < rate


def test_the_reference_rate_is_driven_for_longer_and_a_slow_step_for_as_long_as_twenty_arrivals_take() -> None:
    plan = plan_ramp(6.0, 0.6, None, LENGTHS)
    assert plan.reference is not None
    assert plan.seconds[plan.reference] == 10.0
    others = [(r, s) for place, (r, s) in enumerate(zip(plan.rates, plan.seconds, strict=True)) if place != 2]
    assert all(seconds == pytest.approx(max(3.0, STEP_REQUESTS / rate)) for rate, seconds in others)
    assert others[0][1] > 3.0 == others[-1][1]


@pytest.mark.parametrize("slots", [1, 2, 14])
def test_a_cell_whose_slots_cannot_hold_the_reference_rate_has_none_and_begins_at_half_of_what_they_let_through(
    slots: int,
) -> None:
    plan = plan_ramp(20.0, 0.6, slots, LENGTHS)
    assert plan.reference is None
    assert plan.rates[0] == plan.drop_rate == pytest.approx(slots / 0.6 / 2)
    assert plan.seconds[0] == LENGTHS.reference_s
    assert max(plan.seconds[1:]) <= LONGEST_STEP_S


def test_a_cell_with_slots_to_spare_has_the_reference_rate() -> None:
    assert plan_ramp(20.0, 0.6, 16, LENGTHS).reference is not None


def test_the_rate_at_a_moment_is_that_of_its_step_and_after_the_end_the_last() -> None:
    plan = plan_ramp(20.0, 0.6, None, LENGTHS)
    for place, rate in enumerate(plan.rates):
        first_s, last_s = plan.span_s(place)
        assert last_s - first_s == pytest.approx(plan.seconds[place])
        assert plan.rate_at(first_s) == plan.rate_at((first_s + last_s) / 2) == rate
    assert plan.rate_at(-1.0) == plan.rates[0]
    assert plan.rate_at(plan.starts_s[-1] + 1) == plan.rates[-1]


def test_the_beginning_of_a_ramp_has_its_arrivals_and_ends_with_the_reference_rate() -> None:
    plan = plan_ramp(20.0, 0.6, None, LENGTHS)
    part = until_reference(plan)
    assert part.rates[-1] == 20.0
    assert (part.reference, part.before, part.drop_rate) == (plan.reference, plan.before, plan.drop_rate)
    of_whole = [at_s for at_s in climbing(plan.rates, plan.seconds, 0.0, "seed") if at_s < part.starts_s[-1]]
    assert [*climbing(part.rates, part.seconds, 0.0, "seed")] == of_whole


def test_a_hold_is_one_rate() -> None:
    plan = plan_hold(48.0, 180.0)
    assert (plan.rates, plan.seconds, plan.reference, plan.drop_rate) == ((48.0,), (180.0,), None, 48.0)
    assert plan.rate_at(179.0) == 48.0


@given(st.floats(0.1, 10 * HIGHEST_RATE), st.floats(0.005, 60), st.one_of(st.none(), st.integers(1, 100_000)))
def test_a_ramp_has_its_reference_rate_whatever_the_rate_and_the_page_are(
    rate: float, floor_s: float, slots: int | None
) -> None:
    plan = plan_ramp(rate, floor_s, slots, LENGTHS)
    assert plan.drop_rate in plan.rates
    assert plan.reference is None or plan.rates[plan.reference] == rate
