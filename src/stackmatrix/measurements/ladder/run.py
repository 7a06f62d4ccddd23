"""One ladder: a fresh external API and target, verified, warmed up, driven up the ladder once, and stopped.

What goes wrong on the way is an outcome of the cell, with its reason and whatever levels were measured before.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stackmatrix.analysis.level.assess import assess, not_driven
from stackmatrix.analysis.level.facts import unrest
from stackmatrix.analysis.level.machine_checks import PACE_SHARE
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import Profile
from stackmatrix.measurements.attempts import ATTEMPTS
from stackmatrix.measurements.ladder.climb import Attempt, Climb, Overload
from stackmatrix.measurements.ladder.recovery import LOOKS, wait_until_back
from stackmatrix.measurements.request import Show
from stackmatrix.results.conditions import Environment
from stackmatrix.results.findings import Code, Finding, invalid, note
from stackmatrix.results.levels import Level
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, Testbed


@dataclass(frozen=True, slots=True)
class LadderSetting:
    """What all ladders of a run share. ``speed`` is read around each level."""

    profile: Profile
    layout: Layout
    speed: PaceBook | None = None
    generators: int = 1
    all_levels: bool = False

    def findings(self) -> tuple[Finding, ...]:
        """What holds for all levels of a ladder."""
        found = []
        if self.speed and (varies := unrest(self.speed.readings)) > PACE_SHARE:
            sentence = (
                f"The target's core varied by up to {varies:.0%} in speed while nothing ran, "
                "so that smaller changes during a level cannot be seen."
            )
            found.append(note(Code.UNEVEN_CORE, sentence))
        return tuple(found)


@dataclass
class LadderRun:
    """Climbs one ladder. ``levels`` are those that were measured, and why the others were not.

    ``rows_path`` is a file for every single request.
    """

    subject: Subject
    setting: LadderSetting
    seed: int
    show: Show
    rows_path: Path | None = None
    levels: list[Level] = field(default_factory=list)
    environment: Environment | None = None
    load_s: float = 0.0
    _looks: int = 0

    def run(self) -> str | None:
        """Run it to its end, whatever that is; returns why it failed, if it did."""
        failure = None
        try:
            self._run()
        except (TrialError, SupervisorError) as error:
            failure = str(error)
            for level in self._ladder[len(self.levels) :]:
                found = invalid(Code.NOT_REACHED, failure)
                self.levels.append(not_driven(level, self.setting.profile.levels.window_s, "invalid", found))
        return failure

    def _run(self) -> None:
        lengths, setting = self.setting.profile.levels, self.setting
        load = Load(setting.generators)
        with testbed.start([self.subject], setting.layout, load, self.show, speed=setting.speed) as bed:
            bed.verify()
            self.environment = bed.environments.get(self.subject.name)
            try:
                if lengths.baseline_s > 0:
                    self.show("idle baseline")
                (idle_share,) = bed.idle_shares(lengths.baseline_s)
                self.show("warming up")
                bed.warm_up(LevelOrder.warmup(lengths.warmup_s) if lengths.warmup_s > 0 else None)
                self._climb(bed, idle_share)
            finally:
                self.load_s = bed.load_s
            if self.rows_path is not None:
                self.rows_path.parent.mkdir(parents=True, exist_ok=True)
                self.rows_path.write_bytes(bed.rows())

    @property
    def _ladder(self) -> tuple[LoadLevel, ...]:
        return self.setting.profile.climbed(self.subject.workload.unloaded_ms)

    def _climb(self, bed: Testbed, idle_share: float) -> None:
        unloaded_ms, window_s = self.subject.workload.unloaded_ms, self.setting.profile.levels.window_s
        drive, recover = partial(self._drive, bed, idle_share), partial(self._recover, bed)
        for level in Climb(drive, recover, unloaded_ms, window_s, self.setting.all_levels).levels(self._ladder):
            self.levels.append(level)

    def _drive(self, bed: Testbed, idle_share: float, attempt: Attempt) -> Level:
        lengths, count = self.setting.profile.levels, len(self._ladder)
        again = "" if attempt.number == 1 else ", once more"
        self.show(f"level {attempt.index + 1} of {count}, {attempt.level}{again}")
        # Rows of a second attempt are marked apart from those of the first.
        mark = attempt.index + (attempt.number - 1) * count
        order = LevelOrder.measure(
            attempt.index, attempt.level, lengths.settle_s, lengths.window_s, seed=self.seed, mark=mark
        )
        return assess(bed.drive(order, attempt.level).facts, idle_share)

    def _recover(self, bed: Testbed, overload: Overload) -> Finding | None:
        self.show(f"coming back from {overload.level}")
        mark = ATTEMPTS * len(self._ladder) + self._looks
        self._looks += LOOKS
        return wait_until_back(bed, self.subject.workload, overload, seed=self.seed, mark=mark)
