"""The order of a run, decided before anything starts."""

from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.matrix import schedule
from stackmatrix.matrix.cells import Cell, make_cells
from stackmatrix.matrix.schedule import ScheduledTrial

CELLS = make_cells(("a", "b", "c"), ("3.12", "3.13"), ("w",))


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_every_cell_comes_exactly_once_in_each_block(seed: int, blocks: int) -> None:
    trials = list(schedule.schedule(CELLS, blocks, seed))
    for block in range(blocks):
        of_block = [trial for trial in trials if trial.block == block]
        assert sorted(trial.cell for trial in of_block) == sorted(CELLS)
        assert [trial.order for trial in of_block] == list(range(len(CELLS)))


@given(st.integers(0, 2**32))
def test_one_block_ends_before_the_next_begins(seed: int) -> None:
    blocks = [trial.block for trial in schedule.schedule(CELLS, 4, seed)]
    assert blocks == sorted(blocks)


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_schedule(seed: int) -> None:
    assert list(schedule.schedule(CELLS, 3, seed)) == list(schedule.schedule(CELLS, 3, seed))


def test_another_seed_gives_another_order() -> None:
    assert orders(list(schedule.schedule(CELLS, 1, 1))) != orders(list(schedule.schedule(CELLS, 1, 2)))


def test_blocks_of_one_run_differ_in_order_and_seed() -> None:
    trials = list(schedule.schedule(CELLS, 6, 7))
    assert len({tuple(order) for order in orders(trials)}) > 1
    assert len({trial.seed for trial in trials}) == 6


def test_all_cells_of_a_block_share_its_seed() -> None:
    for block in range(3):
        assert len({trial.seed for trial in schedule.schedule(CELLS, 3, 7) if trial.block == block}) == 1


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    shorter = list(schedule.schedule(CELLS, 2, 3))
    assert list(schedule.schedule(CELLS, 5, 3))[: len(shorter)] == shorter


def orders(trials: list[ScheduledTrial]) -> list[list[Cell]]:
    blocks = sorted({trial.block for trial in trials})
    return [[trial.cell for trial in trials if trial.block == block] for block in blocks]
