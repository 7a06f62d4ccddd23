"""Whether a cell sustains what its ramps say it holds: minutes at four fifths of it, with one stall in the middle.

A ramp sees each rate for seconds only: memory that grows, or a pool that fills, shows later. And a service that is near
to what it holds is one hiccup away from an overload, so the target is stopped for a second, and has to come back.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

import msgspec

from stackmatrix.analysis import exceptions
from stackmatrix.analysis.ramp.assess import assess_hold
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import TURNS_A_RAMP
from stackmatrix.matrix.ramp import VISITORS, plan_hold
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.ramp.climbed import Climbed, climb, outcome_of
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.measurements.stall import stop_later
from stackmatrix.results.holds import Hold
from stackmatrix.results.model import Result
from stackmatrix.system import host
from stackmatrix.testbed.testbed import Testbed

SHARE = 0.8
"""Of what the ramps held: as much as a service that is run with care is given."""
STALL_S = 1.0
MOST_FAILURES = 2
START_S = 12.0
"""For the estimate: the start of a target, and its end."""


@dataclass
class Holds(Kind):
    """One hold of one cell a step, after the ramps of all."""

    name: ClassVar[str] = "hold"

    def begin(self, setup: Setup) -> None:
        host.need_open_files(VISITORS)
        self._setup = setup
        self._held: dict[Cell, float] = {}

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        profile = self._setup.profile
        first = TURNS_A_RAMP * profile.ramps + 1  # after the ramps of all
        if not first <= turn < first + profile.holds:
            return ()
        cells = [cell for cell in self._setup.cells if standing.failed.get(cell, 0) < MOST_FAILURES]
        held = {cell: held_by(standing.results.get(cell)) for cell in cells if cell.control is None}
        self._held = {cell: rate for cell, rate in held.items() if rate is not None}
        chosen = list(self._held)
        random.Random(f"{self._setup.request.seed}:holds:{turn}").shuffle(chosen)
        estimate_s = START_S + profile.levels.warmup_s + profile.hold_s
        number = turn - first
        return [Step(f"{cell}, hold {number + 1}", (cell,), number, estimate_s) for cell in chosen]

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        made: list[Climbed] = []

        def attempt(number: int) -> Hold:
            show("starting" if number == 1 else "starting, once more")
            return self._hold(cell, step.number, made, show)

        hold, notes = until_valid(attempt, lambda one: one.findings)
        hold = msgspec.structs.replace(hold, findings=(*hold.findings, *notes))
        return outcome_of(cell, hold, describe(hold), made)

    def _hold(self, cell: Cell, number: int, made: list[Climbed], show: Show) -> Hold:
        setup, held = self._setup, self._held[cell]
        hold_s = setup.profile.hold_s
        seed = random.Random(f"{setup.request.seed}:{cell.workload}:hold:{number}").getrandbits(32)
        stalled_at_s = hold_s / 2

        def stall(bed: Testbed, start_s: float) -> None:
            stop_later(bed.target_pids, start_s + stalled_at_s - time.monotonic(), STALL_S)

        climbed = climb(setup, setup.subjects[cell], plan_hold(SHARE * held, hold_s), seed, None, show, stall)
        made.append(climbed)
        stamp = setup.stamp(number, climbed.started, climbed.duration_s)
        return assess_hold(climbed.facts, stamp, seed=seed, held=held, stalled_at_s=stalled_at_s, stall_s=STALL_S)


def held_by(result: Result | None) -> float | None:
    """The median of what the valid ramps of a cell held; ``None`` where none held anything."""
    ramps = () if result is None else result.ramps
    held = [ramp.holds for ramp in ramps if ramp.is_valid and ramp.holds is not None]
    return median(held) if held else None


def describe(hold: Hold) -> str:
    """A hold in a line."""
    raised = exceptions.said(hold.findings)
    if not hold.is_valid:
        reasons = " ".join(one.sentence for one in hold.findings if one.severity == "invalid")
        return f"invalid: {reasons} {raised}".rstrip()
    words = "sustained" if hold.sustained else "not sustained"
    back_s = None if hold.recovery is None else hold.recovery.seconds
    back = "not back after a stall" if back_s is None else f"back {back_s:.1f} s after a stall"
    return f"{hold.rate:.0f}/s {words}, {back} of {hold.stall_s:g} s" + (raised and f". {raised}")
