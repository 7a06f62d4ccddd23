"""The promises of the method, held by made-up runs with the real looks: how often it errs, and how soon it is sure.

The figures are of fixed seeds; ``python -m stackmatrix.analysis.comparison.simulate`` prints them for more runs.
"""

import math

import numpy as np
import pytest

from stackmatrix.analysis.comparison.looks import AT_THREE, ERROR
from stackmatrix.analysis.comparison.simulate import (
    FEWER,
    NOISES,
    WIDE,
    Design,
    Noise,
    Tally,
    at_the_edge,
    simulate,
    truth_of,
)

CALM = Noise()
SURE = 0.9


@pytest.fixture(scope="module")
def measured() -> Tally:
    """Six stacks on two Pythons with differences as they were measured."""
    return simulate(WIDE, truth_of(WIDE), CALM, 300)


def test_of_runs_without_any_difference_one_of_twenty_at_most_finds_one() -> None:
    tally = simulate(WIDE, np.zeros(WIDE.cells), CALM, 1_000)
    assert tally.wrong_share <= ERROR
    assert tally.missed_share <= ERROR
    assert tally.wrong_share >= ERROR / 5, "the intervals are much wider than they need be"


@pytest.mark.parametrize("name", list(NOISES)[1:])
def test_unlike_noise_and_missing_blocks_keep_the_size(name: str) -> None:
    assert simulate(WIDE, np.zeros(WIDE.cells), NOISES[name], 250).wrong_share <= ERROR


@pytest.mark.parametrize("design", [Design(1, 1), Design(1, 2), Design(2, 2)], ids=lambda one: f"{one.cells} cells")
@pytest.mark.parametrize("times", [1.0, 3.0])
def test_few_cells_keep_the_size_however_noisy_the_reference_is(design: Design, times: float) -> None:
    noise = Noise(noisier=((design.reference, times),))
    assert simulate(design, np.zeros(design.cells), noise, 250).wrong_share <= ERROR


@pytest.mark.parametrize("design", [WIDE, Design(1, 1)], ids=lambda one: f"{one.cells} cells")
@pytest.mark.parametrize("noise", [CALM, Noise(uneven=0.4)], ids=["calm", "uneven"])
def test_the_size_is_kept_where_most_of_the_error_is_spent_at_three_blocks(design: Design, noise: Noise) -> None:
    tally = simulate(design, np.zeros(design.cells), noise, 400, spending=AT_THREE)
    assert tally.wrong_share <= ERROR


def test_cells_that_differ_by_just_what_matters_are_seldom_called_the_same() -> None:
    assert simulate(WIDE, at_the_edge(WIDE), CALM, 400).wrong_same_share <= ERROR


def test_differences_as_measured_are_found_in_their_direction(measured: Tally) -> None:
    assert measured.wrong_share <= ERROR
    assert measured.wrong_same_share <= ERROR
    assert measured.missed_share <= ERROR


def test_a_planted_six_per_cent_is_found_within_five_blocks_in_nine_of_ten_runs(measured: Tally) -> None:
    planted = (WIDE.cells - 1, WIDE.reference)
    assert measured.decided_by(planted, 5) >= SURE


def test_differences_of_thirty_per_cent_and_more_are_found_by_three_blocks(measured: Tally) -> None:
    truth = truth_of(WIDE)
    large = [pair for pair in WIDE.pairs if abs(truth[pair[0]] - truth[pair[1]]) > math.log(1.3)]
    assert len(large) > 15
    assert all(measured.decided_after(pair) == 3 for pair in large)


def test_of_smaller_differences_each_is_found_by_most_runs_in_good_time() -> None:
    truth = np.zeros(FEWER.cells)
    truth[1:6] = np.log([1.27, 1.73, 1.08, 1.06, 1.04])
    tally = simulate(FEWER, truth, CALM, 300)
    assert tally.decided_by((1, 0), 3) >= SURE
    assert tally.decided_by((2, 0), 3) >= SURE
    assert tally.decided_by((3, 0), 4) >= 0.8
    assert tally.decided_by((4, 0), 5) >= SURE
    assert tally.decided_by((5, 0), 8) >= 0.7


def test_cells_without_difference_are_mostly_called_the_same_by_the_last_look(measured: Tally) -> None:
    twin = (WIDE.cells - 2, WIDE.reference)
    assert measured.decided_by(twin, 16) >= 0.6


def test_cells_that_leave_when_they_are_decided_keep_the_size_and_the_power() -> None:
    tally = simulate(WIDE, truth_of(WIDE), CALM, 100, races=True)
    assert tally.wrong_share <= ERROR
    assert tally.missed_share <= ERROR
    assert tally.decided_by((WIDE.cells - 1, WIDE.reference), 6) >= SURE
