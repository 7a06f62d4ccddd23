"""From facts to what the result file says: no figure without its reason when it is left out."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest

from stackmatrix import assess, rows
from stackmatrix.checks import LevelFacts
from stackmatrix.model import Finding, Level
from stackmatrix.plan import LevelPlan
from stackmatrix.usage import Use

type Make[T] = Callable[..., T]

USE = Use(wall_s=10.1, cpu_s=4.04, rss_bytes_peak=50_000_000, threads_peak=9, fds_peak=30, context_switches=1_000)


def nulls(part: msgspec.Struct, path: str = "") -> Iterator[str]:
    """Dotted paths of the figures that are ``None``; which of users and rate a level has is its model."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if value is None and name not in {"users", "rate"}:
            yield f"{path}{name}"
        elif isinstance(value, msgspec.Struct):
            yield from nulls(value, f"{path}{name}.")


def uses(target: Use = USE) -> dict[str, Use]:
    return {"target": target, "generator": USE, "external_api": USE}


def test_cpu_per_request_is_the_share_of_the_window_over_correct_responses(make_facts: Make[LevelFacts]) -> None:
    facts = make_facts(uses=uses())
    level = assess.assess(facts, 0.0)
    assert level.target is not None
    assert level.target.cpu_share == pytest.approx(0.4)
    assert level.target.cpu_ms_per_request == pytest.approx(0.4 * 10_000 / len(facts.rows.answered))


def test_the_idle_targets_cpu_is_not_charged_to_requests(make_facts: Make[LevelFacts]) -> None:
    facts = make_facts(uses=uses())
    level = assess.assess(facts, 0.1)
    assert level.target is not None
    assert level.target.cpu_ms_per_request == pytest.approx(0.3 * 10_000 / len(facts.rows.answered))
    more_than_all = assess.assess(facts, 0.9).target
    assert more_than_all is not None
    assert more_than_all.cpu_ms_per_request == 0


def test_a_closed_level_has_users_and_an_open_one_a_rate(make_facts: Make[LevelFacts]) -> None:
    closed = assess.assess(make_facts(), 0.0)
    assert (closed.model, closed.users, closed.rate) == ("closed", 2, None)
    opened = assess.assess(make_facts(plan=LevelPlan("open", 3.5)), 0.0)
    assert (opened.model, opened.users, opened.rate) == ("open", None, 3.5)


def test_calls_of_the_api_are_those_between_the_two_readings(make_facts: Make[LevelFacts]) -> None:
    level = assess.assess(make_facts(), 0.0)
    assert level.external_api is not None
    assert level.external_api.calls == 150


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"api_after": None},
        {"uses": uses(replace(USE, context_switches=None))},
    ],
    ids=["steady", "api gone", "transient threads"],
)
@pytest.mark.parametrize("count", [0, 1, 25, 1000])
def test_every_figure_that_is_left_out_has_its_reason_and_no_other_has(
    make_facts: Make[LevelFacts], make_row: Make[bytes], count: int, changed: dict[str, object]
) -> None:
    level = assess.assess(make_facts([make_row(105, 105.6)] * count, **changed), 0.0)
    assert set(level.absent) == set(nulls(level))
    assert all(level.absent.values())


def test_a_level_without_one_correct_response_keeps_its_failures_and_reasons(
    make_facts: Make[LevelFacts], make_row: Make[bytes]
) -> None:
    failed = [make_row(105, 105.1, outcome=rows.STATUS, status=500)] * 30
    level = assess.assess(make_facts(failed), 0.0)
    assert (level.requests, level.failures, level.throughput_rps) == (30, {"status 500": 30}, 0)
    assert set(level.absent) == set(nulls(level))


def test_one_invalid_finding_makes_a_level_invalid_and_a_note_does_not() -> None:
    note, invalid = (Finding(code="x", severity=severity, sentence="") for severity in ("note", "invalid"))
    assert assess.validity_of(()) == "valid"
    assert assess.validity_of((note,)) == "valid"
    assert assess.validity_of((note, invalid)) == "invalid"


def test_a_level_that_was_not_driven_has_its_reason_and_no_figure() -> None:
    why = Finding(code="beyond-saturation", severity="note", sentence="why")
    level = assess.not_driven(LevelPlan("closed", 50), 12.0, "not_needed", why)
    assert level == Level(
        model="closed", users=50, rate=None, window_s=12.0, validity="not_needed", limiter=None, findings=(why,)
    )
