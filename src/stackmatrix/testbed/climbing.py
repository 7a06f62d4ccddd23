"""Drives a ramp on a testbed of one target: rates climb until it is overloaded, then the load drops until it is back.

What comes next is decided twice a second from what was answered (:mod:`stackmatrix.analysis.ramp.watch`). The target is
metered over the whole climb, and at the reference rate alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.requests import Floats, Rows
from stackmatrix.analysis.level.usage import Role, Use
from stackmatrix.analysis.ramp.assess import Before, RampFacts, before_overload
from stackmatrix.analysis.ramp.steps import windowed
from stackmatrix.analysis.ramp.watch import is_overloaded, recovered_after_s, watch_s
from stackmatrix.load.generator import DROP_DELAY_S, DrivenLevel
from stackmatrix.load.protocol import Drop, RampOrder, Stop
from stackmatrix.matrix.arrivals import arrivals, climbing, drop_seed
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.ramp import VISITORS, RampPlan
from stackmatrix.system import processes
from stackmatrix.system.process_meter import Meters
from stackmatrix.testbed.metering import OnWindow
from stackmatrix.testbed.testbed import Testbed


@dataclass
class Climb:
    """One ramp on a testbed of one target, which is warm. After it, :func:`discard` the target.

    After an overload the load drops, and the target is watched until it is back, or ``recovery_s`` are over; without
    them the rates are driven to their end, whatever comes. ``at_start`` is called with the moment of the first arrival.
    """

    bed: Testbed
    plan: RampPlan
    seed: str
    recovery_s: float | None
    at_start: Callable[[float], None] = lambda _: None
    _start_s: float = 0.0
    _planned_s: Floats = field(default_factory=lambda: np.empty(0))
    _drop: Drop | None = None
    _before: Before | None = None
    _after_s: Floats = field(default_factory=lambda: np.empty(0))
    _metered: str = "not yet"
    _reference_use: Use | None = None

    def drive(self) -> RampFacts:
        """Drive it to its end.

        Raises:
            TrialError: when the target, the external API or the generator has ended.

        """
        bed, generator = self.bed, self.bed.generator
        assert generator is not None
        self._name = bed.places[0].subject.name
        self._workload = workload = bed.places[0].subject.workload
        self._unloaded_s, self._answered_s = workload.unloaded_ms / 1000, workload.answered_ms / 1000
        self._meter = Meters({self._name: (bed.circus.pid(self._name),)}, closely=(self._name,))
        order = RampOrder(0, list(self.plan.rates), list(self.plan.seconds), VISITORS, self.seed)

        def run(on_window: OnWindow) -> DrivenLevel:
            return generator.climb(order, self._begin, on_window, self._tick, self._watch)

        bed.raised.take_all()  # that of the warm-up is no part of the climb
        driven, uses, around = bed.meters.level(run, lambda: None)
        bed.load_s += driven.drained_s - driven.started_s
        end_s = min(driven.rows.end_s, self._end_s)
        subject = bed.places[0].subject
        climb = LevelFacts(
            plan=LoadLevel("open", self.plan.rates[-1]),
            workload=subject.workload,
            stack=subject.stack,
            rows=windowed(driven.rows.all, self._start_s, end_s),
            uses={**uses, Role.TARGET: uses[self._name]},
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=bed.meters.verified_pids,
            target_pids_now=bed.target_pids,
            around=around,
            recorded=driven.recorded,
            named=bed.raised.take(subject),
            planned=int((self._planned_s < end_s).sum()),
        )
        dropped_s = None if self._drop is None else self._drop.at_s
        after_s = self._planned_s if self._drop is None else self._after_s
        return RampFacts(self.plan, climb, dropped_s, after_s, driven.drained_s, self._reference_use)

    @property
    def _end_s(self) -> float:
        return self._start_s + self.plan.starts_s[-1]

    def _begin(self, start_s: float) -> None:
        self._start_s = start_s
        self._planned_s = np.array([*climbing(self.plan.rates, self.plan.seconds, start_s, self.seed)])
        self.at_start(start_s)

    def _tick(self) -> None:
        self.bed.tick()
        if self.plan.reference is None or not self._start_s:
            return
        self._meter.tick()
        first_s, last_s = (self._start_s + at_s for at_s in self.plan.span_s(self.plan.reference))
        if self._metered == "not yet" and time.monotonic() >= first_s:
            self._metered = "now"
            self._meter.begin()
        elif self._metered == "now" and time.monotonic() >= last_s:
            self._metered = "done"
            self._reference_use = self._meter.end()[self._name]

    def _rate_at(self, at_s: float) -> float:
        return self.plan.rate_at(at_s - self._start_s)

    def _watch(self, recorded: Rows, known_s: float) -> Drop | Stop | None:
        """What follows from the answers until ``known_s``."""
        if self._drop is not None:
            assert self._before is not None
            return self._watch_recovery(self._drop, self._before, recorded, known_s)
        self.bed.show(f"{self._rate_at(known_s):.0f} arrivals/s")
        if known_s >= self._end_s + self._answered_s:
            return Stop()
        if self.recovery_s is None or not is_overloaded(
            self._planned_s, recorded, known_s, self._rate_at, self._unloaded_s
        ):
            return None
        before = before_overload(self.plan, recorded, self._start_s, self._workload)
        if before is None or known_s < self._start_s + self.plan.span_s(self.plan.before)[1]:
            return Stop()  # it never served what it would have to come back to
        self._before = before
        self._drop = drop = Drop(time.monotonic() + DROP_DELAY_S, self.plan.drop_rate)
        until_s = drop.at_s + self.recovery_s + watch_s(drop.rate)
        after = arrivals(drop.rate, drop.at_s, drop_seed(self.seed))
        self._after_s = np.array([*takewhile(lambda at_s: at_s < until_s, after)])
        return drop

    def _watch_recovery(self, drop: Drop, before: Before, recorded: Rows, known_s: float) -> Stop | None:
        assert self.recovery_s is not None
        self.bed.show(f"overloaded; back at {drop.rate:.0f} arrivals/s, for {max(0.0, known_s - drop.at_s):.0f} s")
        back_s = recovered_after_s(
            self._after_s, recorded, drop.at_s, known_s, drop.rate, before.by_page_ms, self.recovery_s
        )
        is_over = known_s > drop.at_s + self.recovery_s + watch_s(drop.rate) + self._answered_s
        return Stop() if back_s is not None or is_over else None


def discard(bed: Testbed) -> None:
    """Kill the targets: what an overload left behind takes minutes to work off, and they would not stop before."""
    bed.discarded = True
    trees = [processes.tree(bed.circus.pid(place.subject.name)) for place in bed.places]
    processes.end_all([process for tree in trees for process in tree], timeout_s=0.0)
