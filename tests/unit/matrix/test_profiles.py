"""How much evidence each profile gathers, and what the command line changes of it."""

from dataclasses import replace

from stackmatrix.matrix import profiles
from stackmatrix.matrix.ladder import LoadLevel

QUICK = profiles.PROFILES["quick"]


def test_nothing_given_leaves_a_profile_as_it_is() -> None:
    assert profiles.adjust(QUICK, ladder=None, window_s=None, warmup_s=None, blocks=None) == QUICK


def test_who_asks_for_a_number_of_blocks_gets_them_all() -> None:
    rigorous = profiles.PROFILES["rigorous"]
    assert rigorous.looks[-1] == rigorous.blocks
    changed = profiles.adjust(rigorous, ladder=None, window_s=None, warmup_s=None, blocks=10)
    assert (changed.blocks, changed.looks) == (10, ())
    assert profiles.adjust(rigorous, ladder=None, window_s=5, warmup_s=None, blocks=None).looks == rigorous.looks


def test_what_is_given_replaces_the_profiles_choice_even_when_it_is_zero() -> None:
    ladder = (LoadLevel("open", 5),)
    adjusted = profiles.adjust(QUICK, ladder=ladder, window_s=7, warmup_s=0, blocks=3)
    assert (adjusted.ladder, adjusted.window_s, adjusted.warmup_s, adjusted.blocks) == (ladder, 7, 0, 3)
    assert (adjusted.name, adjusted.settle_s) == (QUICK.name, QUICK.settle_s)


def test_only_smoke_does_not_compare() -> None:
    assert [name for name, profile in profiles.PROFILES.items() if not profile.compares] == ["smoke"]


def test_where_results_are_compared_the_plateau_is_known_before_rates_are_asked_for() -> None:
    for profile in profiles.PROFILES.values():
        models = [level.model for level in profile.ladder]
        assert models == sorted(models)
        assert not profile.compares or set(models) == {"closed", "open"}


def test_the_levels_of_both_models_are_climbed_from_the_lightest_load_to_the_heaviest() -> None:
    climbed = "users=1 rate=5 users=5 users=10 rate=20 rate=40 users=25 users=50 users=100"
    assert " ".join(map(str, QUICK.climbed(600.0))) == climbed


def test_how_much_users_offer_depends_on_the_floor() -> None:
    closed, opened = LoadLevel("closed", 10), LoadLevel("open", 20)
    profile = replace(QUICK, ladder=(closed, opened))
    assert profile.climbed(600.0) == (closed, opened)
    assert profile.climbed(400.0) == (opened, closed)
