"""Counts are compared like with like, and called different only where their repeats say so."""

from collections.abc import Sequence

import pytest

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.analysis.comparison.counts import CountRow, agree, compare_counts, compare_pairs, typical_gap
from stackmatrix.analysis.instructions import summarise
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.report.words import gaps
from stackmatrix.results.instructions import InstructionCount, Instructions

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)


def count(*repeats: int, in_flight: int = 1) -> InstructionCount:
    return summarise(in_flight, 1, [Costs({Function("python", "eval"): repeat}) for repeat in repeats])


def words(*pairs: tuple[InstructionCount, InstructionCount]) -> list[str]:
    return [ratio.word for ratio in compare_pairs(pairs)]


def test_a_difference_beyond_half_a_per_cent_that_all_repeats_show_is_named() -> None:
    less, more = count(100_000, 100_020, 99_990), count(102_000, 102_010, 101_990)
    assert words((less, more), (more, less)) == ["fewer", "more"]


def test_within_half_a_per_cent_counts_are_the_same() -> None:
    assert words((count(100_000, 100_020, 99_990), count(100_100, 100_110, 100_120))) == ["same"]


@pytest.mark.parametrize("second", [(100_000, 112_000, 106_000), (100_400, 100_600, 100_500)])
def test_where_repeats_are_further_apart_than_the_cells_it_is_undecided(second: tuple[int, ...]) -> None:
    assert words((count(100_000, 100_020, 99_990), count(*second))) == ["undecided"]


def test_one_repeat_gives_a_ratio_and_no_word() -> None:
    (ratio,) = compare_pairs([(count(110), count(100, 100))])
    assert ratio.ratio == pytest.approx(1.1)
    assert (ratio.low, ratio.high, ratio.word) == (None, None, "counted once")


def test_repeats_that_are_all_equal_decide() -> None:
    same, less = count(100_000, 100_000), count(99_000, 99_000)
    assert words((same, same), (less, same)) == ["same", "fewer"]


def test_how_far_repeats_are_apart_is_learned_from_all_cells_that_were_counted_alike() -> None:
    """Alone, two repeats of each do not tell a difference of 3 %; beside ten other cells like them they do."""
    pair = (count(100_000, 100_900), count(103_000, 104_000))
    others = [(count(200_000, 201_800), count(200_100, 202_000)) for _ in range(5)]
    assert words(pair) == ["undecided"]
    assert words(pair, *others)[0] == "fewer"


def test_among_many_comparisons_a_difference_needs_to_be_surer() -> None:
    pair = (count(100_000, 100_300, 100_150), count(101_000, 101_300, 101_150))
    assert words(pair) == ["fewer"]
    assert words(*[pair] * 40) == ["undecided"] * 40


def cell(stack: str, python: str) -> Cell:
    return Cell(stack=stack, python=python, workload="fanout")


def counted(*counts: InstructionCount) -> Instructions:
    return Instructions(
        counter="valgrind-3", started="", duration_s=1, git_commit=None, python=None, lock_sha256="0", counts=counts
    )


def others(rows: Sequence[CountRow]) -> list[tuple[str | None, str | None]]:
    return [
        (
            one.python_before.other.python if one.python_before else None,
            one.reference.other.stack if one.reference else None,
        )
        for one in rows
    ]


def test_each_count_is_compared_with_the_python_before_and_with_the_reference_stack_at_the_same_load() -> None:
    one, many = count(100, 100), count(300, 300, in_flight=20)
    told = compare_counts(
        {
            cell(OTHER, "3.9"): counted(one, many),
            cell(OTHER, "3.10"): counted(one),
            cell(OTHER, "3.14"): counted(one),
            cell(REFERENCE_STACK, "3.9"): counted(one),
            cell(REFERENCE_STACK, "3.14"): counted(one),
            cell(REFERENCE_STACK, "3.15"): counted(),
        }
    )
    assert [(each.cell.stack, each.cell.python, each.count.in_flight) for each in told] == [
        (OTHER, "3.9", 1), (OTHER, "3.9", 20), (OTHER, "3.10", 1), (OTHER, "3.14", 1), (REFERENCE_STACK, "3.9", 1),
        (REFERENCE_STACK, "3.14", 1),
    ]  # fmt: skip
    assert others(told) == [
        (None, REFERENCE_STACK), (None, None), ("3.9", None), ("3.10", REFERENCE_STACK), (None, None), ("3.9", None),
    ]  # fmt: skip


def test_nothing_counted_is_nothing_to_compare() -> None:
    assert compare_counts({}) == compare_counts({cell(OTHER, "3.12"): counted()}) == ()


def test_ratios_of_cpu_time_stand_beside_those_of_instructions_to_the_same_reference() -> None:
    one, many = count(100, 100), count(400, 400, in_flight=20)
    other, reference = cell(OTHER, "3.9"), cell(REFERENCE_STACK, "3.9")
    counts = {
        reference: counted(one, many),
        other: counted(count(200), count(600, in_flight=20)),
        cell(OTHER, "3.10"): counted(one),
        cell(REFERENCE_STACK, "3.12"): counted(one),
        cell(OTHER, "3.12"): counted(one),
    }
    cpu = {other: 2.5, cell(OTHER, "3.10"): 2.5, reference: 1.0}
    (told,) = agree(cpu, counts)
    assert (told.cell, told.cpu, told.instructions) == (other, 2.5, {1: 2.0, 20: 1.5})
    assert typical_gap([told], 1) == pytest.approx(0.25)
    assert typical_gap([told], 5) is None
    assert gaps([told]) == (
        "Typically (median of 1 cells) a ratio of CPU time is 25% from that of instructions at 1 in flight "
        "and 67% from that of instructions at 20 in flight."
    )
