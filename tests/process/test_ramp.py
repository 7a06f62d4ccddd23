"""Real ramps of targets whose limits are known: what they hold, what stops them, and whether they come back.

Those that take half a minute each are in ``tests/selftest``.
"""

import pytest

from stackmatrix.analysis.ramp.assess import assess_ramp
from stackmatrix.errors import TrialError
from stackmatrix.matrix.ramp import plan_ramp, until_reference
from stackmatrix.results import rows
from stackmatrix.system import processes
from stackmatrix.testbed import testbed
from stackmatrix.testbed.null_target import null_control
from tests.process.climbs import (
    FLOOR_S,
    HALF,
    HOLDS,
    LENGTHS,
    MORE_THAN_HALF,
    SEED,
    STAMP,
    WORKLOAD,
    climb,
    ramp,
    standin,
)

pytestmark = pytest.mark.alone


def test_a_metastable_target_holds_its_rate_and_is_not_back_after_an_overload() -> None:
    one, facts = ramp(standin("--holds", f"{HOLDS}", "--metastable"), MORE_THAN_HALF, 6.0)
    assert one.holds is not None
    assert 0.6 * HOLDS < one.holds < 1.25 * HOLDS
    assert one.ended == "backlog"
    assert one.recovery is not None
    assert one.recovery.seconds is None
    assert (one.recovery.rate, one.recovery.watched_s) == (MORE_THAN_HALF, 6.0)
    # It has neither slots nor is it busy.
    assert one.limiter in {"unknown", "generator", "external-api"}
    assert one.seconds is not None
    assert one.seconds.dropped_s is not None
    # What it had not answered was given up.
    assert (facts.rows["outcome"] == rows.UNFINISHED).sum() > 10
    assert one.seconds.in_flight[-1] > 10


def test_the_null_target_shows_the_latency_of_the_harness_and_makes_no_calls() -> None:
    subject = null_control(WORKLOAD)
    plan = until_reference(plan_ramp(MORE_THAN_HALF, FLOOR_S, None, LENGTHS))
    facts = climb(subject, plan, 6.0)
    one = assess_ramp(facts, STAMP, seed=SEED, recovery_s=6.0)
    assert facts.climb.api_before is not None
    assert facts.climb.api_after is not None
    assert facts.climb.api_after.calls_started == facts.climb.api_before.calls_started
    assert one.recovery is None
    assert one.reference is not None
    assert (one.reference.rate, one.reference.failures) == (MORE_THAN_HALF, {})
    assert one.reference.latency_ms is not None
    assert one.reference.latency_ms.p50 >= FLOOR_S * 1000
    of_the_machine = {"steal", "foreign-load", "unexplained-load", "generator-lag", "generator-busy", "network"}
    assert {finding.code for finding in one.findings if finding.severity == "invalid"} <= of_the_machine


def test_a_target_that_ends_within_a_ramp_fails_it() -> None:
    def kill(bed: testbed.Testbed, _start_s: float) -> None:
        processes.end_all(processes.tree(bed.circus.pid(standin().name)), timeout_s=0)

    with pytest.raises(TrialError, match=r"^Under load, the process of 'standin_"):
        climb(standin(), plan_ramp(HALF, FLOOR_S, None, LENGTHS), 2.0, kill)
