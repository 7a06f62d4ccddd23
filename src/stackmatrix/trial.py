"""One trial: a fresh external API and target, verified, warmed up, driven up the ladder once, and stopped.

What goes wrong inside a trial is an outcome of the cell, with its reason and whatever levels were measured before; only
what the user must mend before anything can be measured goes further up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stackmatrix import machine, supervisor, verification
from stackmatrix.arrivals import planned
from stackmatrix.assess import assess, not_driven
from stackmatrix.bench import Bench, Measured
from stackmatrix.checks import PACE_SHARE
from stackmatrix.climb import Attempt, climb
from stackmatrix.environments import TargetEnvironment
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.facts import LevelFacts, Pace, unrest
from stackmatrix.loadgen import LoadGenerator, Order
from stackmatrix.model import Environment, Finding, Level, Trial
from stackmatrix.pace import PaceBook
from stackmatrix.plan import LevelPlan, Profile, TrialPlan
from stackmatrix.stacks import STACKS
from stackmatrix.supervisor import Layout, Supervisor, Target
from stackmatrix.workloads import API_PORT, WORKLOADS


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial as it is recorded, and what served it, if it came so far that this is known."""

    trial: Trial
    environment: Environment | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trials of a run share."""

    profile: Profile
    layout: Layout
    pace: PaceBook | None = None
    all_levels: bool = False
    rows_folder: Path | None = None
    api_port: int = API_PORT
    generators: int = 1


@dataclass
class TrialRun:
    """Runs one trial. ``show`` hears what it is doing."""

    plan: TrialPlan
    target_environment: TargetEnvironment
    setting: Setting
    show: Callable[[str], None]
    _levels: list[Level] = field(default_factory=list)
    _environment: Environment | None = None
    _load_s: float = 0.0

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
            load_s=self._load_s,
            levels=tuple(self._levels),
            failure=failure,
            findings=self._findings(),
        )
        return Outcome(trial, self._environment)

    def _run(self, folder: Path) -> None:
        stack, workload = STACKS[self.plan.cell.stack], WORKLOADS[self.plan.cell.workload]
        layout, port = self.setting.layout, self.setting.api_port
        command = self.target_environment.command(stack)
        target = Target(stack.name, command, stack.port)
        circus = Supervisor(
            ini=supervisor.CIRCUS_INI,
            environment=supervisor.variables(target, port, layout, folder),
            folder=folder,
            watchers=("api", "target"),
            cores=layout.harness,
        )
        generator = LoadGenerator(
            folder=folder,
            target_port=stack.port,
            api_port=port,
            workload=workload,
            cores=layout.generator,
            count=self.setting.generators,
        )
        with circus, generator:
            verification.wait_for_api(port, lambda: circus.why_gone("api"))
            identity = verification.wait_for_target(stack.port, lambda: circus.why_gone("target"))
            self.show("verifying")
            build = verification.verify_identity(identity, stack, self.plan.cell.python)
            verification.verify_workload(stack.port, port, workload)
            self._environment = self.target_environment.describe(build, identity["packages"], command, port)
            circus.note_tree()
            self._climb(circus, generator)
            self._keep_rows(generator)

    def _climb(self, circus: Supervisor, generator: LoadGenerator) -> None:
        profile = self.setting.profile
        ports = {"target": STACKS[self.plan.cell.stack].port, "external_api": self.setting.api_port}
        bench = Bench(circus, generator, self.setting.layout, ports)
        verified = bench.target_pids
        baseline = self._idle_share(bench)
        generator.wait_ready(bench.tick)
        if profile.warmup_s > 0:
            self.show("warming up")
            self._drive(bench, Order.warmup(profile.warmup_s))

        def drive(attempt: Attempt) -> Level:
            again = "" if attempt.number == 1 else ", once more"
            self.show(f"level {attempt.index + 1} of {len(profile.ladder)}, {attempt.plan}{again}")
            # Rows of a second attempt are marked apart from those of the first.
            mark = attempt.index + (attempt.number - 1) * len(profile.ladder)
            order = Order.measure(
                attempt.index, attempt.plan, profile.settle_s, profile.window_s, trial_seed=self.plan.seed, mark=mark
            )
            return assess(self._measure(bench, order, attempt.plan, verified), baseline)

        climbing = climb(
            profile.ladder,
            drive,
            floor_ms=WORKLOADS[self.plan.cell.workload].floor_ms,
            window_s=profile.window_s,
            all_levels=self.setting.all_levels,
        )
        for level in climbing:
            self._levels.append(level)
        generator.finish(bench.tick)

    def _measure(self, bench: Bench, order: Order, plan: LevelPlan, verified: tuple[int, ...]) -> LevelFacts:
        """Drive one level between two readings of the machine, and gather what is known of it."""
        book = self.setting.pace
        earlier_s = book.readings if book else ()
        before_s = book.read_surely() if book else 0.0
        measured = self._drive(bench, order)
        driven = measured.driven
        pace = Pace(before_s, book.read_surely(), earlier_s) if book else None
        is_open = plan.model == "open"
        return LevelFacts(
            plan=plan,
            workload=WORKLOADS[self.plan.cell.workload],
            stack=STACKS[self.plan.cell.stack],
            rows=driven.rows,
            uses=measured.uses,
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=verified,
            target_pids_now=bench.target_pids,
            around=measured.around,
            pace=pace,
            recorded=driven.recorded,
            planned=planned(order.value, order.settle_s, order.window_s, order.seed) if is_open else None,
        )

    def _drive(self, bench: Bench, order: Order) -> Measured:
        measured = bench.drive(order)
        self._load_s += measured.driven.drained_s - measured.driven.started_s
        return measured

    def _idle_share(self, bench: Bench) -> float:
        """CPU share of the target while nothing is asked of it; 0 where the profile does not look."""
        if self.setting.profile.baseline_s <= 0:
            return 0.0
        self.show("idle baseline")
        bench.meters.begin()
        end_s = time.monotonic() + self.setting.profile.baseline_s
        while time.monotonic() < end_s:
            time.sleep(0.1)
            bench.tick()
        return bench.meters.end()["target"].cpu_share

    def _findings(self) -> tuple[Finding, ...]:
        """What holds for all levels of the trial."""
        found = []
        reason = machine.why_not_pinned(self.setting.layout)
        if reason is not None:
            found.append(Finding(code="not-pinned", severity="note", sentence=reason))
        book = self.setting.pace
        if book and (varies := unrest(book.readings)) > PACE_SHARE:
            sentence = (
                f"The target's core varied by up to {varies:.0%} in speed while nothing ran, "
                "so that smaller changes during a level cannot be told."
            )
            found.append(Finding(code="uneven-core", severity="note", sentence=sentence))
        return tuple(found)

    def _note_not_reached(self, reason: str) -> None:
        for plan in self.setting.profile.ladder[len(self._levels) :]:
            finding = Finding(code="not-reached", severity="invalid", sentence=reason)
            self._levels.append(not_driven(plan, self.setting.profile.window_s, "invalid", finding))

    def _keep_rows(self, generator: LoadGenerator) -> None:
        folder, cell = self.setting.rows_folder, self.plan.cell
        if folder is None:
            return
        path = folder / cell.workload / cell.stack / f"{cell.python}-block-{self.plan.block}.rows"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.rows())
