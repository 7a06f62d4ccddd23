"""The plan of an open level or a ramp: seeded, the same wherever it is read, and a Poisson process."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.matrix.arrivals import arrivals, climbing, drop_seed, plan_seed, planned

SEEDS = st.integers(0, 2**32).map(lambda seed: plan_seed(seed, 0))
RATES = st.floats(0.1, 500)
LENGTHS_S = st.floats(0, 5)


def first(count: int, rate: float, starts_s: float, seed: str) -> list[float]:
    return list(islice(arrivals(rate, starts_s, seed), count))


@given(RATES, SEEDS)
def test_the_same_seed_gives_the_same_plan_and_arrivals_come_one_after_the_other(rate: float, seed: str) -> None:
    plan = first(50, rate, 0.0, seed)
    assert plan == first(50, rate, 0.0, seed)
    assert plan == sorted(plan)
    assert plan[0] > 0


@given(RATES, SEEDS, st.floats(0, 1e6))
def test_a_plan_is_the_same_whenever_it_starts(rate: float, seed: str, starts_s: float) -> None:
    moved = [at_s - starts_s for at_s in first(20, rate, starts_s, seed)]
    assert moved == pytest.approx(first(20, rate, 0.0, seed), abs=1e-6)


@pytest.mark.parametrize(("trial_seed", "level"), [(1, 0), (0, 1), (10, 1), (1, 10), (11, 0)])
def test_another_trial_or_another_level_has_another_plan(trial_seed: int, level: int) -> None:
    assert first(5, 1.0, 0.0, plan_seed(trial_seed, level)) != first(5, 1.0, 0.0, plan_seed(0, 0))


def test_seed_and_level_are_not_run_together() -> None:
    assert plan_seed(1, 11) != plan_seed(11, 1)


@given(RATES, LENGTHS_S, LENGTHS_S, SEEDS)
def test_what_is_planned_is_what_arrives_within_the_window(
    rate: float, settle_s: float, window_s: float, seed: str
) -> None:
    came = first(20_000, rate, 0.0, seed)
    assert came[-1] > settle_s + window_s
    within = [at_s for at_s in came if settle_s <= at_s < settle_s + window_s]
    assert planned(rate, settle_s, window_s, seed) == len(within)


def test_an_arrival_at_the_windows_start_is_of_it_and_one_at_its_end_is_not() -> None:
    one, two, three = first(3, 1.0, 0.0, "seed")
    assert planned(1.0, one, three - one, "seed") == len([one, two])


def test_arrivals_are_a_poisson_process() -> None:
    plan = [0.0, *first(20_000, 200.0, 0.0, "seed")]
    gaps_s = [later - earlier for earlier, later in pairwise(plan)]
    mean_s = sum(gaps_s) / len(gaps_s)
    # Of exponential gaps, the standard deviation is the mean, and 37 of 100 are longer than it.
    assert mean_s == pytest.approx(1 / 200, rel=0.03)
    assert sum((gap_s - mean_s) ** 2 for gap_s in gaps_s) / len(gaps_s) == pytest.approx(mean_s**2, rel=0.05)
    assert sum(gap_s > mean_s for gap_s in gaps_s) / len(gaps_s) == pytest.approx(0.368, abs=0.01)


# Ramps

RAMP = (RATES_OF_A_RAMP, SECONDS_OF_A_RAMP) = (20.0, 50.0, 200.0), (40.0, 30.0, 20.0)


@given(st.lists(st.tuples(st.floats(0.5, 100), st.floats(0.1, 3)), min_size=1, max_size=5), SEEDS, st.floats(0, 1e6))
def test_a_ramp_is_the_same_for_the_same_seed_in_order_and_over_with_its_last_rate(
    steps: list[tuple[float, float]], seed: str, starts_s: float
) -> None:
    rates, seconds = zip(*steps, strict=True)
    plan = list(climbing(rates, seconds, starts_s, seed))
    assert plan == list(climbing(rates, seconds, starts_s, seed))
    assert plan == sorted(plan)
    assert all(starts_s <= at_s <= starts_s + sum(seconds) + 1e-6 for at_s in plan)


@given(RATES, SEEDS)
def test_a_ramp_of_one_rate_has_the_arrivals_of_a_level_of_that_rate(rate: float, seed: str) -> None:
    came = list(climbing((rate,), (3.0,), 0.0, seed))
    assert came == pytest.approx(first(len(came), rate, 0.0, seed), rel=1e-9)


def test_a_rate_that_is_driven_in_two_steps_has_the_arrivals_of_one() -> None:
    whole = list(climbing((30.0,), (7.0,), 5.0, "seed"))
    assert list(climbing((30.0, 30.0), (2.5, 4.5), 5.0, "seed")) == pytest.approx(whole, rel=1e-9)
    assert len(whole) > 100


def test_each_rate_of_a_ramp_is_a_poisson_process_of_its_own_rate() -> None:
    counts = [0, 0, 0]
    gaps_s: list[list[float]] = [[], [], []]
    for seed in range(20):
        at_s, begin_s = list(climbing(*RAMP, 0.0, str(seed))), 0.0
        for place, lasts_s in enumerate(SECONDS_OF_A_RAMP):
            within = [one for one in at_s if begin_s <= one < begin_s + lasts_s]
            counts[place] += len(within)
            gaps_s[place] += [later - earlier for earlier, later in pairwise(within)]
            begin_s += lasts_s
    for rate, lasts_s, count, gaps in zip(RATES_OF_A_RAMP, SECONDS_OF_A_RAMP, counts, gaps_s, strict=True):
        assert count == pytest.approx(20 * rate * lasts_s, rel=0.03)
        assert sum(gap_s > 1 / rate for gap_s in gaps) / len(gaps) == pytest.approx(0.368, abs=0.01)


def test_what_arrives_after_the_drop_is_a_plan_of_its_own() -> None:
    assert first(5, 10.0, 0.0, drop_seed("7:0")) != first(5, 10.0, 0.0, "7:0")
