"""The null target beside the ramps: what latency at the reference rate is the harness's own.

It gets the beginning of the ramp that the stacks get, with the same arrivals, until the reference rate is over. What it
would hold is nobody's question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from stackmatrix.analysis.ramp.assess import assess_ramp
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.profiles import TURNS_A_RAMP
from stackmatrix.matrix.ramp import RampPlan, until_reference
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.ramp.climbed import climb
from stackmatrix.measurements.ramp.kind import (
    MOST_FAILURES,
    START_S,
    again,
    first_turn,
    has_too_few,
    plan_of,
    ramp_seed,
    ramps_left,
    valid_ramps,
    why_invalid,
)
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.results.ramps import Ramp
from stackmatrix.testbed import null_target


@dataclass
class NullRamps(Kind):
    """The beginning of one ramp for each workload of which any cell is asked at the reference rate."""

    name: ClassVar[str] = "ramp"

    def begin(self, setup: Setup) -> None:
        self._setup, self._turn, self._first = setup, 0, first_turn(setup)
        with_reference = {
            subject.workload
            for subject in setup.subjects.values()
            # How long somebody's own page takes by itself is not known, so nothing tells what is the harness's.
            if subject.workload.calls_known and plan_of(subject, setup).reference is not None
        }
        nulls = [null_target.null_control(one) for one in setup.workloads if one in with_reference]
        self._subjects = {null.cell: null for null in nulls}

    def beside(self) -> Sequence[Subject]:
        return tuple(self._subjects.values())

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        self._turn = turn
        number, is_between = divmod(turn - self._first, TURNS_A_RAMP)
        if is_between or not 0 <= number < self._setup.profile.ramps:
            return ()
        return [self._step(cell, number) for cell in self._wanted(standing)]

    def later_s(self, standing: Standing) -> float:
        left = ramps_left(self._setup, self._turn - self._first)
        return left * sum(self._step(cell, 0).estimate_s for cell in self._wanted(standing))

    def _wanted(self, standing: Standing) -> list[Cell]:
        return [
            cell
            for cell in self._subjects
            if has_too_few(valid_ramps(standing, cell)) and standing.failed.get(cell, 0) < MOST_FAILURES
        ]

    def _plan(self, cell: Cell) -> RampPlan:
        return until_reference(plan_of(self._subjects[cell], self._setup))

    def _step(self, cell: Cell, number: int) -> Step:
        estimate_s = START_S + self._setup.profile.levels.warmup_s + self._plan(cell).starts_s[-1]
        return Step(f"the null target beside {cell.workload}, {number + 1}", (cell,), number, estimate_s)

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        ramp, notes = until_valid(
            lambda number: self._ramp(cell, step.number, show if number == 1 else again(show)), lambda one: one.findings
        )
        ramp = msgspec.structs.replace(ramp, findings=(*ramp.findings, *notes))
        return Outcome(describe(ramp), {cell: ramp}, {cell: null_target.environment()})

    def _ramp(self, cell: Cell, number: int, show: Show) -> Ramp:
        setup, recovery_s = self._setup, self._setup.profile.ramp.recovery_s
        seed = ramp_seed(setup, cell, number)
        climbed = climb(setup, self._subjects[cell], self._plan(cell), seed, recovery_s, show)
        stamp = setup.stamp(number, climbed.started, climbed.duration_s)
        ramp = assess_ramp(climbed.facts, stamp, seed=seed, recovery_s=recovery_s)
        return msgspec.structs.replace(ramp, holds=None, limiter=None, ended=None)


def describe(ramp: Ramp) -> str:
    """In a line, what latency the harness itself shows."""
    times = ramp.reference.latency_ms if ramp.reference is not None else None
    if not ramp.is_valid or times is None:
        return why_invalid(ramp)
    p95 = "" if times.p95 is None else f", p95 {times.p95:.1f} ms"
    return f"p50 {times.p50:.1f} ms{p95}"
