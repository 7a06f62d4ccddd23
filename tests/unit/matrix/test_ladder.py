"""The levels of a ladder: what they are called, what is refused, and how much room they need."""

import pytest

from stackmatrix.errors import UsageError
from stackmatrix.matrix import ladder
from stackmatrix.matrix.ladder import LoadLevel


def test_users_make_closed_levels() -> None:
    assert ladder.parse_ladder("closed", "1, 10,1e2") == (
        LoadLevel("closed", 1),
        LoadLevel("closed", 10),
        LoadLevel("closed", 100),
    )


def test_rates_make_open_levels_and_may_be_fractions() -> None:
    assert ladder.parse_ladder("open", "0.5,20") == (LoadLevel("open", 0.5), LoadLevel("open", 20))


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
        (LoadLevel("closed", 100.0), "users=100"),
        (LoadLevel("open", 12.5), "rate=12.5"),
        (LoadLevel("open", 20.0), "rate=20"),
    ],
)
def test_a_level_is_named_by_its_model_and_value(level: LoadLevel, name: str) -> None:
    assert str(level) == name


@pytest.mark.parametrize(
    ("level", "at_once"),
    [
        (LoadLevel("closed", 100), 100),
        (LoadLevel("open", 0.05), 1),
        (LoadLevel("open", 20), 200),
        (LoadLevel("open", 400), 4_000),
        (LoadLevel("open", 100_000), 4_000),
    ],
)
def test_an_open_level_has_visitors_for_ten_seconds_of_arrivals_as_far_as_they_can_be_had(
    level: LoadLevel, at_once: int
) -> None:
    assert ladder.requests_at_once(level) == at_once
