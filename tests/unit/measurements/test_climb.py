"""Which levels of a ladder are driven, driven again, or not needed."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from stackmatrix.matrix.ladder import LoadLevel, rates, users
from stackmatrix.measurements.ladder.climb import SATURATED, Attempt, Climb, Drive, Overload
from stackmatrix.results.findings import Finding
from stackmatrix.results.levels import LatencyMs, Level
from stackmatrix.results.types import Validity

FLOOR_MS = 600.0
WINDOW_S = 10.0
PLENTY_RPS = 1_000_000.0
P50_MS = 612.5
STILL_DOWN = Finding(code="recovery", severity="invalid", sentence="It did not come back.")


def made_up(plan: LoadLevel, throughput_rps: float, validity: Validity = "valid", why: str = "") -> Level:
    """A level as it was driven; an open one made as many requests as its rate says."""
    is_open = plan.model == "open"
    return Level(
        model=plan.model, users=None if is_open else int(plan.value), rate=plan.value if is_open else None,
        window_s=WINDOW_S, validity=validity, limiter=None, throughput_rps=throughput_rps,
        requests=round((plan.value if is_open else throughput_rps) * WINDOW_S),
        findings=(Finding(code="x", severity=validity, sentence=why),) if validity == "invalid" else (),
        latency_ms=LatencyMs(mean=P50_MS, p50=P50_MS, p90=None, p95=None, p99=None, max=P50_MS),
    )  # fmt: skip


def climb(drive: Drive, *ladder: LoadLevel, all_levels: bool = False) -> list[Level]:
    """The levels of a target that always comes back."""
    return list(Climb(drive, lambda _: None, FLOOR_MS, WINDOW_S, all_levels).levels(ladder))


class Target:
    """Answers what it is asked, up to its capacity; ``spoilt`` has the reasons why attempts at a level are invalid."""

    def __init__(self, capacity_rps: float = PLENTY_RPS, spoilt: Mapping[str, Sequence[str]] | None = None) -> None:
        self.capacity_rps = capacity_rps
        self.spoilt = spoilt or {}
        self.attempts: list[Attempt] = []
        self.overloads: list[Overload] = []
        self.comes_back = True

    def recover(self, overload: Overload) -> Finding | None:
        self.overloads.append(overload)
        return None if self.comes_back else STILL_DOWN

    def drive(self, attempt: Attempt) -> Level:
        self.attempts.append(attempt)
        plan, reasons = attempt.level, self.spoilt.get(str(attempt.level), ())
        offered_rps = plan.value if plan.model == "open" else plan.value / (FLOOR_MS / 1000)
        throughput_rps = min(offered_rps, self.capacity_rps)
        if attempt.number <= len(reasons):
            return made_up(plan, throughput_rps, "invalid", reasons[attempt.number - 1])
        return made_up(plan, throughput_rps)

    def climb(self, *ladder: LoadLevel, all_levels: bool = False) -> list[Level]:
        return list(Climb(self.drive, self.recover, FLOOR_MS, WINDOW_S, all_levels).levels(ladder))

    @property
    def driven(self) -> list[str]:
        return [str(attempt.level) for attempt in self.attempts]


def test_a_target_that_takes_all_is_driven_up_the_whole_ladder_once_in_its_order() -> None:
    target = Target()
    ladder = (*users(1, 5, 10), *rates(5, 20))
    levels = target.climb(*ladder)
    assert target.attempts == [Attempt(index, plan, 1) for index, plan in enumerate(ladder)]
    assert levels == [made_up(plan, plan.value / 0.6 if plan.model == "closed" else plan.value) for plan in ladder]


def test_after_two_saturated_levels_in_a_row_the_rest_of_that_model_is_not_needed_and_says_so() -> None:
    target = Target(capacity_rps=10)
    levels = target.climb(*users(1, 5, 10, 25, 50, 100))
    assert target.driven == ["users=1", "users=5", "users=10", "users=25"]
    assert [level.validity for level in levels] == ["valid"] * 4 + ["not_needed"] * 2
    assert [level.users for level in levels] == [1, 5, 10, 25, 50, 100]
    for level in levels[4:]:
        assert (level.findings, level.window_s, level.requests) == ((SATURATED,), WINDOW_S, None)


def test_two_saturated_levels_that_are_not_in_a_row_stop_nothing() -> None:
    target = Target(capacity_rps=10)
    target.climb(*users(10, 1, 10, 1, 10, 1))
    assert len(target.driven) == 6


def test_an_open_ladder_alone_stops_after_two_saturated_levels_too() -> None:
    target = Target(capacity_rps=10)
    levels = target.climb(*rates(5, 20, 40, 80, 160))
    assert target.driven == ["rate=5", "rate=20", "rate=40"]
    assert [level.rate for level in levels if level.validity == "not_needed"] == [80, 160]


def test_rates_below_the_plateau_are_driven_and_above_it_one_and_no_more() -> None:
    target = Target(capacity_rps=30)
    levels = target.climb(*users(10, 50, 100, 200), *rates(5, 20, 29, 35, 40, 80))
    assert target.driven == ["users=10", "users=50", "users=100", "rate=5", "rate=20", "rate=29", "rate=35"]
    assert [level.rate for level in levels if level.validity == "not_needed" and level.model == "open"] == [40, 80]


def test_one_saturated_closed_level_is_enough_to_tell_the_plateau() -> None:
    target = Target(capacity_rps=30)
    target.climb(*users(10, 50), *rates(40, 80))
    assert target.driven == ["users=10", "users=50", "rate=40"]


def test_the_plateau_is_the_highest_throughput_though_the_last_level_had_less() -> None:
    throughputs = {"users=50": 30.0, "users=100": 15.0, "rate=20": 15.0, "rate=25": 15.0}
    driven = []

    def drive(attempt: Attempt) -> Level:
        driven.append(str(attempt.level))
        return made_up(attempt.level, throughputs[str(attempt.level)])

    ladder = (*users(50, 100), *rates(20, 25, 28))
    climb(drive, *ladder)
    # Both rates are below the plateau, so that two have to be saturated before the rest is not needed.
    assert driven == ["users=50", "users=100", "rate=20", "rate=25"]


def test_a_saturated_rate_below_the_plateau_has_shown_what_overload_does() -> None:
    throughputs = {"users=50": 30.0, "rate=25": 15.0}

    def drive(attempt: Attempt) -> Level:
        return made_up(attempt.level, throughputs[str(attempt.level)])

    ladder = (*users(50), *rates(25, 40))
    levels = climb(drive, *ladder)
    assert [level.validity for level in levels] == ["valid", "valid", "not_needed"]


def test_a_rate_above_the_plateau_that_was_sustained_after_all_lets_the_next_be_driven() -> None:
    target = Target(capacity_rps=30)

    def drive(attempt: Attempt) -> Level:
        if attempt.level.model == "open":
            target.capacity_rps = 50
        return target.drive(attempt)

    ladder = (*users(50, 100), *rates(40, 60, 80))
    climb(drive, *ladder)
    assert target.driven == ["users=50", "users=100", "rate=40", "rate=60"]


def test_closed_levels_that_were_not_saturated_tell_no_plateau() -> None:
    target = Target(capacity_rps=30)
    target.climb(*users(1), *rates(20, 40, 60, 80))
    assert target.driven == ["users=1", "rate=20", "rate=40", "rate=60"]


def test_an_open_ladder_that_is_saturated_does_not_stop_a_closed_one() -> None:
    target = Target(capacity_rps=10)
    target.climb(*rates(20, 40, 80), *users(1, 5))
    assert target.driven == ["rate=20", "rate=40", "users=1", "users=5"]


def test_where_all_levels_are_asked_for_all_are_driven() -> None:
    target = Target(capacity_rps=10)
    ladder = (*users(10, 50, 100, 200), *rates(20, 40, 80))
    levels = target.climb(*ladder, all_levels=True)
    assert target.driven == list(map(str, ladder))
    assert {level.validity for level in levels} == {"valid"}


def test_an_invalid_level_is_driven_once_more_and_the_second_stays_with_the_reason_of_the_first() -> None:
    target = Target(spoilt={"users=5": ["The generator was late."]})
    levels = target.climb(*users(1, 5, 10))
    assert [(attempt.index, attempt.number) for attempt in target.attempts] == [(0, 1), (1, 1), (1, 2), (2, 1)]
    assert len(levels) == 3
    (again,) = levels[1].findings
    assert levels[1].validity == "valid"
    assert (again.code, again.severity) == ("second-attempt", "note")
    assert again.sentence == "Attempt 2; the one before: The generator was late."
    assert (levels[0].findings, levels[2].findings) == ((), ())


def test_a_level_that_is_invalid_twice_stays_invalid_with_both_reasons_and_is_not_driven_a_third_time() -> None:
    target = Target(spoilt={"users=5": ["The first.", "The second.", "The third."]})
    (level,) = target.climb(*users(5))
    assert target.driven == ["users=5"] * 2
    assert level.validity == "invalid"
    assert [(finding.severity, finding.sentence) for finding in level.findings] == [
        ("invalid", "The second."),
        ("note", "Attempt 2; the one before: The first."),
    ]


def test_notes_of_a_first_attempt_are_no_reason_for_the_second() -> None:
    note = Finding(code="n", severity="note", sentence="By the way.")

    def drive(attempt: Attempt) -> Level:
        level = made_up(attempt.level, 8.0, "invalid" if attempt.number == 1 else "valid", "It was late.")
        return msgspec.structs.replace(level, findings=(note, *level.findings))

    (level,) = climb(drive, *users(5))
    assert [finding.sentence for finding in level.findings] == [
        "By the way.", "Attempt 2; the one before: It was late.",
    ]  # fmt: skip


def test_the_second_attempt_tells_whether_a_level_was_saturated() -> None:
    throughputs = iter([1.0, 10 / 0.6, 1.0, 20 / 0.6, 30 / 0.6])
    invalid = iter([True, False, True, False, False])

    def drive(attempt: Attempt) -> Level:
        return made_up(attempt.level, next(throughputs), "invalid" if next(invalid) else "valid")

    levels = climb(drive, *users(10, 20, 30))
    assert [level.validity for level in levels] == ["valid"] * 3


def test_an_invalid_level_tells_nothing_of_saturation() -> None:
    """Whatever made it invalid may have made it slow: the levels after it are still needed."""
    spoilt = {f"users={count}": ["The hypervisor gave 40 % of a core to others."] * 2 for count in (10, 20)}
    target = Target(capacity_rps=1, spoilt=spoilt)

    def drive(attempt: Attempt) -> Level:
        target.capacity_rps = 1 if str(attempt.level) in spoilt else PLENTY_RPS
        return target.drive(attempt)

    ladder = (*users(10, 20, 30), *rates(5, 10))
    levels = climb(drive, *ladder)
    assert [level.validity for level in levels] == ["invalid", "invalid", "valid", "valid", "valid"]


def test_a_rate_is_not_saturated_when_chance_offered_less_and_all_of_it_was_answered() -> None:
    """Of rates of 5 and 6, a Poisson process may well make only 42 and 51 arrivals in ten seconds."""
    offered = {"rate=5": 42, "rate=6": 51, "rate=20": 200}

    def drive(attempt: Attempt) -> Level:
        count = offered[str(attempt.level)]
        return msgspec.structs.replace(made_up(attempt.level, count / WINDOW_S), requests=count)

    levels = climb(drive, *rates(5, 6, 20))
    assert [level.validity for level in levels] == ["valid"] * 3


def test_a_level_of_the_other_model_is_driven_after_an_overload_once_the_target_has_come_back() -> None:
    target = Target(capacity_rps=30)
    levels = target.climb(*users(1, 50), *rates(20))
    assert target.overloads == [Overload(LoadLevel("closed", 50), P50_MS)]
    assert target.driven == ["users=1", "users=50", "rate=20"]
    assert {level.validity for level in levels} == {"valid"}


def test_a_level_that_would_follow_an_overload_from_which_the_target_did_not_come_back_is_invalid_and_not_driven() -> (
    None
):
    target = Target(capacity_rps=30)
    target.comes_back = False
    levels = target.climb(*users(50), *rates(20, 25))
    assert target.driven == ["users=50"]
    assert [(level.validity, level.findings) for level in levels[1:]] == [("invalid", (STILL_DOWN,))] * 2
    # It was never seen at its ease.
    assert target.overloads == [Overload(LoadLevel("closed", 50), None)] * 2


def test_more_of_the_same_model_goes_on_with_an_overload_and_less_of_it_does_not() -> None:
    target = Target(capacity_rps=30)
    target.climb(*users(50, 60), all_levels=True)
    assert target.overloads == []
    target.climb(*users(60, 50), all_levels=True)
    assert [one.level.value for one in target.overloads] == [60]


def test_more_load_of_the_other_model_waits_for_the_target_to_come_back_too() -> None:
    target = Target(capacity_rps=30)
    target.climb(*users(50), *rates(100))
    assert [str(one.level) for one in target.overloads] == ["users=50"]


def test_what_the_target_has_come_back_from_is_not_asked_again() -> None:
    target = Target(capacity_rps=30)
    target.climb(*users(50), *rates(10, 20), *users(5))
    assert len(target.overloads) == 1


@pytest.mark.parametrize("validity", ["valid", "invalid"])
def test_an_overload_counts_whether_or_not_its_level_does(validity: Validity) -> None:
    def drive(attempt: Attempt) -> Level:
        return made_up(attempt.level, 10.0, validity)

    asked: list[Overload] = []
    list(Climb(drive, asked.append, FLOOR_MS, WINDOW_S).levels([*users(50), *rates(10)]))
    assert [one.level.value for one in asked] == [50]
