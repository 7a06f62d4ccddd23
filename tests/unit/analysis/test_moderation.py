"""Few repeats of many cells: each variance is drawn towards what is usual, as far as the cells are alike."""

import math
from statistics import fmean

import numpy as np
import pytest
from scipy import special

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.analysis.comparison.counts import compare_pairs
from stackmatrix.analysis.comparison.moderation import moderate
from stackmatrix.analysis.instructions import summarise
from stackmatrix.results.instructions import InstructionCount


def pair_with(variance: float) -> tuple[float, float]:
    """Two values of this variance."""
    half = math.sqrt(variance / 2)
    return -half, half


def test_cells_that_are_alike_share_one_variance_and_all_degrees_of_freedom() -> None:
    spreads = moderate([pair_with(variance) for variance in (1.0, 2.0, 3.0)])
    assert [spread.freedom for spread in spreads if spread] == [3, 3, 3]
    assert [spread.variance for spread in spreads if spread][:2] == pytest.approx([2.0, 2.0])


def test_a_variance_is_drawn_up_and_never_down() -> None:
    *_, widest = (spread for spread in moderate([pair_with(variance) for variance in (1.0, 2.0, 3.0)]) if spread)
    assert widest.variance == pytest.approx(3.0)


def test_a_cell_that_is_far_from_the_others_is_not_drawn_all_the_way() -> None:
    samples = [tuple(np.linspace(-1, 1, 6) * width) for width in (0.01, 0.1, 1.0, 10.0)]
    tight, *_, wide = (spread for spread in moderate(samples) if spread)
    assert tight.variance < wide.variance / 1_000
    assert 5 < tight.freedom < 10


def test_the_estimate_is_smyths_on_the_logarithms() -> None:
    """What is drawn towards is the mean of log variances, by the d0 at which trigamma explains how these differ."""
    variances = (1e-4, 1e-2, 1.0, 1e2)
    spreads = [spread for spread in moderate([pair_with(variance) for variance in variances]) if spread]
    prior = spreads[0].freedom - 1
    logs = [math.log(variance) - special.digamma(0.5) + math.log(0.5) for variance in variances]
    assert special.polygamma(1, prior / 2) == pytest.approx(np.var(logs, ddof=1) - special.polygamma(1, 0.5))
    usual = math.exp(fmean(logs) + special.digamma(prior / 2) - math.log(prior / 2))
    for spread, own in zip(spreads, variances, strict=True):
        assert spread.variance == pytest.approx(max(own, (prior * usual + own) / (prior + 1)))


def test_one_value_has_no_spread_and_one_repeated_cell_only_its_own() -> None:
    assert moderate([(1.0,), pair_with(4.0)])[0] is None
    spread = moderate([(1.0,), pair_with(4.0)])[1]
    assert spread is not None
    assert spread.variance == pytest.approx(4.0)
    assert spread.freedom == 1


def test_repeats_that_agree_by_chance_have_a_spread_beside_others_and_none_alone() -> None:
    exact, other = (spread for spread in moderate([(1.0, 1.0), pair_with(1.0)]) if spread)
    assert 0 < exact.variance < other.variance
    assert [spread.variance for spread in moderate([(1.0, 1.0), (2.0, 2.0)]) if spread] == [0.0, 0.0]


@pytest.mark.parametrize("unequal", [0.0, 0.5, 1.0])
def test_a_table_of_cells_that_are_the_same_but_for_the_margin_seldom_has_a_difference(unequal: float) -> None:
    """Cells at the very edge of what counts as the same, counted twice each: any difference in a table is a false one.

    ``unequal`` is the standard deviation of the logarithm of how far repeats of a cell are apart.
    """
    generator = np.random.default_rng(7)
    tables, wrong = 400, 0
    for _ in range(tables):
        apart = 0.002 * np.exp(generator.normal(0, unequal, 12))
        means = np.where(np.arange(12) % 2 == 0, 1.0, math.exp(0.005))
        counts = [count(mean * np.exp(generator.normal(0, sd, 2))) for mean, sd in zip(means, apart, strict=True)]
        ratios = compare_pairs([(counts[place], counts[place - 1]) for place in range(1, 12)])
        wrong += any(ratio.word in ("more", "fewer") for ratio in ratios)
    assert wrong / tables <= 0.05


def count(repeats: np.ndarray) -> InstructionCount:
    return summarise(1, 1, [Costs({Function("python", "eval"): round(repeat * 1e7)}) for repeat in repeats])
