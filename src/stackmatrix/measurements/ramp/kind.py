"""Ramps: one cell at a time, in a fresh process, up to an overload and back.

Every other turn of the run has one ramp of every stack on the newest Python, as many turns as the profile says. Where
what two ramps held differs by more than what matters, a third one is made later.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from stackmatrix.analysis import exceptions
from stackmatrix.analysis.metrics import HOLDS
from stackmatrix.analysis.ramp.assess import assess_ramp
from stackmatrix.matrix.cells import Cell, Subject, of_newest_python
from stackmatrix.matrix.profiles import TURNS_A_RAMP
from stackmatrix.matrix.ramp import RampPlan, plan_ramp
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.ramp.climbed import Climbed, climb, outcome_of
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.results.ramps import Ramp
from stackmatrix.system import host
from stackmatrix.testbed.climbing import VISITORS

ENOUGH = 3
"""Valid ramps of a cell: their median is known, and their range is an interval."""
MOST_FAILURES = 2
"""After so many in one run, nothing of a cell is tried again."""
START_S, USUAL_FACTOR, BACK_S = 8.0, 3.0, 10.0
"""For the estimate: the start of a target, how far beyond the reference rate it usually holds, and the way back."""
TOLERANCE = 1e-6
"""Two rates that are one step apart differ by what matters, and not by more: as far as floating point can tell."""


@dataclass
class Ramps(Kind):
    """One ramp of one cell a step."""

    name: ClassVar[str] = "ramp"

    def begin(self, setup: Setup) -> None:
        host.need_open_files(VISITORS)
        self._setup, self._turn = setup, 0

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        self._turn, ramps = turn, self._setup.profile.ramps
        number, is_between = divmod(turn, TURNS_A_RAMP)
        if is_between or number >= ramps + (ramps > 1):
            return ()
        cells = [cell for cell in self._cells() if standing.failed.get(cell, 0) < MOST_FAILURES]
        needs = needs_another if number >= ramps else has_too_few
        chosen = [cell for cell in cells if needs(valid_ramps(standing, cell))]
        random.Random(f"{self._setup.request.seed}:ramps:{number}").shuffle(chosen)
        return [self._step(cell, number) for cell in chosen]

    def later_s(self, standing: Standing) -> float:
        left = max(0, self._setup.profile.ramps - 1 - self._turn // TURNS_A_RAMP)
        cells = [cell for cell in self._cells() if has_too_few(valid_ramps(standing, cell))]
        return left * sum(self._step(cell, 0).estimate_s for cell in cells)

    def _cells(self) -> tuple[Cell, ...]:
        """The cells to ramp: of each stack the newest Python, or all of them."""
        cells = [cell for cell in self._setup.cells if cell.control is None]
        return tuple(cells) if self._setup.profile.ramps_all else of_newest_python(cells)

    def _step(self, cell: Cell, number: int) -> Step:
        lengths, plan = self._setup.profile.ramp, plan_of(self._setup.subjects[cell], self._setup)
        usual_s = sum(
            seconds
            for rate, seconds in zip(plan.rates, plan.seconds, strict=True)
            if rate < plan.drop_rate * USUAL_FACTOR
        )
        estimate_s = START_S + self._setup.profile.levels.warmup_s + usual_s + min(BACK_S, lengths.recovery_s)
        return Step(f"{cell}, ramp {number + 1}", (cell,), number, estimate_s)

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        made: list[Climbed] = []

        def attempt(number: int) -> Ramp:
            return self._ramp(cell, step.number, made, show if number == 1 else again(show))

        ramp, notes = until_valid(attempt, lambda one: one.findings)
        ramp = msgspec.structs.replace(ramp, findings=(*ramp.findings, *notes))
        return outcome_of(cell, ramp, describe(ramp), made)

    def _ramp(self, cell: Cell, number: int, made: list[Climbed], show: Show) -> Ramp:
        setup, subject = self._setup, self._setup.subjects[cell]
        seed, recovery_s = ramp_seed(setup, cell, number), setup.profile.ramp.recovery_s
        climbed = climb(setup, subject, plan_of(subject, setup), seed, recovery_s, show)
        made.append(climbed)
        stamp = setup.stamp(number, climbed.started, climbed.duration_s)
        return assess_ramp(climbed.facts, stamp, seed=seed, recovery_s=recovery_s)


def plan_of(subject: Subject, setup: Setup) -> RampPlan:
    workload = subject.workload
    return plan_ramp(workload.compare_rate, workload.unloaded_ms / 1000, subject.stack.slots, setup.profile.ramp)


def ramp_seed(setup: Setup, cell: Cell, number: int) -> int:
    """The same plan of arrivals for all cells of a workload in their ramps of one number."""
    return random.Random(f"{setup.request.seed}:{cell.workload}:ramp:{number}").getrandbits(32)


def again(show: Show) -> Show:
    return lambda words: show(f"{words}, once more")


def valid_ramps(standing: Standing, cell: Cell) -> tuple[Ramp, ...]:
    result = standing.results.get(cell)
    return () if result is None else tuple(ramp for ramp in result.ramps if ramp.is_valid)


def has_too_few(valid: Sequence[Ramp]) -> bool:
    """Whether a cell with these valid ramps gets another one in every turn."""
    return len(valid) < ENOUGH


def needs_another(valid: Sequence[Ramp]) -> bool:
    """Whether a cell needs one ramp more than the others: it has fewer than two, or two that do not agree."""
    if len(valid) != 2:
        return len(valid) < 2
    one, other = (ramp.holds for ramp in valid)
    if one is None or other is None:
        return one is not other
    return max(one, other) > min(one, other) * (1 + HOLDS.matters + TOLERANCE)


def why_invalid(ramp: Ramp) -> str:
    return "invalid: " + " ".join(one.sentence for one in ramp.findings if one.severity == "invalid")


def describe(ramp: Ramp) -> str:
    """A ramp in a line."""
    raised = exceptions.said(ramp.findings)
    if not ramp.is_valid:
        return f"{why_invalid(ramp)} {raised}".rstrip()
    words = [f"holds {ramp.holds:.0f}/s" if ramp.holds else f"holds less than {ramp.steps[0].rate:.1f}/s"]
    if ramp.limiter is not None:
        words.append(f"stopped by {ramp.limiter}")
    if (recovery := ramp.recovery) is not None:
        back = recovery.seconds
        missed = f"not back within {recovery.watched_s:.0f} s"
        words.append(missed if back is None else f"back {back:.1f} s after the load dropped")
    return ", ".join(words) + (raised and f". {raised}")
