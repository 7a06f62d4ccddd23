"""Real ramps of targets whose limits are known: what they hold, what stops them, and whether they come back."""

from collections.abc import Callable
from functools import partial

import pytest

from stackmatrix.analysis.ramp.assess import RampFacts, assess_hold, assess_ramp
from stackmatrix.errors import TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.profiles import RampLengths
from stackmatrix.matrix.ramp import RampPlan, plan_hold, plan_ramp, until_reference
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.measurements.stall import stop_later
from stackmatrix.results import rows
from stackmatrix.results.ramps import Ramp
from stackmatrix.system import processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.climbing import Climb, discard
from stackmatrix.testbed.null_target import null_control
from stackmatrix.testbed.testbed import Load
from tests.process import subjects

pytestmark = pytest.mark.alone

FLOOR_S = 0.3
WORKLOAD = Workload("waits", "", one_page("/calls/300/parallel"), (300,))
standin = partial(subjects.standin, WORKLOAD)
HOLDS = 48.0
MORE_THAN_HALF, HALF = 32.0, 24.0
"""Reference rates: a metastable target that is down holds half of what it held before."""
LENGTHS = RampLengths(step_s=1.0, reference_s=2.0)
SEED = 7
STAMP = {"run": "run", "round": 0, "started": "2026-11-25T10:00:00+00:00", "duration_s": 1.0}


def nothing(*_: object) -> None:
    pass


def climb(
    subject: Subject,
    plan: RampPlan,
    recovery_s: float | None,
    at_start: Callable[[testbed.Testbed, float], None] = nothing,
) -> RampFacts:
    with testbed.start([subject], divide_cores(), Load(), nothing) as bed:
        bed.verify()
        bed.warm_up(LevelOrder.warmup(0.5))
        facts = Climb(bed, plan, plan_seed(SEED, 0), recovery_s, lambda at_s: at_start(bed, at_s)).drive()
        pid = bed.circus.pid(subject.name)
        discard(bed)
    assert not processes.is_running(pid)
    return facts


def ramp(subject: Subject, rate: float, recovery_s: float) -> tuple[Ramp, RampFacts]:
    facts = climb(subject, plan_ramp(rate, FLOOR_S, subject.stack.slots, LENGTHS), recovery_s)
    return assess_ramp(facts, STAMP, seed=SEED, recovery_s=recovery_s), facts


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


def test_a_target_that_ends_within_a_ramp_fails_it() -> None:
    def kill(bed: testbed.Testbed, _start_s: float) -> None:
        processes.end_all(processes.tree(bed.circus.pid(standin().name)), timeout_s=0)

    with pytest.raises(TrialError, match=r"^Under load, the process of 'standin_"):
        climb(standin(), plan_ramp(HALF, FLOOR_S, None, LENGTHS), 2.0, kill)
