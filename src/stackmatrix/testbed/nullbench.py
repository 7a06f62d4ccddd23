"""A bench with the null target where a stack would be: on the target's core, under circus, beside the external API.

What is measured of it is what the generator, the external API and the machine add to every figure.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stackmatrix.load.generator import LoadGenerator, Order
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.workloads import API_PORT, BODY_PATTERN, Workload
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import supervisor, verification
from stackmatrix.testbed.bench import Bench, Measured
from stackmatrix.testbed.supervisor import Supervisor, Target

NULL_PORT = 8099

WAITS = Workload("null", "a correct page after 600 ms", "/", (600,))
AT_ONCE = Workload("null_at_once", "a correct page at once", "/0/", (0,))


@dataclass
class NullBench:
    """Everything is up, and a generator drives one of the two servers."""

    bench: Bench
    seed: int
    _driven: int = 0

    @property
    def target_pid(self) -> int:
        """The null target's process."""
        return self.bench.circus.pid("target")

    def measure(
        self, plan: LevelPlan, settle_s: float, window_s: float, at_start: Callable[[], None] = lambda: None
    ) -> Measured:
        """Drive one level; ``at_start`` is called when its window begins."""
        order = Order.measure(self._driven, plan, settle_s, window_s, trial_seed=self.seed)
        self._driven += 1
        return self.bench.drive(order, at_start)


@contextlib.contextmanager
def null_bench(
    layout: Layout, *, port: int = NULL_PORT, workload: Workload = WAITS, body: str = BODY_PATTERN, seed: int = 1
) -> Iterator[NullBench]:
    """Start the external API, the null target and a generator that drives whichever is on ``port``; stop them all.

    Raises:
        TrialError: when one of them does not come up or ends.
        SupervisorError: when one does not stop.

    """
    folder = supervisor.private_folder()
    command = (sys.executable, "-m", "null_target", "--port", str(NULL_PORT))
    circus = Supervisor(
        ini=supervisor.CIRCUS_INI,
        environment=supervisor.variables(Target("null", command, NULL_PORT), API_PORT, layout, folder),
        folder=folder,
        watchers=("api", "target"),
        cores=layout.harness,
    )
    generator = LoadGenerator(
        folder=folder, target_port=port, api_port=API_PORT, workload=workload, cores=layout.generator, body=body
    )
    try:
        with circus, generator:
            verification.wait_for_api(API_PORT, lambda: circus.why_gone("api"))
            verification.wait_for_page(NULL_PORT, AT_ONCE.path, lambda: circus.why_gone("target"))
            circus.note_tree()
            generator.wait_ready(lambda: None)
            ports = {"target": NULL_PORT, "external_api": API_PORT}
            yield NullBench(Bench(circus, generator, layout, ports), seed)
            generator.finish(lambda: None)
    finally:
        supervisor.remove(folder)
