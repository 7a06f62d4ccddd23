"""What bounded a level, from its facts and findings."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.limiter import name_limiter
from stackmatrix.analysis.level.usage import Use
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.results import rows
from stackmatrix.results.findings import Code, Finding, note
from stackmatrix.results.types import Limiter

type Make[T] = Callable[..., T]

BUSY = Use(wall_s=10.0, cpu_s=9.1, threads_peak=1, fds_peak=1, context_switches=1)
IDLE = replace(BUSY, cpu_s=1.0)


def uses(target: Use) -> dict[str, Use]:
    return {"target": target, "generator": IDLE, "external_api": IDLE}


def slow(make_row: Make[bytes], each_s: float, users: int) -> list[bytes]:
    """A closed loop that begins with the window: each user is answered after ``each_s``, again and again."""
    steps = int(10 / each_s)
    return [make_row(100 + i * each_s, 100 + (i + 1) * each_s - 1e-6) for i in range(steps)] * users


@pytest.mark.parametrize(
    ("codes", "limiter"),
    [
        (["generator-lag"], "generator"),
        (["generator-busy"], "generator"),
        (["generator-exhausted"], "generator"),
        (["offered-rate"], "generator"),
        (["api-busy"], "external-api"),
        (["api-overshoot"], "external-api"),
        (["api-gone"], "external-api"),
        (["api-listen-queue"], "external-api"),
        (["client-retries", "api-busy", "generator-busy"], "external-api"),
        (["littles-law"], "users"),  # about the figures, not about what bounded them
        (["listen-queue"], "users"),  # the target's own
    ],
)
def test_a_finding_about_the_generator_or_the_api_names_the_limiter(
    make_facts: Make[LevelFacts], codes: list[str], limiter: Limiter
) -> None:
    findings = tuple(Finding(code=code, severity="invalid", sentence="") for code in codes)
    assert name_limiter(make_facts(), findings) == limiter


def test_below_saturation_the_users_are_the_limiter_however_busy_the_target_is(make_facts: Make[LevelFacts]) -> None:
    assert name_limiter(make_facts(uses=uses(BUSY)), ()) == "users"


def test_an_open_level_that_kept_up_with_what_chance_really_offered_is_limited_by_its_load(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    """Of a rate of 5, a Poisson process may well make only 40 arrivals in ten seconds."""
    packed = [make_row(100 + i / 4, 100 + i / 4 + 0.2) for i in range(40)]
    facts = make_facts(packed, plan=LoadLevel("open", 5), uses=uses(BUSY))
    assert name_limiter(replace(facts, planned=40), ()) == "users"
    assert name_limiter(replace(facts, planned=50), ()) == "target-cpu"


def test_saturated_with_all_slots_in_use_the_slots_are_the_limiter(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(slow(make_row, 6 * 0.6 / 2, 6), slots=2, plan=LoadLevel("closed", 6), uses=uses(BUSY))
    assert name_limiter(facts, ()) == "slots"


def test_saturated_below_its_slots_a_busy_target_is_its_own_limiter(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(slow(make_row, 2.0, 6), slots=100, plan=LoadLevel("closed", 6), uses=uses(BUSY))
    assert name_limiter(facts, ()) == "target-cpu"


def test_a_target_that_is_busy_in_waves_and_rests_in_between_is_its_own_limiter(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    facts = make_facts(slow(make_row, 2.0, 6), slots=100, plan=LoadLevel("closed", 6))
    assert name_limiter(replace(facts, uses=uses(replace(IDLE, busiest_share=0.95))), ()) == "target-cpu"
    assert name_limiter(replace(facts, uses=uses(replace(IDLE, busiest_share=0.5))), ()) == "unknown"


def test_an_open_level_beyond_capacity_is_saturated_though_all_its_requests_are_answered_later(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    """A server that answers 50 a second is asked 100 times a second, from 2 s before the window."""
    packed = [make_row(98 + i / 100, 98.6 + (i + 1) / 50) for i in range(1200)]
    facts = make_facts(packed, plan=LoadLevel("open", 100), planned=1000, uses=uses(BUSY))
    assert name_limiter(facts, ()) == "target-cpu"


@pytest.mark.parametrize("slots", [100, None])
def test_saturated_by_nothing_that_is_known_the_limiter_is_unknown(
    make_facts: Make[LevelFacts], make_row: Make[bytes], slots: int | None
) -> None:
    facts = make_facts(slow(make_row, 2.0, 6), slots=slots, plan=LoadLevel("closed", 6))
    assert name_limiter(facts, ()) == "unknown"


@pytest.mark.parametrize(
    ("took_s", "busy", "limiter"), [(0.72, 0.75, "users"), (0.8, 0.8, "target-cpu"), (0.9, 0.5, "unknown")]
)
def test_where_throughput_bends_from_one_bound_to_the_other_the_nearer_one_is_named(
    make_facts: Make[LevelFacts], make_row: Make[bytes], took_s: float, busy: float, limiter: Limiter
) -> None:
    facts = make_facts(slow(make_row, took_s, 6), slots=100, plan=LoadLevel("closed", 6))
    assert name_limiter(replace(facts, uses=uses(replace(IDLE, busiest_share=busy))), ()) == limiter


@pytest.mark.parametrize(
    ("each_s", "busy", "failing", "limiter"),
    [
        (2.0, IDLE, 2, "database"), (2.0, BUSY, 2, "target-cpu"), (0.6, IDLE, 6, "database"),
        (2.0, IDLE, 1, "unknown"), (0.6, IDLE, 1, "users"),
    ],
)  # fmt: skip
def test_the_database_is_the_limiter_where_it_fails_one_request_in_twenty(
    make_facts: Make[LevelFacts], make_row: Make[bytes], each_s: float, busy: Use, failing: int, limiter: Limiter
) -> None:
    packed = [*slow(make_row, each_s, 6), *[make_row(105, 105.6, outcome=rows.STATUS, status=500)] * failing]
    facts = make_facts(packed, slots=100, plan=LoadLevel("closed", 6), uses=uses(busy))
    locked, raised = note(Code.DATABASE_LOCKED, ""), note(Code.RAISED, "")
    assert name_limiter(replace(facts, named=(locked, raised)), ()) == limiter
    assert name_limiter(replace(facts, named=(raised, locked)), ()) != "database"


def test_what_is_not_the_target_is_named_before_its_bounds(make_facts: Make[LevelFacts]) -> None:
    late = Finding(code="generator-lag", severity="invalid", sentence="")
    assert name_limiter(make_facts(uses=uses(BUSY)), (late,)) == "generator"
