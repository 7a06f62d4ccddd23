"""Intervals, exact tests and corrections are those of the literature."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from stackmatrix.analysis.comparison import inference
from stackmatrix.analysis.comparison.inference import (
    Difference,
    differ,
    differ_unpaired,
    holm,
    log_ratios,
    sign_flip_p,
)

SIX = (0.10, 0.11, 0.09, 0.105, 0.095, 0.10)


def test_a_ratio_is_of_the_same_block() -> None:
    assert log_ratios((20, 5), (10, 10)) == pytest.approx((math.log(2), -math.log(2)))
    with pytest.raises(ValueError, match="shorter"):
        log_ratios((1, 2), (1,))


def test_the_interval_is_students() -> None:
    one = differ((1.0, 2.0, 3.0, 4.0, 5.0))
    # t(0.975, 4) = 2.776, and the standard error is sqrt(2.5 / 5).
    assert (one.mean, one.low, one.high) == pytest.approx((3, 3 - 1.9632, 3 + 1.9632), abs=1e-3)


def test_one_block_has_neither_interval_nor_p() -> None:
    one = differ((0.1,))
    assert one == Difference(0.1, None, 0, 1, None)
    assert (one.low, one.high) == (None, None)
    with pytest.raises(ValueError, match="no values"):
        differ(())


def test_values_that_do_not_belong_together_are_compared_by_welchs_t_and_by_permutations() -> None:
    one, other = (10.0, 12.0, 11.0, 13.0), (9.0, 9.5, 9.2)
    told, expected = differ_unpaired(one, other), stats.ttest_ind(one, other, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (told.mean, told.low, told.high) == pytest.approx((11.5 - 9.2333, interval.low, interval.high), abs=1e-3)
    assert (told.blocks, told.is_paired) == (3, False)
    # Of the 35 ways to divide seven values, this one and its mirror image in size are the most extreme.
    assert told.p == pytest.approx(2 / 35, abs=1 / 35)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_the_sign_flip_p_is_the_share_of_sign_assignments_that_are_as_extreme(count: int) -> None:
    values = np.random.default_rng(count).normal(0.5, 1, count)
    sums = [abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
            for signs in product((1, -1), repeat=count)]  # fmt: skip
    expected = sum(one >= abs(values.sum()) - 1e-12 for one in sums) / len(sums)
    assert sign_flip_p(values.tolist()) == pytest.approx(expected)


def test_six_blocks_of_one_sign_reach_a_p_below_five_per_cent_and_five_do_not() -> None:
    assert sign_flip_p(SIX) == 2 / 64
    assert sign_flip_p(SIX[:5]) == 2 / 32 > inference.SIGNIFICANCE


def test_the_sign_flip_p_of_many_blocks_is_sampled_and_agrees_with_the_exact_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(7).normal(0.3, 1, 18).tolist()
    exact = sign_flip_p(values)
    monkeypatch.setattr(inference, "MOST_EXACT", 17)
    assert sign_flip_p(values) == pytest.approx(exact, abs=0.02)


def test_holm_multiplies_the_smallest_by_their_number_the_next_by_one_less_and_never_falls() -> None:
    assert holm((0.04, 0.01, 0.03)) == pytest.approx((0.06, 0.03, 0.06))
    assert holm((0.6, 0.9)) == (1.0, 1.0)
    assert holm(()) == ()
