"""How much evidence each profile gathers."""

from dataclasses import replace

from stackmatrix.matrix.ladder import LoadLevel, rates, users
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, KINDS, LOOKS, MOST_BLOCKS, PROFILES


def test_only_smoke_is_no_evidence() -> None:
    assert [name for name, profile in PROFILES.items() if not profile.compares] == ["smoke"]


def test_looks_grow_and_no_profile_goes_on_after_the_last() -> None:
    assert list(LOOKS) == sorted(set(LOOKS))
    assert all(profile.blocks <= MOST_BLOCKS == LOOKS[-1] for profile in PROFILES.values())


def test_the_default_answers_with_cost_ramps_and_stops_and_ends_by_itself() -> None:
    default = PROFILES[DEFAULT_PROFILE]
    assert default.kinds == ("cost", "ramp", "stop")
    assert default.minutes is not None
    assert default.minutes_alone is not None
    assert default.minutes_alone < default.minutes
    assert default.blocks >= LOOKS[0]


def test_every_kind_of_a_profile_is_known_and_deep_has_them_all() -> None:
    assert all(set(profile.kinds) <= set(KINDS) for profile in PROFILES.values())
    assert PROFILES["deep"].kinds == KINDS


def test_a_turn_has_cost_first_then_ramps_and_then_stops() -> None:
    assert KINDS[:3] == ("cost", "ramp", "stop")


def test_the_levels_of_both_models_are_climbed_from_the_lightest_load_to_the_heaviest() -> None:
    profile = replace(PROFILES["deep"], ladder=(*users(1, 10, 100), *rates(5, 20)))
    assert " ".join(map(str, profile.climbed(600.0))) == "users=1 rate=5 users=10 rate=20 users=100"


def test_how_much_users_offer_depends_on_the_floor() -> None:
    closed, opened = LoadLevel("closed", 10), LoadLevel("open", 20)
    profile = replace(PROFILES["deep"], ladder=(closed, opened))
    assert profile.climbed(600.0) == (closed, opened)
    assert profile.climbed(400.0) == (opened, closed)
