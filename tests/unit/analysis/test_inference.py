"""What a pair may be called is read off its simultaneous interval, and stays."""

import math
from itertools import pairwise

import numpy as np
import pytest

from stackmatrix.analysis.comparison.inference import Inference, infer
from stackmatrix.analysis.comparison.moderation import Array
from stackmatrix.matrix.profiles import LOOKS

MARGIN = math.log(1.03)
NAN = float("nan")


def table_of(*effects: float, blocks: int = 16, sd: float = 0.016, seed: int = 1) -> Array:
    generator = np.random.default_rng(seed)
    rest = generator.normal(0, sd, (len(effects), blocks)) + generator.normal(0, 0.1, blocks)
    return np.asarray(np.array(effects)[:, None] + rest)


def pair(table: Array, margin: float = MARGIN) -> Inference:
    """The second cell against the first."""
    return infer(table, [(1, 0)], margin).pairs[0]


def test_a_large_difference_is_found_at_the_first_look_in_its_direction() -> None:
    more, less = infer(table_of(0.0, 0.5, -0.5, 0.0, 0.0, blocks=3), [(1, 0), (2, 0)], MARGIN).pairs
    assert (more.finding, more.decided_after) == ("more", 3)
    assert (less.finding, less.decided_after) == ("less", 3)
    assert more.low is not None
    assert more.low > 0


def test_cells_that_differ_by_less_than_matters_are_the_same_once_that_is_sure() -> None:
    found = pair(table_of(0.0, 0.0, 0.0, 0.0, sd=0.008))
    assert found.finding == "same"
    assert found.decided_after is not None
    assert found.decided_after > 3


def test_a_sure_difference_within_what_matters_is_the_same_and_not_more() -> None:
    found = pair(table_of(0.0, 0.015, 0.0, 0.0, sd=0.001, blocks=6))
    assert found.low is not None
    assert found.low > 0
    assert found.finding == "same"


def test_what_is_neither_is_undecided_with_an_interval_that_says_why() -> None:
    found = pair(table_of(0.0, 0.02, 0.0, 0.0, blocks=4))
    assert found.finding == "undecided"
    assert found.decided_after is None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < MARGIN < found.high


def test_before_the_first_look_there_is_an_estimate_and_no_interval() -> None:
    found = pair(table_of(0.0, 0.5, blocks=2))
    assert found.estimate == pytest.approx(0.5, abs=0.1)
    assert (found.low, found.high, found.finding, found.needed) == (None, None, "undecided", LOOKS[0])
    assert found.looks == ()


def test_between_two_looks_nothing_is_looked_at() -> None:
    table = table_of(0.0, 0.02, 0.0)
    assert pair(table[:, :7]) == pair(table[:, :6])
    assert pair(table[:, :8]) != pair(table[:, :6])


def test_blocks_beyond_the_last_look_change_nothing() -> None:
    table = table_of(0.0, 0.02, 0.0, blocks=20)
    assert pair(table) == pair(table[:, :16])


def test_decided_pairs_stay_decided_and_their_intervals_only_shrink() -> None:
    table = table_of(0.0, 0.04, -0.03, 0.02, 0.06, *[0.0] * 5)
    every = [(one, other) for one in range(len(table)) for other in range(one)]
    decided = set()
    for found in infer(table, every, MARGIN).pairs:
        assert not found.contradicts
        words = [look.finding for look in found.looks]
        first = next((place for place, word in enumerate(words) if word != "undecided"), len(words))
        assert len(set(words[first:])) <= 1
        decided |= set(words[first:-1])
        ends = [(look.low, look.high) for look in found.looks if look.low is not None and look.high is not None]
        assert len(ends) == len(LOOKS)
        for (low, high), (later_low, later_high) in pairwise(ends):
            assert low <= later_low <= later_high <= high
    assert decided == {"more", "less", "same"}


def test_what_was_found_to_be_more_stays_so_though_it_turns_out_to_be_less_than_matters() -> None:
    late = [pair(table_of(0.0, 0.02, *[0.0] * 6, sd=0.01, seed=seed)) for seed in range(20)]
    small = [one for one in late if one.finding == "more" and one.high is not None and one.high < MARGIN]
    assert small


def test_cells_that_drift_apart_are_said_to_and_the_last_look_alone_speaks() -> None:
    drifted = np.random.default_rng(1).normal(0, 0.002, (30, 16))
    drifted[1] += np.linspace(0.4, 0.0, 16) ** 2
    found = pair(drifted)
    assert found.contradicts
    assert found.estimate == pytest.approx((drifted[1] - drifted[0]).mean())
    assert found.low is not None
    assert found.high is not None
    assert found.estimate is not None
    assert found.low + found.high == pytest.approx(2 * found.estimate)
    assert (found.finding, found.decided_after) == ("more", 3)


def test_cells_that_drift_until_the_last_look_is_unsure_are_decided_no_longer() -> None:
    drifted = np.random.default_rng(1).normal(0, 0.002, (8, 16))
    drifted[1] += np.linspace(0.2, -0.15, 16)
    assert pair(drifted[:, :5]).finding == "more"
    assert (pair(drifted).finding, pair(drifted).decided_after) == ("undecided", None)


def test_a_cell_needs_as_many_blocks_as_the_first_look_for_an_interval() -> None:
    table = table_of(0.0, 0.5, 0.0, 0.0, blocks=6)
    table[1, 2:] = NAN
    assert pair(table).low is None
    assert pair(table).finding == "undecided"
    assert pair(table).estimate == pytest.approx(0.5, abs=0.1)


def test_cells_that_were_never_together_have_no_estimate() -> None:
    table = table_of(0.0, 0.5, blocks=6)
    table[0, :3], table[1, 3:] = NAN, NAN
    assert pair(table).estimate is None
    assert pair(table).looks == ()


def test_a_cell_that_came_after_the_last_look_is_estimated_by_what_both_have() -> None:
    table = table_of(0.0, 0.5, 0.0, blocks=7)
    table[1, :6] = NAN
    assert pair(table).estimate == pytest.approx(table[1, 6] - table[0, 6])


def test_more_noise_and_more_comparisons_widen_the_interval() -> None:
    def width(found: Inference) -> float:
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    table = table_of(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, blocks=5)
    every = [(one, other) for one in range(6) for other in range(one)]
    assert width(infer(table, every, MARGIN).pairs[0]) > 1.1 * width(pair(table))
    assert width(pair(3 * table)) == pytest.approx(3 * width(pair(table)))


def test_the_smallest_decidable_difference_is_found_in_four_of_five_runs() -> None:
    some = [pair(table_of(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, blocks=5, seed=seed)).decidable for seed in range(60)]
    typical = float(np.median([one for one in some if one is not None]))
    runs = [pair(table_of(0.0, typical, 0.0, 0.0, 0.0, 0.0, blocks=5, seed=seed)).finding for seed in range(300, 600)]
    assert runs.count("more") / len(runs) == pytest.approx(0.8, abs=0.08)


def test_what_will_decide_an_open_pair_is_a_later_look_or_none() -> None:
    # 3.5 % at a rest of 1.6 % takes eight blocks or twelve, about 1.5 % can be told neither from nothing nor from 3 %.
    soon = [pair(table_of(0.0, 0.05, 0.0, 0.0, blocks=3, seed=seed)) for seed in range(40)]
    needed = [one.needed for one in soon if one.finding == "undecided" and one.needed is not None]
    assert needed
    assert all(look in LOOKS and look > 3 for look in needed)
    hopeless = pair(table_of(0.0, MARGIN / 2, 0.0, 0.0, blocks=16, sd=0.03, seed=2))
    assert (hopeless.finding, hopeless.needed) == ("undecided", None)


def test_cells_that_do_not_differ_are_forecast_to_be_called_the_same() -> None:
    found = pair(table_of(*[0.0] * 8, blocks=6, sd=0.012, seed=3))
    assert found.finding == "undecided"
    assert found.estimate == pytest.approx(0.0, abs=0.005)
    assert found.needed is not None


def test_a_decided_pair_needs_nothing() -> None:
    assert pair(table_of(0.0, 0.5, 0.0, blocks=4)).needed is None


def test_the_forecast_is_about_right() -> None:
    """Of pairs forecast at five blocks to be decided by a look, most are by then, or nearly."""
    kept = []
    for seed in range(60):
        table = table_of(0.0, 0.04, 0.0, 0.0, 0.0, 0.0, seed=seed)
        early, late = pair(table[:, :4]), pair(table)
        if early.needed is not None and late.decided_after is not None:
            kept.append(late.decided_after <= 2 * early.needed)
    assert len(kept) > 20
    assert sum(kept) >= 0.8 * len(kept)


def test_values_that_agree_exactly_are_judged_without_dividing_by_nothing() -> None:
    same, more = infer(np.array([[1.0] * 4, [1.0] * 4, [1.5] * 4]), [(1, 0), (2, 0)], MARGIN).pairs
    assert (same.finding, more.finding) == ("same", "more")


def test_a_table_without_pairs_still_has_a_rest() -> None:
    found = infer(table_of(0.0, 0.0, 0.0, 0.0, blocks=16), [], MARGIN)
    assert found.pairs == ()
    assert found.rest == pytest.approx(0.016, rel=0.3)


def test_rounds_that_were_made_in_batches_are_looked_at_as_rounds_and_link_cells_that_never_met() -> None:
    # A reference in both batches of each of three rounds; batch effects far larger than what is told apart.
    noise = iter(np.random.default_rng(3).normal(0, 0.01, 100))
    columns = []
    for number in range(6):
        effect, cells = 5.0 * number, (1, 2) if number % 2 else (3, 4)
        column = [effect + next(noise)] + [math.nan] * 4
        for cell in cells:
            column[cell] = effect + 0.5 * (cell % 2) + next(noise)
        columns.append(column)
    table, pairs = np.array(columns).T, [(1, 0), (3, 0), (3, 2), (1, 2)]
    for found in infer(table, pairs, MARGIN, rounds=(2, 4, 6)).pairs:
        assert found.estimate == pytest.approx(0.5, abs=0.05)
        assert (found.finding, found.decided_after) == ("more", 3)
    assert infer(table[:, :4], pairs, MARGIN, rounds=(2, 4)).pairs[0].finding == "undecided"
