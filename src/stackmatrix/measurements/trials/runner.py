"""A run: every chosen cell in blocks, one trial at a time, each result written as soon as it is there."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from stackmatrix.analysis.comparison.compare import compare_results, imprecise
from stackmatrix.errors import PythonMissingError, ResultFileError
from stackmatrix.matrix.cells import Cell, with_twins
from stackmatrix.matrix.ladder import requests_at_once
from stackmatrix.matrix.profiles import Profile, level_seconds
from stackmatrix.matrix.schedule import TrialPlan, schedule
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.beside import need_ports
from stackmatrix.measurements.progress import RunProgress
from stackmatrix.measurements.trials.trial import Outcome, Setting, TrialRun
from stackmatrix.results import store
from stackmatrix.results.keeping import put
from stackmatrix.results.model import FORMAT_VERSION, Environment, Machine, Result, Run, Status, Trial
from stackmatrix.results.store import Written
from stackmatrix.results.types import State
from stackmatrix.system import cores, git, host
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import Missing
from stackmatrix.testbed.targetbench import Conditions

TRIAL_OVERHEAD_S = 5.0
"""What a trial takes beside its load, for the first estimate."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything a run was asked to do."""

    cells: tuple[Cell, ...]
    profile: Profile
    seed: int
    folder: Path
    machine_name: str | None = None
    nox_report: Path | None = None
    fail_on_missing: bool = False
    all_levels: bool = False
    rows_folder: Path | None = None
    generators: int = 1


@dataclass
class Measured:
    """What is known of one cell so far."""

    trials: list[Trial] = field(default_factory=list)
    environment: Environment | None = None


class Runner:
    """Runs a plan. All that the user has to mend is found before the first trial."""

    def __init__(self, plan: RunPlan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._layout = cores.divide_cores(plan.generators)
        # Where nothing is compared, it does not matter how fast the core is from one level to the next.
        self._pace = PaceBook(self._layout.target) if plan.profile.compares else None
        self._machine: Machine = host.describe(self._layout)
        self._measured: dict[Cell, Measured] = {}
        self.machine_name = plan.machine_name or host.slug(self._machine)
        self.written: dict[Cell, Written] = {}
        self.kept: list[Cell] = []
        """Cells that failed before they could be measured, and whose earlier results therefore stay."""
        self.stays: dict[Cell, Status] = {}
        """Cells whose earlier results are worth more than what was measured, and how they ended now."""
        self._run = Run(
            id=uuid.uuid4().hex,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            seed=plan.seed,
            profile=plan.profile.name,
            ladder=tuple(map(str, plan.profile.ladder)),
            blocks=plan.profile.blocks,
            warmup_s=plan.profile.warmup_s,
            settle_s=plan.profile.settle_s,
            window_s=plan.profile.window_s,
            tool_versions=host.tool_versions(),
            tool_lock_sha256=environments.lock_sha256("tool"),
            git_commit=git.git_commit(),
            generators=plan.generators,
            calibration=store.calibration_id(plan.folder, self.machine_name),
        )

    def run(self) -> list[Written]:
        """Measure every cell; returns the written files in the order of the cells.

        Raises:
            StackmatrixError: for what the user must mend, before anything is measured.
            KeyboardInterrupt: after everything is stopped; what was measured until then is written.

        """
        plan = self._plan
        store.need_writable(plan.folder)
        missing = environments.find_missing(plan.cells, plan.nox_report)
        self._mind_missing(missing)
        present = with_twins([cell for cell in plan.cells if cell not in missing], plan.profile.blocks)
        self._need_machine(present)
        for cell, reason in missing.items():
            self._write_missing(cell, reason)
        trials = list(schedule(present, plan.profile.blocks, plan.seed))
        estimate_s = TRIAL_OVERHEAD_S + plan.profile.warmup_s
        estimate_s += len(plan.profile.ladder) * level_seconds(plan.profile, 0.6)
        if self._pace is not None and trials:
            self._pace.begin()
        with RunProgress(self._console, len(trials), estimate_s) as progress:
            for trial in trials:
                if trial.order == 0 and trial.block in plan.profile.looks and not self._imprecise():
                    break
                block = f", block {trial.block + 1}" if plan.profile.blocks > 1 else ""
                progress.begin(f"{trial.cell}{block}")
                outcome = self._measure(trial, progress)
                stays = "; the earlier result is worth more and stays" if trial.cell in self.stays else ""
                progress.end(describe(outcome.trial) + stays)
        if plan.profile.looks and trials:
            self._tell_precision()
        return [self.written[cell] for cell in dict.fromkeys((*plan.cells, *present)) if cell in self.written]

    def _imprecise(self) -> tuple[str, ...]:
        return imprecise(compare_results([written.result for written in self.written.values()]))

    def _tell_precision(self) -> None:
        """Say in every file, and to the user, whether the intervals have become narrow enough."""
        self._run = msgspec.structs.replace(self._run, imprecise=self._imprecise())
        for cell, measured in self._measured.items():
            self._write(cell, status_of(measured.trials), measured)
        blocks = max(len(measured.trials) for measured in self._measured.values())
        missed = ", ".join(self._run.imprecise or ())
        told = f"precision not reached for {missed}" if missed else "precision reached"
        self._console.print(f"After {blocks} blocks: {told}.", markup=False, highlight=False)

    def _measure(self, trial: TrialPlan, progress: RunProgress) -> Outcome:
        plan = self._plan
        setting = Setting(
            profile=plan.profile,
            conditions=Conditions(self._layout, self._pace, generators=plan.generators),
            all_levels=plan.all_levels,
            rows_folder=plan.rows_folder,
        )
        environment = environments.need(trial.cell.stack, trial.cell.python)
        outcome = TrialRun(trial, environment, setting, progress.show).run()
        measured = self._measured.setdefault(trial.cell, Measured())
        measured.trials.append(outcome.trial)
        measured.environment = measured.environment or outcome.environment
        self._write(trial.cell, status_of(measured.trials), measured)
        return outcome

    def _write(self, cell: Cell, status: Status, measured: Measured) -> None:
        climbed = self._plan.profile.climbed(WORKLOADS[cell.workload].floor_ms)
        fresh = Result(
            format_version=FORMAT_VERSION,
            run=msgspec.structs.replace(self._run, ladder=tuple(map(str, climbed))),
            cell=cell,
            status=status,
            machine=self._machine,
            environment=measured.environment,
            trials=tuple(measured.trials),
        )
        earlier = self._read_earlier(cell)
        result = put(earlier, fresh)
        if result == earlier:
            self.stays[cell] = status
            return
        self.stays.pop(cell, None)
        path = store.write_result(self._plan.folder, self.machine_name, result)
        self.written[cell] = Written(path, result)

    def _read_earlier(self, cell: Cell) -> Result | None:
        try:
            return store.read_earlier(self._plan.folder, self.machine_name, cell)
        except ResultFileError:
            return None

    def _write_missing(self, cell: Cell, missing: Missing) -> None:
        """Record that a cell was not measured, unless its file holds measurements: those are worth more."""
        path = store.path_of(self._plan.folder, self.machine_name, cell)
        state: State = "skipped" if missing.state == "skipped" else "failed"
        kept = store.holds_figures(path)
        self._console.print(
            f"{cell}: {state}, {missing.reason}." + (" The earlier result stays." if kept else ""),
            markup=False,
            highlight=False,
        )
        if not kept:
            self._write(cell, Status(state=state, reason=missing.reason), Measured())
        elif state == "failed":
            self.kept.append(cell)

    def _mind_missing(self, missing: Mapping[Cell, Missing]) -> None:
        if not self._plan.fail_on_missing:
            return
        pythons = sorted({cell.python for cell, reason in missing.items() if reason.state == "skipped"})
        if pythons:
            raise PythonMissingError(
                f"Python {', '.join(pythons)} was not found: install it (uv python install {pythons[0]}), "
                "choose others with --pythons, or leave out --fail-on-missing."
            )

    def _need_machine(self, cells: Sequence[Cell]) -> None:
        host.need_open_files(max(map(requests_at_once, self._plan.profile.ladder)))
        need_ports(cells)


def status_of(trials: Sequence[Trial]) -> Status:
    """How a cell stands after these trials: the first failure says why it failed."""
    failures = [trial.failure for trial in trials if trial.failure is not None]
    if not failures:
        return Status(state="ok")
    if len(failures) < len(trials):
        return Status(state="unstable", reason=f"{len(failures)} of {len(trials)} trials failed: {failures[0]}")
    return Status(state="failed", reason=failures[0])


def describe(trial: Trial) -> str:
    """A trial in a few words, for the progress."""
    if trial.failure is not None:
        return f"failed: {trial.failure}"
    invalid = sum(level.validity == "invalid" for level in trial.levels)
    best = max((level.throughput_rps or 0.0 for level in trial.levels), default=0.0)
    words = f"up to {best:.1f} requests/s in {trial.duration_s:.0f} s ({trial.load_s:.0f} s of it load)"
    return words + (f", {invalid} levels invalid" if invalid else "")
