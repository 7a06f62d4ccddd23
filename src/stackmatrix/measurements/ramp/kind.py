"""Ramps: one cell at a time, in a fresh process, up to an overload and back.

Every other turn of the run has one ramp of every stack on the newest Python, as many turns as the profile says. Where
what two ramps held differs by more than what matters, a third one is made later. Where a ramp of every stack would take
most of the time of a run, they begin after the first look at what stacks cost: that is decided first.
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
from stackmatrix.matrix.ramp import VISITORS, RampPlan, plan_ramp
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.ramp.climbed import Climbed, climb, outcome_of
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.results.ramps import Ramp
from stackmatrix.system import host

ENOUGH = 3
"""Valid ramps of a cell: their median is known, and their range is an interval."""
MOST_FAILURES = 2
"""After so many in one run, nothing of a cell is tried again."""
START_S, USUAL_FACTOR, BACK_S = 8.0, 3.0, 10.0
"""For the estimate: the start of a target, how far beyond the reference rate it usually holds, and the way back."""
MOST_OF_TIME = 0.5
"""Of a run's minutes may be ramps of the first turn, or they begin later."""
LATER_TURN = 1
"""Before it, the costs of every workload have had their first look."""
TOLERANCE = 1e-6
"""Two rates that are one step apart differ by what matters, and not by more: as far as floating point can tell."""


@dataclass
class Ramps(Kind):
    """One ramp of one cell a step. The first ones are in the turn that ``begins`` names, where it is given."""

    name: ClassVar[str] = "ramp"
    begins: int | None = None

    def begin(self, setup: Setup) -> None:
        host.need_open_files(VISITORS)
        self._setup, self._turn = setup, 0
        self._first = first_turn(setup) if self.begins is None else self.begins

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        self._turn, ramps = turn, self._setup.profile.ramps
        number, is_between = divmod(turn - self._first, TURNS_A_RAMP)
        if is_between or not 0 <= number < ramps + (ramps > 1):
            return ()
        cells = [cell for cell in self._cells() if standing.failed.get(cell, 0) < MOST_FAILURES]
        needs = needs_another if number >= ramps else has_too_few
        chosen = [cell for cell in cells if needs(valid_ramps(standing, cell))]
        random.Random(f"{self._setup.request.seed}:ramps:{number}").shuffle(chosen)
        if self._first:  # they may not all have their turn
            chosen.sort(key=lambda cell: self._setup.subjects[cell].stack.demo_place is None)
        return [self._step(cell, number) for cell in chosen]

    def later_s(self, standing: Standing) -> float:
        cells = [cell for cell in self._cells() if has_too_few(valid_ramps(standing, cell))]
        left = ramps_left(self._setup, self._turn - self._first)
        return left * sum(self._step(cell, 0).estimate_s for cell in cells)

    def _cells(self) -> tuple[Cell, ...]:
        return cells_to_ramp(self._setup)

    def _step(self, cell: Cell, number: int) -> Step:
        return Step(f"{cell}, ramp {number + 1}", (cell,), number, estimate_s(self._setup, cell))

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


def cells_to_ramp(setup: Setup) -> tuple[Cell, ...]:
    """Of each stack the newest Python, or all of them."""
    cells = [cell for cell in setup.cells if cell.control is None]
    return tuple(cells) if setup.profile.ramps_all else of_newest_python(cells)


def first_turn(setup: Setup) -> int:
    """The turn of a run that has the first ramps."""
    ramps_s = sum(estimate_s(setup, cell) for cell in cells_to_ramp(setup))
    minutes = setup.request.minutes
    return LATER_TURN if minutes is not None and ramps_s > MOST_OF_TIME * 60 * minutes else 0


def ramps_left(setup: Setup, turn: int) -> int:
    """How many ramps a cell has in turns after this one, which is counted from that of the first ramps."""
    return min(setup.profile.ramps, max(0, setup.profile.ramps - 1 - turn // TURNS_A_RAMP))


def estimate_s(setup: Setup, cell: Cell) -> float:
    """How long a ramp of the cell probably takes, in seconds."""
    lengths, plan = setup.profile.ramp, plan_of(setup.subjects[cell], setup)
    usual_s = sum(
        seconds for rate, seconds in zip(plan.rates, plan.seconds, strict=True) if rate < plan.drop_rate * USUAL_FACTOR
    )
    return START_S + setup.profile.levels.warmup_s + usual_s + min(BACK_S, lengths.recovery_s)


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
    if ramp.is_unstopped:
        words = [f"not overloaded up to {ramp.holds:.0f}/s, the highest rate"]
    if ramp.limiter is not None:
        words.append(f"stopped by {ramp.limiter}")
    if (recovery := ramp.recovery) is not None:
        back = recovery.seconds
        missed = f"not back within {recovery.watched_s:.0f} s"
        words.append(missed if back is None else f"back {back:.1f} s after the load dropped")
    return ", ".join(words) + (raised and f". {raised}")
