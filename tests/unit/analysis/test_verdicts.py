"""A difference is claimed on evidence only: paired by block, beyond what a cell differs from itself, and corrected."""

import numpy as np
import pytest

from stackmatrix.analysis.comparison import inference
from stackmatrix.analysis.comparison.inference import (
    differ,
    differ_unpaired,
    p_beyond,
)
from stackmatrix.analysis.comparison.verdicts import judge_all, margin_of

SIX = (0.10, 0.11, 0.09, 0.105, 0.095, 0.10)


def judge(values: tuple[float, ...], margin: float = 0.02, *, higher_is_better: bool = True) -> str:
    return judge_all([differ(values)], margin, higher_is_better=higher_is_better)[0].word


def test_unpaired_values_cost_what_their_blocks_have_in_common() -> None:
    moments = np.random.default_rng(3).normal(0, 0.1, 6)
    one, other = moments + 0.1, moments + np.array((0.0, 0.001, -0.001, 0.0, 0.001, -0.001))
    paired, unpaired = differ((one - other).tolist()), differ_unpaired(one.tolist(), other.tolist())
    words = [judge_all([each], 0.02, higher_is_better=True)[0].word for each in (paired, unpaired)]
    assert words == ["faster", "undecided"]


def test_one_unpaired_value_decides_nothing() -> None:
    assert differ_unpaired((0.5,), (0.1, 0.2)).error is None
    assert judge_all([differ_unpaired((0.5,), (0.1, 0.2))], 0.02, higher_is_better=True)[0].word == "not enough blocks"


def test_the_margin_is_two_per_cent_or_twice_the_twins_spread() -> None:
    assert margin_of(None) == margin_of((0.5,)) == margin_of((0.001, -0.001, 0.0)) == 0.02
    assert margin_of((0.03, -0.03)) == pytest.approx(2 * 0.0424, abs=1e-3)


def test_a_sure_difference_beyond_the_margin_is_claimed_in_the_direction_that_is_better() -> None:
    assert judge(SIX) == "faster"
    assert judge(SIX, higher_is_better=False) == "slower"
    assert judge(tuple(-one for one in SIX)) == "slower"
    assert judge(tuple(-one for one in SIX), higher_is_better=False) == "faster"


def test_a_difference_whose_interval_is_within_the_margin_is_none() -> None:
    assert judge((0.011, 0.009, 0.010, 0.012, 0.008, 0.010)) == "same"


@pytest.mark.parametrize(
    ("values", "margin"),
    [
        ((0.3, -0.1, 0.2, -0.2, 0.4, 0.0), 0.02),
        (SIX, 0.099),
        (SIX, 0.101),
        ((0.021, 0.023, 0.022, 0.0215, 0.0225, 0.017), 0.02),
    ],
    ids=["it varies", "the interval reaches into the margin", "it reaches out of it", "it touches the margin"],
)
def test_what_is_neither_beyond_nor_inside_is_undecided(values: tuple[float, ...], margin: float) -> None:
    assert judge(values, margin) == "undecided"


def test_below_six_blocks_nothing_is_claimed_however_large_the_difference() -> None:
    assert judge((1.0, 1.01, 1.02, 0.99, 1.0)) == "not enough blocks"
    assert judge((0.0, 0.0, 0.0, 0.0, 0.0)) == "not enough blocks"
    assert judge((1.0,)) == "not enough blocks"


def test_among_many_comparisons_a_difference_needs_a_smaller_p() -> None:
    barely = differ((0.06, 0.10, 0.03, 0.11, 0.05, 0.09))
    assert p_beyond(barely, 0.02) == pytest.approx(0.006, abs=0.002)
    assert judge_all([barely], 0.02, higher_is_better=True)[0].word == "faster"
    noise = differ((0.3, -0.1, 0.2, -0.2, 0.4, 0.0))
    first, *_ = judge_all([barely, *[noise] * 11], 0.02, higher_is_better=True)
    assert (first.p_holm or 0) > inference.SIGNIFICANCE
    assert first.word == "undecided"


def test_a_comparison_without_enough_blocks_takes_nothing_from_the_others() -> None:
    first, second = judge_all([differ(SIX), differ(SIX[:3])], 0.02, higher_is_better=True)
    assert first.p_holm == p_beyond(differ(SIX), 0.02)
    assert (second.p_holm, second.word) == (None, "not enough blocks")


def test_the_same_cell_twice_is_called_different_in_no_more_than_one_of_twenty_comparisons() -> None:
    """With a margin from a twin of the same noise, and with the least margin alone, at three sizes of noise."""
    generator = np.random.default_rng(1)
    for sd in (0.005, 0.03, 0.15):
        words = []
        for _ in range(1000):
            pair, twin = generator.normal(0, sd, (2, 6))
            words.append(judge(tuple(pair), margin_of(tuple(twin))))
            words.append(judge(tuple(pair)))
        wrong = sum(word in ("faster", "slower") for word in words)
        assert wrong <= 0.05 * len(words), sd
