"""One climb of a fresh process, as ramps and holds make it: started, verified, warmed up, loaded, and given up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.ramp.assess import RampFacts
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.ramp import RampPlan
from stackmatrix.measurements.request import Outcome, Setup, Show, now
from stackmatrix.results.blocks import Block
from stackmatrix.results.conditions import Environment
from stackmatrix.testbed import testbed
from stackmatrix.testbed.climbing import Climb, discard
from stackmatrix.testbed.testbed import Load, Testbed


@dataclass(frozen=True, slots=True)
class Climbed:
    """What came of it, what served, and when it began; ``loop_ms`` is the time of the fixed loop on its interpreter.

    There is no ``environment`` of a target that does not say what serves it.
    """

    facts: RampFacts
    environment: Environment | None
    loop_ms: float | None
    started: str
    duration_s: float


def climb(
    setup: Setup,
    subject: Subject,
    plan: RampPlan,
    seed: int,
    recovery_s: float | None,
    show: Show,
    at_start: Callable[[Testbed, float], None] = lambda _bed, _start_s: None,
) -> Climbed:
    """Climb once. ``at_start`` is called with the moment at which the load begins.

    Raises:
        TrialError: when the target does not come up, is not what it should be, or ends.

    """
    started, began_s = now(), time.monotonic()
    with testbed.start([subject], setup.layout, Load(setup.request.generators), show) as bed:
        bed.verify()
        show("warming up")
        bed.warm_up(LevelOrder.warmup(setup.profile.levels.warmup_s))
        facts = Climb(bed, plan, plan_seed(seed, 0), recovery_s, lambda start_s: at_start(bed, start_s)).drive()
        discard(bed)
    environment, loop_ms = bed.environments.get(subject.name), bed.loops_ms.get(subject.name)
    return Climbed(facts, environment, loop_ms, started, time.monotonic() - began_s)


def outcome_of(cell: Cell, block: Block, words: str, made: Sequence[Climbed]) -> Outcome:
    """The outcome of a step that made a block of one cell, with what served its last climb."""
    last = made[-1]
    assert last.environment is not None, "every stack says what serves it"
    loops_ms = {} if last.loop_ms is None else {cell: last.loop_ms}
    return Outcome(words, {cell: block}, {cell: last.environment}, loops_ms=loops_ms)
