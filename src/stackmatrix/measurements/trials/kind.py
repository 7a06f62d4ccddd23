"""Trials: every chosen cell in blocks, one trial at a time, each with a fresh external API and target."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from stackmatrix.analysis.comparison.compare import compare_results, imprecise
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import requests_at_once
from stackmatrix.matrix.profiles import Profile, level_seconds
from stackmatrix.matrix.schedule import schedule
from stackmatrix.measurements.request import Kind, Record, Setup, Show, Step, now
from stackmatrix.measurements.trials.trial import TrialRun, TrialSetting
from stackmatrix.results import store
from stackmatrix.results.model import Environment, Status
from stackmatrix.results.trials import Run, Trial
from stackmatrix.system import host
from stackmatrix.system.core_speed import PaceBook

TRIAL_OVERHEAD_S = 5.0
"""What a trial takes beside its load, for the first estimate."""


@dataclass
class _CellTrials:
    """What is known of one cell so far."""

    trials: list[Trial] = field(default_factory=list)
    environment: Environment | None = None


@dataclass
class Trials(Kind):
    """Drives each cell up the profile's ladder, once per block."""

    profile: Profile
    all_levels: bool = False
    rows_folder: Path | None = None
    done: ClassVar[str] = "measured"
    makes_files: ClassVar[bool] = True
    _known: dict[Cell, _CellTrials] = field(default_factory=dict)
    _imprecise: tuple[str, ...] | None = None

    @property
    def blocks(self) -> int:  # type: ignore[override] # as the profile has it
        return self.profile.blocks

    @property
    def estimate_s(self) -> float:  # type: ignore[override] # by the length of the ladder
        levels_s = len(self.profile.ladder) * level_seconds(self.profile, 0.6)
        return TRIAL_OVERHEAD_S + self.profile.warmup_s + levels_s

    def begin(self, setup: Setup) -> Sequence[Step]:
        host.need_open_files(max(map(requests_at_once, self.profile.ladder)))
        self._setup = setup
        # Where nothing is compared, it does not matter how fast the core is from one level to the next.
        speed = PaceBook(setup.layout.target) if self.profile.compares else None
        self._setting = TrialSetting(
            self.profile, setup.layout, speed, setup.request.generators, self.all_levels, self.rows_folder
        )
        self._calibration = store.calibration_id(setup.request.folder, setup.machine_name)
        self._schedule = list(schedule(setup.cells, self.blocks, setup.request.seed))
        if speed is not None and self._schedule:
            speed.begin()
        return [
            Step(f"{one.cell}{f', block {one.block + 1}' if self.blocks > 1 else ''}", (one.cell,), place)
            for place, one in enumerate(self._schedule)
        ]

    def is_enough(self, step: Step) -> bool:
        trial = self._schedule[step.place]
        return trial.order == 0 and trial.block in self.profile.looks and not self._find_imprecise()

    def perform(self, step: Step, show: Show) -> str:
        trial = self._schedule[step.place]
        run = TrialRun(trial, self._setup.subjects[trial.cell], self._setting, show)
        started, started_s = now(), time.monotonic()
        failure = run.run()
        done = Trial(
            block=trial.block,
            order=trial.order,
            seed=trial.seed,
            started=started,
            duration_s=time.monotonic() - started_s,
            load_s=run.load_s,
            levels=tuple(run.levels),
            failure=failure,
            findings=self._setting.findings(),
        )
        known = self._known.setdefault(trial.cell, _CellTrials())
        known.trials.append(done)
        known.environment = known.environment or run.environment
        return describe(done)

    def conclude(self) -> str | None:
        """Whether the intervals have become narrow enough, of a run that looks at them."""
        if not self.profile.looks:
            return None
        self._imprecise = self._find_imprecise()
        blocks = max(len(known.trials) for known in self._known.values())
        missed = ", ".join(self._imprecise)
        return f"After {blocks} blocks: {f'precision not reached for {missed}' if missed else 'precision reached'}."

    def _find_imprecise(self) -> tuple[str, ...]:
        machine = self._setup.machine
        results = [self.record(cell).to_result(cell, machine) for cell in self._known]
        workloads = {subject.workload.name: subject.workload for subject in self._setup.subjects.values()}
        return imprecise(compare_results(results, workloads))

    def record(self, cell: Cell) -> Record:
        known = self._known.get(cell, _CellTrials())
        return Record(
            environment=known.environment,
            run=self._run_of(cell),
            trials=tuple(known.trials),
            status=status_of(known.trials),
        )

    def _run_of(self, cell: Cell) -> Run:
        made, profile = self._setup.provenance, self.profile
        subject = self._setup.subjects.get(cell)
        ladder = profile.climbed(subject.workload.floor_ms) if subject is not None else profile.ladder
        return Run(
            id=made.run_id,
            started=made.started,
            seed=self._setup.request.seed,
            profile=profile.name,
            ladder=tuple(map(str, ladder)),
            blocks=profile.blocks,
            warmup_s=profile.warmup_s,
            settle_s=profile.settle_s,
            window_s=profile.window_s,
            tool_versions=made.tool_versions,
            tool_lock_sha256=made.tool_lock_sha256,
            git_commit=made.git_commit,
            generators=self._setup.request.generators,
            calibration=self._calibration,
            imprecise=self._imprecise,
        )

    def failures(self) -> list[Cell]:
        return [cell for cell, known in self._known.items() if status_of(known.trials).state != "ok"]


def status_of(trials: Sequence[Trial]) -> Status:
    """How a cell stands after these trials: the first failure says why it failed."""
    failures = [trial.failure for trial in trials if trial.failure is not None]
    if not failures:
        return Status(state="ok")
    if len(failures) < len(trials):
        return Status(state="unstable", reason=f"{len(failures)} of {len(trials)} trials failed: {failures[0]}")
    return Status(state="failed", reason=failures[0])


def describe(trial: Trial) -> str:
    if trial.failure is not None:
        return f"failed: {trial.failure}"
    invalid = sum(level.validity == "invalid" for level in trial.levels)
    best = max((level.throughput_rps or 0.0 for level in trial.levels), default=0.0)
    words = f"up to {best:.1f} requests/s in {trial.duration_s:.0f} s ({trial.load_s:.0f} s of it load)"
    return words + (f", {invalid} levels invalid" if invalid else "")
