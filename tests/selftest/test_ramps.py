"""Real ramps and holds of half a minute each, of targets whose limits are known."""

import pytest

from stackmatrix.analysis.ramp.assess import assess_hold
from stackmatrix.matrix.ramp import plan_hold
from stackmatrix.measurements.stall import stop_later
from tests.process.climbs import FLOOR_S, HALF, HOLDS, LENGTHS, MORE_THAN_HALF, SEED, STAMP, climb, ramp, standin


def test_an_honest_target_is_back_when_it_has_worked_off_what_waits() -> None:
    one, facts = ramp(standin("--holds", f"{HOLDS}"), HALF, 20.0)
    assert one.holds is not None
    assert 0.6 * HOLDS < one.holds < 1.25 * HOLDS
    assert one.recovery is not None
    assert one.recovery.seconds is not None
    assert one.recovery.before_p50_ms >= FLOOR_S * 1000
    reference = one.reference
    assert reference is not None
    assert reference.rate == HALF
    assert reference.window_s == pytest.approx(LENGTHS.reference_s)
    assert reference.latency_ms is not None
    assert reference.latency_ms.p50 >= FLOOR_S * 1000
    assert reference.pss_bytes
    assert reference.cpu_ms_per_request
    assert [step.rate for step in one.steps] == list(facts.plan.rates[: len(one.steps)])
    assert sum(step.requests for step in one.steps) == facts.climb.planned
    assert all(step.cpu_share for step in one.steps)
    assert one.seconds is not None
    assert sum(one.seconds.offered) <= len(facts.rows)
    found = {finding.code for finding in one.findings}
    assert not found & {"offered-rate", "recorder", "conservation", "littles-law", "wrong-body", "target-changed"}


def test_a_target_with_few_slots_is_stopped_by_them() -> None:
    slots = 14
    one, _ = ramp(standin("--slots", f"{slots}", slots=slots), HALF, 2.0)
    assert one.holds is not None
    assert one.holds < 1.1 * slots / FLOOR_S
    assert one.limiter in {"slots", "generator", "external-api"}
    assert one.recovery is not None


def test_a_hold_with_a_stall_in_its_middle_comes_back_from_it_or_does_not() -> None:
    def hold(*options: str) -> tuple[bool, float | None]:
        plan = plan_hold(MORE_THAN_HALF, 10.0)
        facts = climb(standin(*options), plan, None, lambda bed, _: stop_later(bed.target_pids, 3.0, 1.0))
        one = assess_hold(facts, STAMP, seed=SEED, held=HOLDS, stalled_at_s=3.0, stall_s=1.0)
        assert one.requests == facts.climb.planned
        assert one.seconds is not None
        assert one.seconds.dropped_s is None
        assert one.recovery is not None
        return one.sustained, one.recovery.seconds

    is_sustained, seconds = hold("--holds", f"{HOLDS}")
    assert is_sustained
    assert seconds is not None
    # The stall is long enough that this one goes down, and it is asked for more than it then answers.
    assert hold("--holds", f"{HOLDS}", "--metastable") == (False, None)
