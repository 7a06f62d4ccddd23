"""Which page an arrival asks for: each as often as its weight says, in an order that the seed alone decides."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.matrix.page_order import LONGEST_CYCLE, OwnNumbers, PageOrder, cycle_counts
from stackmatrix.matrix.pages import Page

WEIGHTS = (8.0, 3.0, 1.0)
PAGES = tuple(Page(f"/{weight:g}/", f"/{weight:g}/", weight) for weight in WEIGHTS)
CYCLE = int(sum(WEIGHTS))


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((1.0,), (1,)),
        ((5.0,), (1,)),
        ((2.0, 4.0, 6.0), (1, 2, 3)),
        ((0.5, 0.25), (2, 1)),
        ((0.1, 0.2), (1, 2)),
        ((1.0, 1 / 3), (3, 1)),
        ((1.0, 999.0), (1, 199)),
        ((0.7, 33.3, 66.0), (1, 67, 132)),
    ],
)
def test_each_page_comes_as_often_in_a_cycle_as_its_weight_says(
    weights: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    assert cycle_counts(weights) == counts


@given(st.lists(st.floats(0.001, 1_000), min_size=1, max_size=40))
def test_no_page_is_left_out_and_no_cycle_is_long(weights: list[float]) -> None:
    counts = cycle_counts(weights)
    assert min(counts) >= 1
    assert sum(counts) <= LONGEST_CYCLE + len(weights)


def test_weights_are_exact_over_every_cycle_and_the_order_is_another_in_each() -> None:
    order = PageOrder(PAGES, "7:0")
    cycles = [[order[cycle * CYCLE + place].page for place in range(CYCLE)] for cycle in range(5)]
    assert all(Counter(cycle) == {0: 8, 1: 3, 2: 1} for cycle in cycles)
    assert len({tuple(cycle) for cycle in cycles}) > 1


def test_the_page_of_an_arrival_hangs_on_its_number_and_the_seed_alone() -> None:
    forwards, backwards = PageOrder(PAGES, "7:0"), PageOrder(PAGES, "7:0")
    expected = [forwards[number] for number in range(100)]
    assert [backwards[number] for number in reversed(range(100))] == expected[::-1]
    assert [PageOrder(PAGES, "8:0")[number] for number in range(100)] != expected


def test_the_values_of_a_page_take_turns_however_it_is_shuffled() -> None:
    order = PageOrder(PAGES, "7:0")
    turns = [order[number] for number in range(10 * CYCLE)]
    for page in range(len(PAGES)):
        values = [turn.values for turn in turns if turn.page == page]
        assert values == list(range(len(values)))


def test_one_page_alone_is_asked_for_again_and_again() -> None:
    order = PageOrder(PAGES[:1], "7:0")
    assert [(order[number].page, order[number].values) for number in (0, 5, 1_000_000)] == [(0, 0), (0, 5), (0, 10**6)]


@pytest.mark.parametrize("turns", [(0,), (0, 1, 2), (1, 0, 1), (0, 1, 2, 0, 0, 1)])
def test_each_target_counts_its_own_arrivals_however_they_go_round(turns: tuple[int, ...]) -> None:
    numbers, seen = OwnNumbers(turns), Counter[int]()
    for number in range(10 * len(turns)):
        target = turns[number % len(turns)]
        assert numbers[number] == seen[target]
        seen[target] += 1


def test_targets_side_by_side_are_asked_for_the_same_pages_in_the_same_order() -> None:
    turns, order = (2, 0, 1, 0, 2, 0), PageOrder(PAGES, "7:0")
    numbers = OwnNumbers(turns)
    asked: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for number in range(60 * CYCLE):
        asked[turns[number % len(turns)]].append(order[numbers[number]].page)
    fewest = min(map(len, asked.values()))
    assert asked[0][:fewest] == asked[1][:fewest] == asked[2][:fewest]
    assert Counter(asked[1]) == {page: 10 * weight for page, weight in enumerate(WEIGHTS)}
