"""The meters of a testbed: what each process tree uses within a window, and what the machine does around it."""

import os
from collections.abc import Callable, Sequence

from stackmatrix.analysis.level.usage import Role, Surroundings, Use
from stackmatrix.load.generator import DrivenLevel, Moment
from stackmatrix.system.cores import Layout
from stackmatrix.system.machine_meter import MachineMeter
from stackmatrix.system.process_meter import Meters
from stackmatrix.testbed.supervisor import API, Supervisor

METER_PERIOD_S = 1.0
"""Between readings within a window, for each target: looking for the children of many trees takes long."""

type OnWindow = Callable[[Moment], None]


class Metering:
    """Meters the targets by name, the external API and the generator, once everything is up."""

    def __init__(self, circus: Supervisor, generator_pids: Sequence[int], layout: Layout, target_port: int) -> None:
        self._circus = circus
        self._targets = [name for name in circus.watchers if name != API]
        roots: dict[str, Sequence[int]] = {name: (circus.pid(name),) for name in self._targets}
        roots |= {Role.EXTERNAL_API: (circus.pid(API),), Role.GENERATOR: generator_pids}
        self._meters = Meters(roots, METER_PERIOD_S * len(self._targets))
        ports: dict[str, int] = {Role.TARGET: target_port, Role.EXTERNAL_API: circus.api_port}
        self._machine = MachineMeter(layout.used, layout.generator or layout.shared, ports)
        self.verified_pids: tuple[int, ...] = ()
        """The targets' processes when they had been verified."""

    def begin(self) -> None:
        """Find all processes for the first time."""
        self._meters.begin()
        self.verified_pids = self.target_pids

    @property
    def target_pids(self) -> tuple[int, ...]:
        """The targets' processes at the end of the last level, or at the beginning."""
        return tuple(pid for name in self._targets for pid in self._meters.pids(name))

    def level(
        self, drive: Callable[[OnWindow], DrivenLevel], at_start: Callable[[], None]
    ) -> tuple[DrivenLevel, dict[str, Use], Surroundings]:
        """What ``drive`` made, what each role used in its window, and what the machine did around it."""
        uses: dict[str, Use] = {}

        def on_window(moment: Moment) -> None:
            if moment is Moment.START:
                self._meters.begin()
                self._machine.begin()
                at_start()
            else:
                uses.update(self._meters.end())
                self._machine.end()

        self._machine.open(self._ours)
        driven = drive(on_window)
        self._meters.look()
        return driven, uses, self._machine.close(self._ours)

    def span(self, wait: Callable[[], None]) -> dict[str, Use]:
        """What each role used while ``wait`` waited."""
        self._meters.begin()
        wait()
        return self._meters.end()

    def tick(self) -> None:
        self._meters.tick()
        self._machine.tick()

    @property
    def _ours(self) -> set[int]:
        roles = {pid for role in self._meters.roots for pid in self._meters.pids(role)}
        return {os.getpid(), *self._circus.pids, *roles}
