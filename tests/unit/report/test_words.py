"""Sizes stand with their intervals, in the direction in which they are, with as few digits as say something."""

import pytest

from stackmatrix.analysis.comparison.verdicts import Estimate, Word
from stackmatrix.analysis.metrics import COST, HOLDS, INSTRUCTIONS, P95, Metric
from stackmatrix.analysis.samples import Sample
from stackmatrix.analysis.summary import Climb
from stackmatrix.report import words


@pytest.mark.parametrize(
    ("metric", "word", "effect", "told"),
    [
        (COST, "worse", (1.42, 1.39, 1.45), "42 % more CPU (39 to 45 %)"),
        (COST, "better", (0.94, 0.92, 0.96), "6 % less CPU (4 to 8 %)"),
        (COST, "worse", (1.021, 1.002, 1.04), "2.1 % more CPU (0.2 to 4.0 %)"),
        (COST, "worse", (4.51, 4.2, 4.86), "4.5 times (4.2 to 4.9)"),
        (COST, "same", (1.01, 0.996, 1.02), "same within 3 % (-0.4 to 2.0 %)"),
        (COST, "undecided", (1.02, 0.99, 1.06), "undecided (-1 to 6 %)"),
        (COST, "undecided", (1.02, None, None), "not yet known"),
        (HOLDS, "better", (1.2, 1.1, 1.3), "20 % more (10 to 30 %)"),
        (INSTRUCTIONS, "better", (0.977, 0.975, 0.979), "2.3 % fewer (2.1 to 2.5 %)"),
        (P95, "worse", (12.0, 8.0, 16.0), "12.0 ms later (8.0 to 16.0 ms)"),
        (P95, "better", (-12.0, -16.0, -8.0), "12.0 ms sooner (8.0 to 16.0 ms)"),
        (P95, "same", (0.5, -1.0, 1.5), "same within 2 ms (-1.0 to 1.5 ms)"),
    ],
)
def test_a_verdict_is_its_size_in_the_words_of_its_metric(
    metric: Metric, word: Word, effect: tuple[float, float | None, float | None], told: str
) -> None:
    assert words.verdict(metric, Estimate(*effect), word) == told


def test_a_bare_verdict_leaves_out_what_there_is_more_of() -> None:
    assert words.verdict(COST, Estimate(1.42, 1.39, 1.45), "worse", bare=True) == "42 % more (39 to 45 %)"
    assert words.against(COST, Estimate(4.5, 4.2, 4.9), "it") == "4.5 times (4.2 to 4.9) as much CPU as it"
    assert words.against(COST, Estimate(1.5, 1.4, 1.6), "it") == "50 % more CPU (40 to 60 %) than it"


def test_alike_verdicts_are_told_by_the_range_of_their_sizes_and_the_outermost_ends() -> None:
    better = [Estimate(0.95, 0.93, 0.97), Estimate(0.92, 0.90, 0.94)]
    assert words.grouped(COST, better, "better") == "5 to 8 % less (3 to 10 %)"
    same = [Estimate(1.0, 0.99, 1.01), Estimate(1.01, 0.99, 1.02)]
    assert words.grouped(COST, same, "same") == "same within 3 % (-1 to 2 %)"
    assert words.grouped(COST, better[:1], "better") == "5 % less (3 to 7 %)"


def test_a_sample_shows_its_range_only_where_blocks_differ() -> None:
    assert words.held(Sample(60.0, 50.2, 72.4, 2), " over 2 ramps") == "60 (50 to 72 over 2 ramps)"
    assert words.held(Sample(2.94, 2.94, 2.94, 2)) == "2.9"
    assert words.held(None) == "–"


@pytest.mark.parametrize(
    ("watched", "back", "told"),
    [
        (2, Sample(2.5, 2, 3, 2), "in 2 to 3 s"),
        (2, None, "not within 15 s"),
        (3, Sample(2.0, 2, 2, 1), "in 2 s; 2 of 3 not within 15 s"),
        (0, None, "–"),
    ],
)
def test_whether_a_cell_comes_back_is_told_with_how_often_it_did_not(
    watched: int, back: Sample | None, told: str
) -> None:
    climb = Climb(
        ramps=watched, holds=None, limiter=None, busy_share=None, watched=watched, came_back=back.n if back else 0,
        back_s=back, watched_s=15.0,
    )  # fmt: skip
    assert words.comes_back(climb) == told
