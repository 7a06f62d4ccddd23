"""More cells than can stand side by side: each batch proves itself, and links its cells to those of the others."""

from collections import Counter

import pytest

from stackmatrix.matrix.cells import CONTROLS, controls_of, make_cells, reference_of
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.measurements.cost.batches import MOST_TOGETHER, batches, most_together

STACKS = (REFERENCE_STACK, *(f"stack_{number}" for number in range(29)))
CELLS = make_cells(STACKS, ("3.13",), ("fanout",))
ALL = (*CELLS, *controls_of(CELLS))


@pytest.mark.parametrize("most", [6, 12, 26])
def test_every_batch_has_the_reference_cell_and_its_controls_and_every_other_cell_is_in_one(most: int) -> None:
    parts = batches(ALL, most, "seed")
    counts = Counter(cell for part in parts for cell in part)
    reference = reference_of(CELLS)
    assert reference is not None
    shared = {cell for cell in ALL if cell.control is not None} | {reference}
    assert {counts[cell] for cell in ALL if cell not in shared} == {1}
    assert {counts[cell] for cell in shared} == {len(parts)}
    assert {len(part) for part in parts} <= {max(map(len, parts)), max(map(len, parts)) - 1}
    assert max(map(len, parts)) <= most


def test_as_few_as_fit_are_one_batch_in_their_order() -> None:
    assert batches(ALL, len(ALL), "seed") == (ALL,)


def test_who_stands_beside_whom_is_drawn_anew_in_each_round_and_by_its_seed() -> None:
    assert batches(ALL, 12, "1") == batches(ALL, 12, "1")
    assert {frozenset(part) for part in batches(ALL, 12, "1")} != {frozenset(part) for part in batches(ALL, 12, "2")}


def test_cells_without_controls_are_spread_as_well() -> None:
    assert sorted(map(len, batches(CELLS, 20, ""))) == [15, 15]


def test_a_small_machine_holds_fewer_and_never_fewer_than_a_reference_and_some() -> None:
    assert most_together(64 * 10**9) == MOST_TOGETHER
    assert most_together(4 * 10**9) == 13
    assert most_together(10**8) > len(CONTROLS) + 2
