"""Ramps and holds of stand-ins whose limits are known, as the harness drives them."""

from collections.abc import Callable
from functools import partial

from stackmatrix.analysis.ramp.assess import RampFacts, assess_ramp
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.profiles import RampLengths
from stackmatrix.matrix.ramp import RampPlan, plan_ramp
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.results.ramps import Ramp
from stackmatrix.system import processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.climbing import Climb, discard
from stackmatrix.testbed.testbed import Load
from tests.process import subjects

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
