"""What measures a level: the supervised processes, the load, and the meters that are read in its window."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.level.usage import Around, Use
from stackmatrix.errors import TrialError
from stackmatrix.load.generator import Driven, LoadGenerator, Look, Order
from stackmatrix.system.cores import Layout
from stackmatrix.system.machine_meter import MachineMeter
from stackmatrix.system.process_meter import Meters
from stackmatrix.testbed.supervisor import Supervisor

METER_PERIOD_S = 1.0
"""Between readings within a window, for each target."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One level: its rows, what each role used in its window, and what the machine did around it."""

    driven: Driven
    uses: dict[str, Use]
    around: Around


class Bench:
    """The external API and targets under circus, and a generator that drives some of them; ``ports`` are by role.

    ``targets`` are the watchers of the targets; there is one, but where several are measured side by side.
    """

    def __init__(
        self,
        circus: Supervisor,
        generator: LoadGenerator,
        layout: Layout,
        ports: dict[str, int],
        targets: Sequence[str] = ("target",),
    ) -> None:
        self.circus = circus
        self.generator = generator
        self._targets = targets
        roots = {name: (circus.pid(name),) for name in targets}
        # Looking for the children of many trees takes the harness's core for long.
        period_s = METER_PERIOD_S * len(targets)
        self.meters = Meters({**roots, "external_api": (circus.pid("api"),), "generator": generator.pids}, period_s)
        self._machine = MachineMeter(layout.used, layout.generator or layout.shared, ports)
        self.meters.begin()

    def drive(self, order: Order, at_start: Callable[[], None] = lambda: None, look: Look | None = None) -> Measured:
        """Drive one level; ``at_start`` is called when its window begins, ``look`` decides whether it may end.

        Raises:
            TrialError: when the target, the external API or the generator has ended.

        """
        uses: dict[str, Use] = {}

        def on_event(name: str) -> None:
            if name == "window_start":
                self.meters.begin()
                self._machine.begin()
                at_start()
            elif name == "window_end":
                uses.update(self.meters.end())
                self._machine.end()

        self._machine.open(self._ours)
        driven = self.generator.run(order, on_event, self.tick, look)
        self.meters.look()
        return Measured(driven, uses, self._machine.close(self._ours))

    def tick(self) -> None:
        """Look at everything that could have gone wrong, and read the meters.

        Raises:
            TrialError: when the target or the external API has ended.

        """
        for watcher in (*self._targets, "api"):
            reason = self.circus.why_gone(watcher)
            if reason is not None:
                raise TrialError(f"Under load, {reason}.")
        self.meters.tick()
        self._machine.tick()

    @property
    def target_pids(self) -> tuple[int, ...]:
        """The targets' processes at the end of the last level, or at the beginning."""
        return tuple(pid for name in self._targets for pid in self.meters.pids(name))

    @property
    def _ours(self) -> set[int]:
        roles = {pid for role in self.meters.roots for pid in self.meters.pids(role)}
        return {os.getpid(), *self.circus.pids, *roles}
