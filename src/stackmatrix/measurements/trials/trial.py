"""One trial: a fresh external API and target, verified, warmed up, driven up the ladder once, and stopped.

What goes wrong inside a trial is an outcome of the cell, with its reason and whatever levels were measured before.
"""

from dataclasses import dataclass, field
from pathlib import Path

from stackmatrix.analysis.level.assess import assess, not_driven
from stackmatrix.analysis.level.checks import PACE_SHARE
from stackmatrix.analysis.level.facts import unrest
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.schedule import ScheduledTrial
from stackmatrix.measurements.request import Show
from stackmatrix.measurements.trials.climb import Attempt, climb
from stackmatrix.results.findings import Code, Finding, invalid, note
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Environment
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout, why_not_pinned
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, Testbed


@dataclass(frozen=True, slots=True)
class TrialSetting:
    """What all trials of a run share."""

    profile: Profile
    layout: Layout
    speed: PaceBook | None = None
    generators: int = 1
    all_levels: bool = False
    rows_folder: Path | None = None

    def findings(self) -> tuple[Finding, ...]:
        """What holds for all levels of a trial."""
        found = []
        reason = why_not_pinned(self.layout)
        if reason is not None:
            found.append(note(Code.NOT_PINNED, reason))
        if self.speed and (varies := unrest(self.speed.readings)) > PACE_SHARE:
            sentence = (
                f"The target's core varied by up to {varies:.0%} in speed while nothing ran, "
                "so that smaller changes during a level cannot be told."
            )
            found.append(note(Code.UNEVEN_CORE, sentence))
        return tuple(found)


@dataclass
class TrialRun:
    """Runs one trial. ``levels`` are those that were measured, and why the others were not."""

    trial: ScheduledTrial
    subject: Subject
    setting: TrialSetting
    show: Show
    levels: list[Level] = field(default_factory=list)
    environment: Environment | None = None
    load_s: float = 0.0

    def run(self) -> str | None:
        """Run it to its end, whatever that is; returns why it failed, if it did."""
        failure = None
        try:
            self._run()
        except (TrialError, SupervisorError) as error:
            failure = str(error)
            for level in self._ladder[len(self.levels) :]:
                found = invalid(Code.NOT_REACHED, failure)
                self.levels.append(not_driven(level, self.setting.profile.window_s, "invalid", found))
        return failure

    def _run(self) -> None:
        profile, setting = self.setting.profile, self.setting
        load = Load(self.subject.workload, setting.generators)
        with testbed.start([self.subject], setting.layout, load, self.show, speed=setting.speed) as bed:
            bed.verify()
            self.environment = bed.environments.get(self.subject.name)
            try:
                if profile.baseline_s > 0:
                    self.show("idle baseline")
                (idle_share,) = bed.idle_shares(profile.baseline_s)
                self.show("warming up")
                bed.warm_up(LevelOrder.warmup(profile.warmup_s) if profile.warmup_s > 0 else None)
                self._climb(bed, idle_share)
            finally:
                self.load_s = bed.load_s
            self._keep_rows(bed)

    @property
    def _ladder(self) -> tuple[LoadLevel, ...]:
        return self.setting.profile.climbed(self.subject.workload.floor_ms)

    def _climb(self, bed: Testbed, idle_share: float) -> None:
        profile, ladder = self.setting.profile, self._ladder

        def drive(attempt: Attempt) -> Level:
            again = "" if attempt.number == 1 else ", once more"
            self.show(f"level {attempt.index + 1} of {len(ladder)}, {attempt.level}{again}")
            # Rows of a second attempt are marked apart from those of the first.
            mark = attempt.index + (attempt.number - 1) * len(ladder)
            order = LevelOrder.measure(
                attempt.index, attempt.level, profile.settle_s, profile.window_s, seed=self.trial.seed, mark=mark
            )
            return assess(bed.drive(order, attempt.level).facts, idle_share)

        floor_ms, all_levels = self.subject.workload.floor_ms, self.setting.all_levels
        for level in climb(ladder, drive, floor_ms=floor_ms, window_s=profile.window_s, all_levels=all_levels):
            self.levels.append(level)

    def _keep_rows(self, bed: Testbed) -> None:
        folder, cell = self.setting.rows_folder, self.trial.cell
        if folder is not None:
            path = folder / cell.workload / cell.stack / f"{cell.python}-block-{self.trial.block}.rows"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bed.rows())
