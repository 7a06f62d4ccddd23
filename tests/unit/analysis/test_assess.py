"""From facts to what the result file says: no figure without its reason when it is left out."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level import assess
from stackmatrix.analysis.level.facts import LevelFacts, Pace
from stackmatrix.analysis.level.usage import Surroundings, Unexplained, Use
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.results import rows
from stackmatrix.results.findings import Finding
from stackmatrix.results.levels import Level

type Make[T] = Callable[..., T]

USE = Use(
    wall_s=10.1, cpu_s=4.04, threads_peak=9, fds_peak=30, context_switches=1_000, pss_bytes=50_000_000,
    threads_started=7,
)  # fmt: skip
FINISHED_NOTHING = ApiFigures(
    calls_started=5, calls_finished=0, calls_refused=0, in_flight=5, max_in_flight=5, at_s=1.0, in_flight_s=2.0,
    overshoot_sum_ms=0.0, overshoot_max_ms=0.0, overshoot_bucket_ms=0.1, overshoot_histogram={},
    view_requests_by_calls={}, view_requests_by_overlap={},
)  # fmt: skip


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


def test_memory_and_started_threads_are_those_of_the_target(make_facts: Make[LevelFacts]) -> None:
    level = assess.assess(make_facts(uses={**uses(), "generator": replace(USE, pss_bytes=1)}), 0.0)
    assert level.target is not None
    assert (level.pss_bytes, level.target.threads_started) == (50_000_000, 7)


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
    opened = assess.assess(make_facts(plan=LoadLevel("open", 3.5)), 0.0)
    assert (opened.model, opened.users, opened.rate) == ("open", None, 3.5)


def test_calls_of_the_api_are_those_between_the_two_readings(make_facts: Make[LevelFacts]) -> None:
    level = assess.assess(make_facts(), 0.0)
    assert level.external_api is not None
    assert level.external_api.calls == 150


def test_lag_and_the_generators_core_are_told(make_facts: Make[LevelFacts], make_row: Make[bytes]) -> None:
    packed = [make_row(105, 105.7, sent_s=105 + late_ms / 1000) for late_ms in (*[1] * 99, 40)]
    generator = assess.assess(make_facts(packed, around=Surroundings(generator_core_share=0.3)), 0.0).generator
    assert generator is not None
    assert (generator.lag_ms_p99, generator.lag_ms_max) == pytest.approx((1, 40))
    assert generator.core_share == 0.3


def test_response_and_service_times_are_both_told(make_facts: Make[LevelFacts], make_row: Make[bytes]) -> None:
    level = assess.assess(make_facts([make_row(105, 105.9, sent_s=105.2)] * 20), 0.0)
    assert level.latency_ms is not None
    assert level.service_ms is not None
    assert (level.latency_ms.p90, level.service_ms.p90) == pytest.approx((900, 700))


def test_what_the_machine_did_is_told_and_its_pace_is_over_the_runs_median(make_facts: Make[LevelFacts]) -> None:
    around = Surroundings(
        steal_share=0.01, foreign_share=0.02, ports_share=0.03, target_drops=4, api_drops=5, retransmitted=6,
        unexplained=Unexplained((1,), 0.04),
    )  # fmt: skip
    pace = Pace(before_s=1.9, after_s=2.1, of_run_s=(2.0, 1.0, 9.0))
    told = assess.assess(make_facts(around=around, pace=pace), 0.0).machine
    assert told is not None
    assert (told.steal_share, told.foreign_share, told.ports_share) == (0.01, 0.02, 0.03)
    assert (told.target_drops, told.api_drops, told.retransmitted, told.unexplained_share) == (4, 5, 6, 0.04)
    assert (told.pace_before, told.pace_after) == pytest.approx((0.95, 1.05))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"api_after": None},
        {"uses": uses(replace(USE, context_switches=None))},
        {"uses": uses(replace(USE, pss_bytes=None, threads_started=None))},
        {"around": Surroundings(), "pace": None},
        {"api_after": FINISHED_NOTHING, "api_before": FINISHED_NOTHING},
    ],
    ids=[
        "steady",
        "api gone",
        "transient threads",
        "not looked for",
        "a system that tells nothing",
        "no call was finished",
    ],
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
    level = assess.not_driven(LoadLevel("closed", 50), 12.0, "not_needed", why)
    assert level == Level(
        model="closed", users=50, rate=None, window_s=12.0, validity="not_needed", limiter=None, findings=(why,)
    )
