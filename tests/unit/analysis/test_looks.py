"""Five per cent of error are spent over the looks in advance, so that looking often is no way to find more."""

import numpy as np
import pytest
from scipy import special

from stackmatrix.analysis.comparison.looks import ERROR, SPENT, looks_at, two_sided_levels
from stackmatrix.matrix.profiles import LOOKS

ONE = ((1, 0),)


def test_all_that_may_be_spent_is_spent_and_no_more() -> None:
    assert sum(SPENT) == pytest.approx(ERROR)
    assert len(SPENT) == len(LOOKS)


def test_looks_are_those_that_the_blocks_have_reached() -> None:
    assert looks_at(2) == ()
    assert looks_at(7) == (3, 4, 5, 6)
    assert looks_at(100) == LOOKS


def test_the_first_look_of_one_comparison_spends_just_its_share() -> None:
    assert two_sided_levels(2, ONE)[0] == pytest.approx(SPENT[0], rel=0.5)


def test_many_comparisons_need_each_to_be_surer_but_not_by_as_much_as_bonferroni() -> None:
    pairs = tuple((one, other) for one in range(6) for other in range(one))
    family, alone = two_sided_levels(6, pairs), two_sided_levels(6, ONE)
    for share, many, single in zip(SPENT[1:], family[1:], alone[1:], strict=True):
        assert share / len(pairs) < many < single


def test_the_levels_are_the_same_every_time() -> None:
    once = two_sided_levels(4, ONE)
    two_sided_levels.cache_clear()
    assert two_sided_levels(4, ONE) == once


def test_over_all_looks_a_pair_without_difference_is_found_in_five_runs_of_a_hundred() -> None:
    """By drawing blocks and not, as the levels are found, the means of looks."""
    generator, runs = np.random.default_rng(11), 20_000
    values = generator.normal(0, 1, (2, LOOKS[-1], runs))
    found = np.zeros(runs, dtype=bool)
    for look, level in zip(LOOKS, two_sided_levels(2, ONE), strict=True):
        apart = values[1, :look] - values[0, :look]
        t = apart.mean(0) / (apart.std(0, ddof=1) / np.sqrt(look))
        found |= np.abs(t) > special.stdtrit(look - 1, 1 - level / 2)
    assert found.mean() == pytest.approx(ERROR, abs=0.006)
