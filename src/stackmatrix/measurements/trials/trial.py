"""One trial: a fresh external API and target, verified, warmed up, driven up the ladder once, and stopped.

What goes wrong inside a trial is an outcome of the cell, with its reason and whatever levels were measured before; only
what the user must mend before anything can be measured goes further up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stackmatrix.analysis.level.assess import assess, not_driven
from stackmatrix.analysis.level.checks import PACE_SHARE
from stackmatrix.analysis.level.facts import unrest
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.generator import LoadGenerator, Order
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.schedule import TrialPlan
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.trials.climb import Attempt, climb
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Environment, Level, Trial
from stackmatrix.system import cores
from stackmatrix.testbed import supervisor
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.targetbench import Conditions, TargetBench, target_bench


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial as it is recorded, and what served it, if it came so far that this is known."""

    trial: Trial
    environment: Environment | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trials of a run share."""

    profile: Profile
    conditions: Conditions
    all_levels: bool = False
    rows_folder: Path | None = None


@dataclass
class TrialRun:
    """Runs one trial. ``show`` hears what it is doing."""

    plan: TrialPlan
    target_environment: TargetEnvironment
    setting: Setting
    show: Callable[[str], None]
    _levels: list[Level] = field(default_factory=list)
    _bench: TargetBench | None = None

    def run(self) -> Outcome:
        """Run it to its end, whatever that is."""
        started, started_s = datetime.now(UTC), time.monotonic()
        folder = supervisor.private_folder()
        failure = None
        try:
            self._run(folder)
        except (TrialError, SupervisorError) as error:  # the latter: a target that had to be killed, for one
            failure = str(error)
            self._note_not_reached(failure)
        finally:
            supervisor.remove(folder)
        trial = Trial(
            block=self.plan.block,
            order=self.plan.order,
            seed=self.plan.seed,
            started=started.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - started_s,
            load_s=self._bench.load_s if self._bench else 0.0,
            levels=tuple(self._levels),
            failure=failure,
            findings=self._findings(),
        )
        return Outcome(trial, self._bench.environment if self._bench else None)

    def _run(self, folder: Path) -> None:
        profile = self.setting.profile
        with target_bench(self.plan.cell, self.target_environment, self.setting.conditions, folder, self.show) as bench:
            self._bench = bench
            if profile.baseline_s > 0:
                self.show("idle baseline")
            baseline = bench.idle_share(profile.baseline_s)
            self.show("warming up")
            bench.warm_up(profile.warmup_s)
            self._climb(bench, baseline)
            bench.finish()
            self._keep_rows(bench.generator)

    @property
    def _ladder(self) -> tuple[LevelPlan, ...]:
        return self.setting.profile.climbed(WORKLOADS[self.plan.cell.workload].floor_ms)

    def _climb(self, bench: TargetBench, baseline: float) -> None:
        profile, ladder = self.setting.profile, self._ladder

        def drive(attempt: Attempt) -> Level:
            again = "" if attempt.number == 1 else ", once more"
            self.show(f"level {attempt.index + 1} of {len(ladder)}, {attempt.plan}{again}")
            # Rows of a second attempt are marked apart from those of the first.
            mark = attempt.index + (attempt.number - 1) * len(ladder)
            order = Order.measure(
                attempt.index, attempt.plan, profile.settle_s, profile.window_s, trial_seed=self.plan.seed, mark=mark
            )
            return assess(bench.measure(order, attempt.plan), baseline)

        climbing = climb(
            ladder,
            drive,
            floor_ms=WORKLOADS[self.plan.cell.workload].floor_ms,
            window_s=profile.window_s,
            all_levels=self.setting.all_levels,
        )
        for level in climbing:
            self._levels.append(level)

    def _findings(self) -> tuple[Finding, ...]:
        """What holds for all levels of the trial."""
        found = []
        reason = cores.why_not_pinned(self.setting.conditions.layout)
        if reason is not None:
            found.append(Finding(code="not-pinned", severity="note", sentence=reason))
        book = self.setting.conditions.pace
        if book and (varies := unrest(book.readings)) > PACE_SHARE:
            sentence = (
                f"The target's core varied by up to {varies:.0%} in speed while nothing ran, "
                "so that smaller changes during a level cannot be told."
            )
            found.append(Finding(code="uneven-core", severity="note", sentence=sentence))
        return tuple(found)

    def _note_not_reached(self, reason: str) -> None:
        for plan in self._ladder[len(self._levels) :]:
            finding = Finding(code="not-reached", severity="invalid", sentence=reason)
            self._levels.append(not_driven(plan, self.setting.profile.window_s, "invalid", finding))

    def _keep_rows(self, generator: LoadGenerator) -> None:
        folder, cell = self.setting.rows_folder, self.plan.cell
        if folder is None:
            return
        path = folder / cell.workload / cell.stack / f"{cell.python}-block-{self.plan.block}.rows"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.rows())
