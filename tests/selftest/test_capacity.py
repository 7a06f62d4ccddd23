"""The search for capacity finds what queueing theory says, of a target of which it is known."""

from collections.abc import Callable
from itertools import islice, pairwise

import numpy as np

from stackmatrix.matrix.arrivals import arrivals
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.objectives import rate_at, step_of
from stackmatrix.measurements.capacity.probing import Probing, ProbingPlan
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout

SLO_MS = 1200.0
FLOOR_MS = 600.0
TURN_MS = 40
"""As ``faulty_target.py`` has it."""
SIMULATED = 100_000


def p99_ms(rate: float) -> float:
    """p99 of a response behind a queue of one server with a fixed time (M/D/1), by Lindley's recursion (1952)."""
    waits_ms = [0.0]
    for one_s, next_s in pairwise(islice(arrivals(rate, 0.0, "theory"), SIMULATED)):
        waits_ms.append(max(0.0, waits_ms[-1] + TURN_MS - (next_s - one_s) * 1000))
    return float(np.percentile(waits_ms, 99)) + TURN_MS + FLOOR_MS


def test_the_capacity_of_a_target_that_serves_one_at_a_time_is_that_of_its_queue(
    equip: Callable[..., Subject], layout: Layout
) -> None:
    by_theory = next(step for step in range(200) if p99_ms(rate_at(step + 1)) > SLO_MS)
    start = {SLO_MS: step_of(rate_at(by_theory) * 0.8)}
    speed = PaceBook(layout.target)
    speed.begin()
    plan = ProbingPlan(equip(target="one_at_a_time"), 0, 1, longest_s=30.0, starts=start)
    probing = Probing(plan, layout, speed, 1, lambda _: None)
    probing.run()
    bracket = probing.brackets[SLO_MS]
    told = [(probe.rate, probe.ended, probe.objectives[-1], probe.findings) for probe in probing.probes]
    assert bracket.last_pass is not None, told
    assert bracket.first_fail is not None, told
    # The server itself takes some ms, so it holds a little less than the theory; much less is another machine's load.
    assert rate_at(bracket.first_fail) <= rate_at(by_theory) * 1.2, told
    assert rate_at(bracket.last_pass) >= rate_at(by_theory) * 0.7, told
