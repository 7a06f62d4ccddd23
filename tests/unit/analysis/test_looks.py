"""Five per cent of error are spent over the looks in advance, so that looking often is no way to find more."""

import numpy as np
import pytest
from scipy import special

from stackmatrix.analysis.comparison.looks import (
    AT_THREE,
    ERROR,
    GOING_ON,
    Spending,
    looks_at,
    spending_of,
    two_sided_levels,
)
from stackmatrix.analysis.metrics import METRICS
from stackmatrix.matrix.profiles import LOOKS, PROFILES

ONE = ((1, 0),)


@pytest.mark.parametrize("spending", [GOING_ON, AT_THREE])
def test_all_that_may_be_spent_is_spent_and_no_more(spending: Spending) -> None:
    assert sum(spending) == pytest.approx(ERROR)
    assert len(spending) == len(LOOKS)


def test_most_is_spent_where_a_kind_of_measurement_ends() -> None:
    main = {metric.kind: LOOKS[int(np.argmax(spending_of(metric.kind)))] for metric in METRICS}
    assert {kind: blocks for kind, blocks in main.items() if kind != "cost"} == dict.fromkeys(main.keys() - {"cost"}, 3)
    assert main["cost"] == 5
    assert PROFILES["deep"].ramps == PROFILES["deep"].counts == 3


def test_looks_are_those_that_the_blocks_have_reached() -> None:
    assert looks_at(2) == ()
    assert looks_at(7) == (3, 4, 5, 6)
    assert looks_at(100) == LOOKS


def test_the_first_look_of_one_comparison_spends_just_its_share() -> None:
    assert two_sided_levels(2, ONE)[0] == pytest.approx(GOING_ON[0], rel=0.5)
    assert two_sided_levels(2, ONE, AT_THREE)[0] == pytest.approx(AT_THREE[0], rel=0.05)


def test_many_comparisons_need_each_to_be_surer_but_not_by_as_much_as_bonferroni() -> None:
    pairs = tuple((one, other) for one in range(6) for other in range(one))
    family, alone = two_sided_levels(6, pairs), two_sided_levels(6, ONE)
    for share, many, single in zip(GOING_ON[1:], family[1:], alone[1:], strict=True):
        assert share / len(pairs) < many < single


def test_the_levels_are_the_same_every_time() -> None:
    once = two_sided_levels(4, ONE)
    two_sided_levels.cache_clear()
    assert two_sided_levels(4, ONE) == once


@pytest.mark.parametrize("spending", [GOING_ON, AT_THREE])
def test_over_all_looks_a_pair_without_difference_is_found_in_five_runs_of_a_hundred(spending: Spending) -> None:
    """By drawing blocks and not, as the levels are found, the means of looks."""
    generator, runs = np.random.default_rng(11), 20_000
    values = generator.normal(0, 1, (2, LOOKS[-1], runs))
    found = np.zeros(runs, dtype=bool)
    for look, level in zip(LOOKS, two_sided_levels(2, ONE, spending), strict=True):
        apart = values[1, :look] - values[0, :look]
        t = apart.mean(0) / (apart.std(0, ddof=1) / np.sqrt(look))
        found |= np.abs(t) > special.stdtrit(look - 1, 1 - level / 2)
    assert found.mean() == pytest.approx(ERROR, abs=0.006)
