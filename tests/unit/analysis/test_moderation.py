"""Few blocks of many cells: each variance is drawn up towards what is usual, as far as the cells are alike."""

import math
from statistics import fmean

import numpy as np
import pytest
from scipy import special

from stackmatrix.analysis.comparison.moderation import LEAST_PRIOR, Variances, moderate

MANY = 1_000.0


def own(variances: tuple[float, ...], freedom: float) -> Variances:
    return Variances(np.array(variances), np.full(len(variances), freedom))


def moderated(variances: tuple[float, ...], freedom: float, total: float = MANY) -> Variances:
    one = own(variances, freedom)
    return moderate(one, one.variance, total)


def test_cells_that_are_alike_share_one_variance_and_all_degrees_of_freedom() -> None:
    found = moderated((1.0, 1.1, 1.2), 10, total=30)
    assert found.variance[:2] == pytest.approx([1.1, 1.1])
    assert found.freedom[:2] == pytest.approx([30, 30])


def test_a_variance_is_drawn_up_and_never_down_and_what_was_not_drawn_borrows_less() -> None:
    found = moderated((1.0, 2.0, 3.0), 2, total=6)
    assert found.variance == pytest.approx([2.0, 2.0, 3.0])
    assert found.freedom == pytest.approx([6, 6, 2 + 4 * 2 / 3])


def test_a_cell_that_is_far_from_the_others_is_not_drawn_all_the_way() -> None:
    found = moderated((1e-4, 1e-2, 1.0, 100.0), 200)
    assert found.variance[0] < found.variance[3] / 10
    assert found.variance[3] == 100.0
    assert 200 < found.freedom[3] < 240


def test_the_prior_is_smyths_where_cells_differ_by_more_than_chance() -> None:
    """What is drawn towards is the mean of log variances, by the d0 at which trigamma explains how these differ."""
    variances, freedom = (0.5, 0.8, 1.0, 1.2, 4.0), 40.0
    found = moderated(variances, freedom)
    half = freedom / 2
    logs = [math.log(variance) - special.digamma(half) + math.log(half) for variance in variances]
    excess = np.var(logs, ddof=1) - special.polygamma(1, half)
    prior = next(d / 1_000 for d in range(1, 10**6) if special.polygamma(1, d / 2_000) <= excess)
    usual = math.exp(fmean(logs) + special.digamma(prior / 2) - math.log(prior / 2))
    usual, prior = max(usual, fmean(variances)), max(prior, LEAST_PRIOR)
    expected = [max(one, (prior * usual + freedom * one) / (prior + freedom)) for one in variances]
    assert found.variance == pytest.approx(expected, rel=1e-3)


def test_cells_that_seem_very_unlike_still_borrow_some_degrees_of_freedom() -> None:
    assert moderated((1e-6, 1.0, 1e6), 2).freedom[0] == pytest.approx(2 + LEAST_PRIOR)


def test_no_more_degrees_of_freedom_are_borrowed_than_all_cells_have() -> None:
    assert moderated((1.0, 1.0, 1.0), 2, total=6).freedom == pytest.approx([6, 6, 6])
    assert moderated((5.0,), 2, total=2).freedom == pytest.approx([2])
    assert moderated((5.0,), 2, total=2).variance == pytest.approx([5.0])


def test_no_variance_is_below_what_it_must_be_at_least() -> None:
    found = moderate(own((1.0, 1.0), 5), np.array([0.0, 7.0]), 10)
    assert found.variance == pytest.approx([1.0, 7.0])


@pytest.mark.parametrize("variances", [(0.0, 1.0), (0.0, 0.0)])
def test_blocks_that_agree_by_chance_give_numbers_and_nothing_infinite(variances: tuple[float, ...]) -> None:
    found = moderated(variances, 2, total=4)
    assert np.isfinite(found.variance).all()
    assert np.isfinite(found.freedom).all()
    assert (found.variance[0] > 0) == any(variances)
