"""A bench with a cell's target on it: everything fresh, verified, and ready to be driven; stopped when it is left."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis.level.facts import LevelFacts, Pace
from stackmatrix.load.generator import LoadGenerator, Look, Order
from stackmatrix.matrix.arrivals import planned
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import API_PORT, WORKLOADS
from stackmatrix.results.model import Environment
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import supervisor, verification
from stackmatrix.testbed.bench import Bench, Measured
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.supervisor import Supervisor, Target

REST_LOOK_S, REST_SHARE, REST_TIMEOUT_S = 1.0, 0.05, 60.0
"""After overload: at rest is who has used so little of a core for so long; no request is older than a minute."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all trials of a run share: the cores, how fast they are, the external API's port, and locust's processes."""

    layout: Layout
    pace: PaceBook | None = None
    api_port: int = API_PORT
    generators: int = 1


@dataclass
class TargetBench:
    """The cell's target is up and is the one that it should be; ``load_s`` is how long it was under load so far."""

    cell: Cell
    environment: Environment
    generator: LoadGenerator
    bench: Bench
    verified_pids: tuple[int, ...]
    pace: PaceBook | None
    load_s: float = 0.0

    def warm_up(self, warmup_s: float) -> None:
        """Drive it for a fixed time, apart from everything that is measured."""
        self.generator.wait_ready(self.bench.tick)
        if warmup_s > 0:
            self._drive(Order.warmup(warmup_s))

    def measure(self, order: Order, plan: LevelPlan, look: Look | None = None) -> LevelFacts:
        """Drive one level between two readings of the machine, and gather what is known of it.

        Raises:
            TrialError: when the target, the external API or the generator has ended.

        """
        earlier_s = self.pace.readings if self.pace else ()
        before_s = self.pace.read_surely() if self.pace else 0.0
        measured = self._drive(order, look)
        driven = measured.driven
        pace = Pace(before_s, self.pace.read_surely(), earlier_s) if self.pace else None
        is_open = plan.model == "open"
        return LevelFacts(
            plan=plan,
            workload=WORKLOADS[self.cell.workload],
            stack=STACKS[self.cell.stack],
            rows=driven.rows,
            uses=measured.uses,
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=self.verified_pids,
            target_pids_now=self.bench.target_pids,
            around=measured.around,
            pace=pace,
            recorded=driven.recorded,
            planned=planned(order.value, order.settle_s, driven.rows.window_s, order.seed) if is_open else None,
        )

    def idle_share(self, baseline_s: float) -> float:
        """CPU share of the target while nothing is asked of it for so long; 0 for no time."""
        if baseline_s <= 0:
            return 0.0
        self.bench.meters.begin()
        end_s = time.monotonic() + baseline_s
        while time.monotonic() < end_s:
            time.sleep(0.1)
            self.bench.tick()
        return self.bench.meters.end()["target"].cpu_share

    def finish(self) -> None:
        """Order no more load, and wait until the generator has ended well.

        Raises:
            TrialError: when it does not.

        """
        self.generator.finish(self.bench.tick)

    def rest(self) -> None:
        """Wait until the target has done what overload left behind: clients that have gone stay in its queues."""
        deadline_s = time.monotonic() + REST_TIMEOUT_S
        while self.idle_share(REST_LOOK_S) > REST_SHARE and time.monotonic() < deadline_s:
            pass

    def _drive(self, order: Order, look: Look | None = None) -> Measured:
        measured = self.bench.drive(order, look=look)
        self.load_s += measured.driven.drained_s - measured.driven.started_s
        return measured


@contextlib.contextmanager
def target_bench(
    cell: Cell, environment: TargetEnvironment, conditions: Conditions, folder: Path, show: Callable[[str], None]
) -> Iterator[TargetBench]:
    """Start the external API, the cell's target and the load generator, and verify the target; stop them all.

    Raises:
        TrialError: when one of them does not come up, is not what the cell names, or ends.
        SupervisorError: when one does not stop.

    """
    stack, workload, port = STACKS[cell.stack], WORKLOADS[cell.workload], conditions.api_port
    command = environment.command(stack)
    circus = Supervisor(
        ini=supervisor.CIRCUS_INI,
        environment=supervisor.variables(Target(stack.name, command, stack.port), port, conditions.layout, folder),
        folder=folder,
        watchers=("api", "target"),
        cores=conditions.layout.harness,
    )
    generator = LoadGenerator(
        folder=folder,
        target_port=stack.port,
        api_port=port,
        workload=workload,
        cores=conditions.layout.generator,
        count=conditions.generators,
    )
    with circus, generator:
        verification.wait_for_api(port, lambda: circus.why_gone("api"))
        with circus.explaining("target"):
            identity = verification.wait_for_target(stack.port, lambda: circus.why_gone("target"))
            show("verifying")
            build = verification.verify_identity(identity, stack, cell.python)
            verification.verify_workload(stack.port, port, workload)
        circus.note_tree()
        bench = Bench(circus, generator, conditions.layout, {"target": stack.port, "external_api": port})
        yield TargetBench(
            cell=cell,
            environment=environment.describe(build, identity["packages"], command, port),
            generator=generator,
            bench=bench,
            verified_pids=bench.target_pids,
            pace=conditions.pace,
        )
