"""One trial: a fresh external API and target, verified, warmed up, driven up the ladder once, and stopped.

What goes wrong inside a trial is an outcome of the cell, with its reason and whatever levels were measured before; only
what the user must mend before anything can be measured goes further up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stackmatrix import supervisor, verification
from stackmatrix.assess import assess, not_driven
from stackmatrix.checks import LevelFacts, is_saturated
from stackmatrix.environments import TargetEnvironment
from stackmatrix.errors import TrialError
from stackmatrix.loadgen import Driven, LoadGenerator, Order
from stackmatrix.meters import Meters
from stackmatrix.model import Environment, Finding, Level, Trial
from stackmatrix.plan import LevelPlan, Profile, TrialPlan
from stackmatrix.processes import SOURCE
from stackmatrix.stacks import STACKS
from stackmatrix.supervisor import Layout, Supervisor, Target
from stackmatrix.usage import Use
from stackmatrix.workloads import API_PORT, WORKLOADS

SATURATED_LEVELS = 2
"""After so many saturated closed levels in a row, the rest of the ladder tells nothing new."""


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
    all_levels: bool = False
    rows_folder: Path | None = None
    api_port: int = API_PORT


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
        except TrialError as error:
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
            cores=layout.tools,
        )
        generator = LoadGenerator(
            folder=folder,
            target_port=stack.port,
            api_port=port,
            workload=workload,
            seed=self.plan.seed,
            cores=layout.tools,
        )
        with circus, generator:
            verification.wait_for_api(port, lambda: circus.why_gone("api"))
            identity = verification.wait_for_target(stack.port, lambda: circus.why_gone("target"))
            self.show("verifying")
            build = verification.verify_identity(identity, stack, self.plan.cell.python)
            verification.verify_workload(stack.port, port, workload)
            self._environment = Environment(
                python=build,
                packages=dict(sorted(identity["packages"].items())),
                lock_sha256=self.target_environment.lock_sha256,
                command=tuple(part.replace(str(self.target_environment.prefix), "{prefix}") for part in command),
                variables={"LANG": "C.UTF-8", "PYTHONPATH": SOURCE.name, "SLOW_API_URL": f"http://127.0.0.1:{port}"},
            )
            circus.note_tree()
            self._climb(circus, generator)
            self._keep_rows(generator)

    def _climb(self, circus: Supervisor, generator: LoadGenerator) -> None:
        profile = self.setting.profile
        meters = Meters({"target": circus.pid("target"), "external_api": circus.pid("api"), "generator": generator.pid})
        meters.begin()
        verified = tuple(meters.pids("target"))

        def tick() -> None:
            for watcher in ("target", "api"):
                reason = circus.why_gone(watcher)
                if reason is not None:
                    raise TrialError(f"Under load, {reason}.")
            meters.tick()

        baseline = self._idle_share(meters, tick)
        generator.wait_ready(tick)
        if profile.warmup_s > 0:
            self.show("warming up")
            self._drive(generator, Order.warmup(profile.warmup_s), meters, tick)
        saturated = 0
        for index, plan in enumerate(profile.ladder):
            if plan.model == "closed" and saturated >= SATURATED_LEVELS and not self.setting.all_levels:
                self._levels.append(not_driven(plan, profile.window_s, "not_needed", SATURATED))
                continue
            self.show(f"level {index + 1} of {len(profile.ladder)}, {plan}")
            order = Order.measure(index, plan, profile.settle_s, profile.window_s)
            driven, uses = self._drive(generator, order, meters, tick)
            facts = self._facts(plan, driven, uses, verified, tuple(meters.pids("target")))
            level = assess(facts, baseline)
            self._levels.append(level)
            full = is_saturated(plan, level.throughput_rps or 0.0, facts.workload)
            saturated = saturated + 1 if plan.model == "closed" and full else 0
        tally = generator.finish(tick)
        if tally.recorded != tally.counted:
            raise TrialError(f"The recorder kept {tally.recorded} requests, and locust counted {tally.counted}.")

    def _drive(
        self, generator: LoadGenerator, order: Order, meters: Meters, tick: Callable[[], None]
    ) -> tuple[Driven, dict[str, Use]]:
        uses: dict[str, Use] = {}

        def on_event(name: str) -> None:
            if name == "window_start":
                meters.begin()
            elif name == "window_end":
                uses.update(meters.end())

        driven = generator.run(order, on_event, tick)
        self._load_s += driven.drained_s - driven.started_s
        return driven, uses

    def _idle_share(self, meters: Meters, tick: Callable[[], None]) -> float:
        """CPU share of the target while nothing is asked of it; 0 where the profile does not look."""
        if self.setting.profile.baseline_s <= 0:
            return 0.0
        self.show("idle baseline")
        meters.begin()
        end_s = time.monotonic() + self.setting.profile.baseline_s
        while time.monotonic() < end_s:
            time.sleep(0.1)
            tick()
        return meters.end()["target"].cpu_share

    def _facts(
        self,
        plan: LevelPlan,
        driven: Driven,
        uses: dict[str, Use],
        verified: tuple[int, ...],
        now: tuple[int, ...],
    ) -> LevelFacts:
        return LevelFacts(
            plan=plan,
            workload=WORKLOADS[self.plan.cell.workload],
            stack=STACKS[self.plan.cell.stack],
            rows=driven.rows,
            uses=uses,
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=verified,
            target_pids_now=now,
        )

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


SATURATED = Finding(
    code="beyond-saturation",
    severity="note",
    sentence=f"Not driven: {SATURATED_LEVELS} levels in a row before it were beyond saturation.",
)
