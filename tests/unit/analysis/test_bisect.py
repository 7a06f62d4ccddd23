"""Packages that differ are moved in an order that breaks no requirement, and those that cost are found by halves."""

import math
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as some
from packaging.requirements import Requirement

from stackmatrix.analysis.bisect import REPEATS, Ask, Installed, Packages, Part, Repeats, Step, find, has, steps_of

BASE_COST = 1000.0


def packages(**named: str | tuple[str, ...]) -> Packages:
    """An environment: of each package the version, and what it requires."""
    found = {}
    for name, told in named.items():
        version, *requires = (told,) if isinstance(told, str) else told
        found[name] = Installed(version, tuple(map(Requirement, requires)))
    return found


def steps(base: Packages, head: Packages) -> tuple[Step, ...]:
    return steps_of(base, head, {*base, *head})


def names(found: tuple[Step, ...]) -> list[str]:
    return ["+".join(one.name for one in step) for step in found]


def broken(packages: Packages) -> set[tuple[str, str, str]]:
    """What an environment lacks, with who requires it."""
    return {
        (name, one.version, str(requirement))
        for name, one in packages.items()
        for requirement in one.requires
        if not has(packages, requirement)
    }


def after(base: Packages, head: Packages, moved: Collection[str]) -> Packages:
    return {
        name: one for side, own in ((base, False), (head, True)) for name, one in side.items() if (name in moved) is own
    }


def breaks(base: Packages, head: Packages, found: tuple[Step, ...]) -> list[set[tuple[str, str, str]]]:
    """What each prefix of an order lacks that neither side lacks itself."""
    known = broken(base) | broken(head)
    moved = [{one.name for step in found[:count] for one in step} for count in range(len(found) + 1)]
    return [broken(after(base, head, names_moved)) - known for names_moved in moved]


def test_what_a_new_version_needs_is_moved_before_it() -> None:
    used = dict.fromkeys(("one", "other"), ("1", "app"))
    base = packages(app=("1", "zlib>=1"), zlib="1", **used)
    head = packages(app=("2", "zlib>=2"), zlib="2", **used)
    assert names(steps(base, head)) == ["zlib", "app"]


def test_what_a_new_version_would_break_is_moved_before_it() -> None:
    base = packages(lib="1", user=("1", "lib<2"))
    head = packages(lib="2", user=("2", "lib"))
    assert names(steps(base, head)) == ["user", "lib"]


def test_packages_that_only_fit_together_are_one_step() -> None:
    base = packages(core="1", ring=("1", "third<2"), third=("1", "core<2"), core_user=("1", "core<2"))
    head = packages(core=("2", "ring>=2"), ring=("2", "third>=2"), third=("2", "core>=2"), core_user=("2", "core>=2"))
    assert names(steps(base, head)) == ["core+core_user+ring+third"]


def test_what_is_added_comes_before_what_needs_it_and_what_is_removed_after_what_needed_it() -> None:
    base = packages(web=("1", "old"), old="1")
    head = packages(web=("2", "new"), new="1")
    found = steps(base, head)
    assert names(found) == ["new", "web", "old"]
    assert [(one.base, one.head) for step in found for one in step] == [(None, "1"), ("1", "2"), ("1", None)]


def test_what_most_packages_depend_upon_comes_first_and_then_goes_by_name() -> None:
    base = packages(a="1", b="1", zlib="1", c=("1", "zlib"), d=("1", "zlib"))
    head = packages(a="2", b="2", zlib="2", c=("1", "zlib"), d=("1", "zlib"))
    assert names(steps(base, head)) == ["zlib", "a", "b"]


def test_what_both_sides_break_themselves_binds_nothing() -> None:
    used = dict.fromkeys(("one", "other"), ("1", "app"))
    base = packages(app=("1", "lib>=9"), lib="1", **used)
    head = packages(app=("2", "lib>=9", "absent"), lib="2", **used)
    assert names(steps(base, head)) == ["app", "lib"]


def test_what_cannot_be_moved_is_no_step() -> None:
    base, head = packages(project="1", lib="1"), packages(project="2", lib="2")
    assert names(steps_of(base, head, {"lib"})) == ["lib"]
    assert steps(base, base) == ()


def test_a_version_that_is_none_by_the_standard_fits() -> None:
    assert has(packages(lib="2004d-custom"), Requirement("lib>=3"))
    assert has(packages(lib="3.0rc1"), Requirement("lib>=2"))


VERSIONS = ("1", "2", "3")
NAMES = ("a", "b", "c", "d", "e", "f")


@some.composite
def environments(draw: some.DrawFn) -> Packages:
    found: dict[str, Installed] = {}
    for name in draw(some.sets(some.sampled_from(NAMES), min_size=1)):
        others = draw(some.sets(some.sampled_from([one for one in NAMES if one != name]), max_size=3))
        limits = [
            f"{one}{draw(some.sampled_from(('<', '>=', '==')))}{draw(some.sampled_from(VERSIONS))}"
            for one in sorted(others)
        ]
        found[name] = Installed(draw(some.sampled_from(VERSIONS)), tuple(map(Requirement, limits)))
    return found


@given(environments(), environments())
def test_no_prefix_of_an_order_lacks_what_neither_side_lacks(base: Packages, head: Packages) -> None:
    # One version of a package always requires the same.
    head = {
        name: base[name] if name in base and base[name].version == one.version else one for name, one in head.items()
    }
    found = steps(base, head)
    assert not any(breaks(base, head, found))
    differing = {name for name in {*base, *head} if base.get(name) != head.get(name)}
    assert sorted(one.name for step in found for one in step) == sorted(differing)
    backwards = [{name: side[name] for name in sorted(side, reverse=True)} for side in (base, head)]
    assert steps(*backwards) == found


class World:
    """Mixtures of made-up costs: of each step what it adds, which mixtures do not work, and what repeats differ by."""

    def __init__(self, costs: list[float], skips: Collection[int] = (), noise: Repeats = (0.0,) * REPEATS) -> None:
        self.costs, self.skips, self.noise = costs, skips, noise
        self.asked: dict[int, int] = {}

    def ask(self, moved: int, repeats: int) -> Repeats | None:
        self.asked[moved] = max(repeats, self.asked.get(moved, 0))
        if moved in self.skips:
            return None
        whole = BASE_COST + sum(self.costs[:moved])
        return tuple(whole + (moved % 2) * more for more in self.noise[: self.asked[moved]])


def found(world: World) -> list[tuple[int, int, str]]:
    ask: Ask = world.ask
    return [(part.low, part.high, part.kind) for part in find(len(world.costs), ask)]


def costs(count: int, **places: float) -> list[float]:
    return [places.get(f"at{place}", 0.0) for place in range(1, count + 1)]


@pytest.mark.parametrize("place", [1, 7, 32, 33, 64])
def test_one_culprit_is_found_with_the_logarithm_of_counts(place: int) -> None:
    world = World(costs(64, **{f"at{place}": 80.0}))
    assert found(world) == [(place - 1, place, "step")]
    assert len(world.asked) <= math.log2(64) + 2
    assert set(world.asked.values()) == {1}


def test_three_culprits_are_found_and_what_each_costs() -> None:
    world = World(costs(23, at2=30.0, at15=-60.0, at16=110.0))
    parts = find(23, world.ask)
    assert [(part.high, part.change) for part in parts] == [(2, 30.0), (15, -60.0), (16, 110.0)]


def test_a_gain_and_a_cost_that_cancel_out_are_both_found() -> None:
    assert found(World(costs(8, at2=50.0, at7=-50.0))) == [(1, 2, "step"), (6, 7, "step")]


def test_where_nothing_matters_three_mixtures_are_counted_and_nothing_is_named() -> None:
    world = World(costs(23, at3=2.0, at20=3.0))
    assert found(world) == []
    assert sorted(world.asked) == [0, 11, 23]
    assert found(World(costs(1, at1=1.0))) == []
    assert found(World(costs(1, at1=-50.0))) == [(0, 1, "step")]


def test_a_mixture_that_does_not_work_gives_way_to_its_neighbour() -> None:
    assert found(World(costs(8, at6=80.0), skips={4, 3})) == [(5, 6, "step")]


def test_where_nothing_in_between_works_the_group_is_named() -> None:
    assert found(World(costs(8, at6=80.0), skips={5, 6})) == [(4, 7, "unworkable")]
    assert found(World(costs(3, at2=80.0), skips={1, 2})) == [(0, 3, "unworkable")]


def test_what_only_matters_together_is_named_together() -> None:
    assert found(World(costs(4, at1=6.0, at2=5.0, at3=5.0, at4=6.0))) == [(0, 2, "spread"), (2, 4, "spread")]


def test_a_small_difference_is_counted_again_and_must_exceed_the_spread_of_its_repeats() -> None:
    quiet = World(costs(1, at1=12.0), noise=(0.0, 3.0, -3.0))
    assert found(quiet) == [(0, 1, "step")]
    assert quiet.asked == {0: REPEATS, 1: REPEATS}
    assert found(World(costs(1, at1=12.0), noise=(0.0, 12.0, -12.0))) == []
    assert found(World(costs(1, at1=8.0), noise=(4.0, 0.0, -1.0))) == []


def test_a_part_is_what_its_repeats_in_common_differ_by() -> None:
    assert Part(0, 1, (10.0, 20.0, 30.0), (12.0,), "step").change == 2.0
