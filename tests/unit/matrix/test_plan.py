"""What a run will do, decided before anything starts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmatrix.errors import UsageError
from stackmatrix.matrix import ladder, profiles, schedule
from stackmatrix.matrix.cells import (
    Cell,
    choose,
    choose_one,
    known_stacks,
    known_workloads,
    make_cells,
    references,
    with_twins,
)
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.schedule import TrialPlan
from stackmatrix.matrix.stacks import PYTHONS, REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS

FRUIT = ("apple", "banana", "cherry")
CELLS = make_cells(("a", "b", "c"), ("3.12", "3.13"), ("w",))
QUICK = profiles.PROFILES["quick"]


def test_no_choice_is_everything() -> None:
    assert choose("fruit", None, FRUIT) == FRUIT


def test_a_choice_comes_in_the_order_of_the_table_and_once() -> None:
    assert choose("fruit", "cherry, apple,cherry", FRUIT) == ("apple", "cherry")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"^Unknown fruit 'bannana': did you mean banana\?$"):
        choose("fruit", "apple,bannana", FRUIT)


def test_an_unknown_name_that_is_near_to_none_lists_all() -> None:
    with pytest.raises(UsageError, match=r"^Unknown fruit 'xyz': choose from: apple, banana, cherry\.$"):
        choose("fruit", "xyz", FRUIT)


@pytest.mark.parametrize("nothing", ["", " , "])
def test_naming_nothing_is_refused(nothing: str) -> None:
    with pytest.raises(UsageError, match="No fruit was named"):
        choose("fruit", nothing, FRUIT)


def test_where_one_is_wanted_two_are_refused_by_name() -> None:
    assert choose_one("fruit", " banana", FRUIT) == "banana"
    with pytest.raises(
        UsageError, match=r"^Only one fruit can be chosen, not 'banana,apple': choose from apple, banana\.$"
    ):
        choose_one("fruit", "banana,apple", FRUIT)


@pytest.mark.parametrize("wanted", ["3.11", "3.13.1", "3", "python3.13", "2.7"])
def test_what_is_not_of_the_axis_is_no_python_of_a_run(wanted: str) -> None:
    with pytest.raises(UsageError, match="Unknown Python"):
        choose("Python", f"{PYTHONS[0]},{wanted}", PYTHONS)


def test_users_make_closed_levels() -> None:
    assert ladder.parse_ladder("closed", "1, 10,1e2") == (
        LevelPlan("closed", 1),
        LevelPlan("closed", 10),
        LevelPlan("closed", 100),
    )


def test_rates_make_open_levels_and_may_be_fractions() -> None:
    assert ladder.parse_ladder("open", "0.5,20") == (LevelPlan("open", 0.5), LevelPlan("open", 20))


@pytest.mark.parametrize("text", ["", "1,,2", "ten", "0", "-1", "1.5", "10001", "nan", "inf", "1;2"])
def test_what_cannot_be_users_is_refused_with_the_whole_ladder_named(text: str) -> None:
    with pytest.raises(UsageError, match="is not a list of whole numbers from 1 to 10000") as refused:
        ladder.parse_ladder("closed", text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["", "5,", "0", "-0.1", "100001", "nan", "inf", "fast"])
def test_what_cannot_be_a_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a list of numbers above 0, up to 100000"):
        ladder.parse_ladder("open", text)


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (LevelPlan("closed", 100.0), "users=100"),
        (LevelPlan("open", 12.5), "rate=12.5"),
        (LevelPlan("open", 20.0), "rate=20"),
    ],
)
def test_a_level_is_named_by_its_model_and_value(level: LevelPlan, name: str) -> None:
    assert str(level) == name


def test_cells_are_the_product_in_the_order_of_the_tables() -> None:
    cells = make_cells(("a", "b"), ("3.12", "3.13"), ("w",))
    assert [(cell.stack, cell.python) for cell in cells] == [
        ("a", "3.12"),
        ("a", "3.13"),
        ("b", "3.12"),
        ("b", "3.13"),
    ]


def test_the_known_names_are_the_tables() -> None:
    assert known_stacks() == tuple(STACKS)
    assert known_workloads() == tuple(WORKLOADS)


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_every_cell_comes_exactly_once_in_each_block(seed: int, blocks: int) -> None:
    trials = list(schedule.schedule(CELLS, blocks, seed))
    for block in range(blocks):
        of_block = [trial for trial in trials if trial.block == block]
        assert sorted(trial.cell for trial in of_block) == sorted(CELLS)
        assert [trial.order for trial in of_block] == list(range(len(CELLS)))


def test_with_several_blocks_the_reference_cell_of_each_workload_has_a_twin() -> None:
    pythons, workloads = ("3.9", "3.10"), tuple(WORKLOADS)
    stacks = tuple(STACKS)[-3:]
    assert REFERENCE_STACK in stacks
    cells = make_cells(stacks, pythons, workloads)
    twins = [Cell(stack=REFERENCE_STACK, python="3.10", workload=workload, twin=True) for workload in workloads]
    assert with_twins(cells, 2) == (*cells, *twins)
    assert with_twins(cells, 1) == cells


def test_where_the_reference_stack_is_not_chosen_the_newest_python_has_the_twin() -> None:
    stacks = [name for name in STACKS if name != REFERENCE_STACK][:2]
    (cell,) = references(make_cells(stacks, ("3.9", "3.13", "3.13t"), tuple(WORKLOADS)[:1]))
    assert (cell.stack, cell.python) == (stacks[0], "3.13t")


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


def test_nothing_given_leaves_a_profile_as_it_is() -> None:
    assert profiles.adjust(QUICK, ladder=None, window_s=None, warmup_s=None, blocks=None) == QUICK


def test_who_asks_for_a_number_of_blocks_gets_them_all() -> None:
    rigorous = profiles.PROFILES["rigorous"]
    assert rigorous.looks[-1] == rigorous.blocks
    changed = profiles.adjust(rigorous, ladder=None, window_s=None, warmup_s=None, blocks=10)
    assert (changed.blocks, changed.looks) == (10, ())
    assert profiles.adjust(rigorous, ladder=None, window_s=5, warmup_s=None, blocks=None).looks == rigorous.looks


def test_what_is_given_replaces_the_profiles_choice_even_when_it_is_zero() -> None:
    ladder = (LevelPlan("open", 5),)
    adjusted = profiles.adjust(QUICK, ladder=ladder, window_s=7, warmup_s=0, blocks=3)
    assert (adjusted.ladder, adjusted.window_s, adjusted.warmup_s, adjusted.blocks) == (ladder, 7, 0, 3)
    assert (adjusted.name, adjusted.settle_s) == (QUICK.name, QUICK.settle_s)


def test_only_smoke_does_not_compare() -> None:
    assert [name for name, profile in profiles.PROFILES.items() if not profile.compares] == ["smoke"]


@pytest.mark.parametrize(
    ("level", "at_once"),
    [
        (LevelPlan("closed", 100), 100),
        (LevelPlan("open", 0.05), 1),
        (LevelPlan("open", 20), 200),
        (LevelPlan("open", 400), 4_000),
        (LevelPlan("open", 100_000), 4_000),
    ],
)
def test_an_open_level_has_visitors_for_ten_seconds_of_arrivals_as_far_as_they_can_be_had(
    level: LevelPlan, at_once: int
) -> None:
    assert ladder.requests_at_once(level) == at_once


def test_where_results_are_compared_the_plateau_is_known_before_rates_are_asked_for() -> None:
    for profile in profiles.PROFILES.values():
        models = [level.model for level in profile.ladder]
        assert models == sorted(models)
        assert not profile.compares or set(models) == {"closed", "open"}


def orders(trials: list[TrialPlan]) -> list[list[Cell]]:
    blocks = sorted({trial.block for trial in trials})
    return [[trial.cell for trial in trials if trial.block == block] for block in blocks]


def test_the_levels_of_both_models_are_climbed_from_the_lightest_load_to_the_heaviest() -> None:
    climbed = "users=1 rate=5 users=5 users=10 rate=20 rate=40 users=25 users=50 users=100"
    assert " ".join(map(str, QUICK.climbed(600.0))) == climbed


def test_how_much_users_offer_depends_on_the_floor() -> None:
    closed, opened = LevelPlan("closed", 10), LevelPlan("open", 20)
    profile = replace(QUICK, ladder=(closed, opened))
    assert profile.climbed(600.0) == (closed, opened)
    assert profile.climbed(400.0) == (opened, closed)
