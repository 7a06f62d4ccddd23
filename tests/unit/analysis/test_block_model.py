"""A value is its cell's effect, its block's effect and a rest: fitted as any textbook does, with entries missing."""

import numpy as np
import pytest

from stackmatrix.analysis.comparison.block_model import Fit
from stackmatrix.analysis.comparison.moderation import Array

NAN = float("nan")


def fit(table: Array) -> Fit:
    found = Fit.of(table)
    assert found is not None
    return found


def noisy(cells: int, blocks: int, seed: int = 1) -> Array:
    generator = np.random.default_rng(seed)
    return np.asarray(generator.normal(0, 0.02, (cells, blocks)) + generator.normal(0, 1, blocks))


def by_dummies(table: Array) -> tuple[Array, float, Array]:
    """Cell effects, residual sum of squares and the covariance of the effects for one noise, by dummy variables."""
    cells, blocks = table.shape
    rows = [(cell, block) for cell in range(cells) for block in range(blocks) if not np.isnan(table[cell, block])]
    design = np.zeros((len(rows), cells + blocks))
    for row, (cell, block) in enumerate(rows):
        design[row, cell] = design[row, cells + block] = 1
    values = np.array([table[row] for row in rows])
    inverse = np.linalg.pinv(design.T @ design)
    found = inverse @ design.T @ values
    return found[:cells], float(((values - design @ found) ** 2).sum()), inverse[:cells, :cells]


def test_without_gaps_a_contrast_is_the_mean_of_paired_differences() -> None:
    table = noisy(4, 5)
    contrasts = fit(table).contrast([(2, 0)])
    assert contrasts.estimates == pytest.approx([(table[2] - table[0]).mean()])


def test_what_a_block_does_to_all_cells_does_not_enter() -> None:
    table = noisy(4, 5)
    moved = table + np.array([5.0, -3.0, 0.0, 100.0, 7.0])
    one, other = fit(table), fit(moved)
    assert one.contrast([(1, 0)]).estimates == pytest.approx(other.contrast([(1, 0)]).estimates)
    assert one.rest == pytest.approx(other.rest)


def test_with_gaps_effects_and_rest_are_those_of_least_squares_by_dummy_variables() -> None:
    table = noisy(5, 6)
    table[1, 2] = table[3, 4] = table[4, 3:] = NAN
    effects, squares, _ = by_dummies(table)
    found = fit(table)
    assert found.effects - found.effects.mean() == pytest.approx(effects - effects.mean())
    shown = int((~np.isnan(table)).sum())
    assert found.freedom == shown - 5 - 6 + 1
    assert found.rest**2 * found.freedom == pytest.approx(squares)


def test_with_gaps_errors_are_those_of_least_squares_where_cells_have_the_same_noise() -> None:
    table = noisy(5, 6)
    table[1, 2] = table[3, 4] = table[4, 3:] = NAN
    found = fit(table)
    same = Fit(found.effects, found.solver, found.shown, type(found.noise)(np.full(5, 4.0), np.full(5, 9.0)), 2.0, 9.0)
    _, _, covariance = by_dummies(table)
    contrasts = same.contrast([(4, 1), (2, 0)])
    for (one, other), error in zip([(4, 1), (2, 0)], contrasts.errors, strict=True):
        direction = np.zeros(5)
        direction[one], direction[other] = 1, -1
        assert error == pytest.approx(2.0 * np.sqrt(direction @ covariance @ direction))
    assert contrasts.freedoms == pytest.approx([9.0, 9.0])


def test_a_cell_that_left_costs_its_own_blocks_only() -> None:
    table = noisy(4, 8)
    stayed = fit(table).contrast([(1, 0)])
    table[3, 3:] = NAN
    assert fit(table).contrast([(1, 0)]).estimates == pytest.approx(stayed.estimates)


def test_a_noisy_cell_is_seen_as_noisy_as_it_is_and_its_neighbours_are_not() -> None:
    generator = np.random.default_rng(3)
    table = generator.normal(0, 1, (6, 4_000)) * np.array([1, 1, 1, 5, 1, 1])[:, None]
    variance = fit(table).noise.variance
    assert variance[3] == pytest.approx(25, rel=0.1)
    assert variance[[0, 1, 2, 4, 5]] == pytest.approx(np.full(5, 1.6), abs=0.7)


def test_the_error_of_a_contrast_is_its_own_cells() -> None:
    generator = np.random.default_rng(3)
    table = generator.normal(0, 1, (8, 400)) * np.array([1, 1, 1, 6, 1, 1, 1, 1])[:, None]
    quiet, loud = fit(table).contrast([(1, 0), (3, 0)]).errors
    assert loud > 3 * quiet


def test_cells_that_no_block_links_cannot_be_compared_and_those_linked_by_others_can() -> None:
    table = np.array(
        [
            [1.0, 1.1, 1.2, NAN, NAN, NAN],
            [2.0, 2.2, 2.1, 2.0, 2.1, NAN],
            [NAN, NAN, NAN, 3.0, 3.2, 3.3],
            [NAN, NAN, NAN, NAN, NAN, 9.0],
        ]
    )
    contrasts = fit(table).contrast([(2, 0)])
    assert contrasts.estimates == pytest.approx([2.0], abs=0.2)
    table[1, 3:] = NAN
    contrasts = fit(table).contrast([(2, 0), (1, 0)])
    assert np.isnan(contrasts.estimates).tolist() == [True, False]
    assert np.isnan(contrasts.errors).tolist() == [True, False]


def test_blocks_of_one_cell_say_nothing() -> None:
    table = noisy(3, 4)
    alone = np.hstack([table, np.array([[7.0, NAN], [NAN, 8.0], [NAN, NAN]])])
    assert fit(alone).contrast([(1, 0)]).errors == pytest.approx(fit(table).contrast([(1, 0)]).errors)


@pytest.mark.parametrize("table", [np.full((3, 4), NAN), np.array([[1.0], [2.0]]), np.empty((2, 0))])
def test_where_nothing_would_be_left_over_there_is_no_fit(table: Array) -> None:
    assert Fit.of(table) is None


def test_values_that_agree_exactly_have_no_error() -> None:
    contrasts = fit(np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])).contrast([(1, 0)])
    assert contrasts.estimates == pytest.approx([1.0])
    assert contrasts.errors == pytest.approx([0.0])
