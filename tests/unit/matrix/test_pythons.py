"""Places on the axis of Pythons: what they name, their order, and what each is compared with."""

import pytest

from stackmatrix.errors import UsageError
from stackmatrix.matrix.pythons import Runtime, newest_key, parse_overrides, plain_before, python_key

SIDES = ["3.13 of base", "3.13 of head", "3.13 with django==5.2.* of head"]
PLACES = ["3.9", "3.10", "3.13", "3.13 with django==5.2.*", "3.13@debug", "3.14", "3.14t", "pypy3.11"]


@pytest.mark.parametrize("place", [*PLACES, *SIDES])
def test_a_place_is_read_as_it_was_written(place: str) -> None:
    assert str(Runtime.of(place)) == place


def test_an_older_python_is_before_a_newer_one_and_a_plain_build_before_all_others_of_its_version() -> None:
    in_order = ["3.9", "3.10", "pypy3.11", "3.13", "3.13 with django==5.2.*", "3.13@debug", "3.14", "3.14t"]
    assert sorted(PLACES, key=python_key) == in_order


def test_headlines_stand_on_the_newest_plain_build() -> None:
    assert max(PLACES, key=newest_key) == "3.14"
    assert max(["3.14t", "3.13 with django==5.2.*"], key=newest_key) == "3.14t"
    assert max(["3.13@debug", "3.13@debug with django==5.2.*"], key=newest_key) == "3.13@debug"


@pytest.mark.parametrize(
    ("place", "other"),
    [
        ("3.14", "3.13"),
        ("3.9", None),
        ("3.13 with django==5.2.*", "3.13"),
        ("3.12 with django==5.2.*", None),
        ("3.14t", "3.14"),
        ("3.15t", "3.14"),
        ("3.13@debug", "3.13"),
        ("pypy3.11", "3.10"),
    ],
)
def test_each_is_compared_with_the_plain_build_that_is_nearest(place: str, other: str | None) -> None:
    assert plain_before(place, [*PLACES, place]) == other


def test_a_variant_is_what_a_place_is_beside_its_version() -> None:
    variants = ["", "", "", " with django==5.2.*", "@debug", "", "t", "pypy"]
    assert [Runtime.of(place).variant for place in PLACES] == variants


def test_a_file_is_called_after_its_place_without_what_some_systems_forbid() -> None:
    names = [Runtime.of(place).file_name for place in PLACES]
    assert names[3] == "3.13+django=5.2.x"
    assert Runtime.of("3.13 with a[b]>=5,<6 c~=1.0").file_name == "3.13+a-b-from-5,-below-6+c-like-1.0"
    assert len(set(names)) == len(names)
    assert not set("".join(names)) & set('<>:"/\\|?*')


def test_overrides_have_one_spelling_and_one_order() -> None:
    assert parse_overrides("Django_X==5.2.*  asgiref>=3,<4") == ("asgiref>=3,<4", "django-x==5.2.*")


@pytest.mark.parametrize("text", ["", " ", "django", "==5", "django == 5", "django==5.2; x"])
def test_what_is_no_package_with_a_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write --with 'django==5\.2\.\*'\.$"):
        parse_overrides(text)


def test_only_what_a_lock_file_has_as_it_is_on_a_python_of_the_table_is_locked() -> None:
    places = ["3.13", "3.14t", "3.13 with django==5.2.*", "3.13@debug", "pypy3.11", "3.11", "3.14t with a==1"]
    assert [place for place in places if Runtime.of(place).is_locked] == ["3.13", "3.14t"]


def test_the_sides_of_a_comparison_have_names_of_their_own_and_what_is_installed_has_none() -> None:
    base, head, other = (Runtime.of(place) for place in SIDES)
    assert [one.side for one in (base, head, other)] == ["base", "head", "head"]
    assert len({one.file_name for one in (base, head, other)}) == 3
    assert base.without_side == head.without_side == Runtime("3.13")
    assert str(other.without_side) == "3.13 with django==5.2.*"
    assert len({one.variant for one in (base, head, other)}) == 3
    assert base.is_locked
    assert not other.is_locked


def test_controls_stand_beside_the_base() -> None:
    assert max(reversed(SIDES[:2]), key=newest_key) == "3.13 of base"
    assert max(["3.14 of head", "3.13 of base"], key=newest_key) == "3.13 of base"
