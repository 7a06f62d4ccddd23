"""The meters of a testbed: what each process tree uses within a window, and what the machine does around it."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import psutil

from stackmatrix.analysis.level.usage import SERVICES, Role, Surroundings, Use
from stackmatrix.load.generator import DrivenLevel, Moment
from stackmatrix.system.cores import Layout, find_strayed, why_not_pinned, why_slower
from stackmatrix.system.machine_meter import MachineMeter
from stackmatrix.system.process_meter import Meters, cpu_seconds
from stackmatrix.system.stalls import Stalls
from stackmatrix.testbed.places import Place
from stackmatrix.testbed.supervisor import API, Supervisor

METER_PERIOD_S = 1.0
"""Between readings within a window, for each target: looking for the children of many trees takes long."""

type OnWindow = Callable[[Moment], None]


class Metering:
    """Meters the targets by name, the external API, the generator and the application's services, once all are up.

    Of the targets new threads and memory are read, too.
    """

    def __init__(
        self, circus: Supervisor, generator_pids: Sequence[int], layout: Layout, targets: Sequence[Place]
    ) -> None:
        self._circus, self._layout = circus, layout
        self._targets = [name for name in circus.watchers if name != API]
        roots: dict[str, Sequence[int]] = {name: (circus.pid(name),) for name in self._targets}
        roots |= {Role.EXTERNAL_API: (circus.pid(API),), Role.GENERATOR: generator_pids}
        if any(one.subject.app.arranger for one in targets):
            # Whatever else this process has started is there for the application.
            known = {*circus.pids, *generator_pids}
            roots[SERVICES] = [child.pid for child in psutil.Process().children() if child.pid not in known]
        self._meters = Meters(roots, METER_PERIOD_S * len(self._targets), closely=self._targets)
        ports: dict[str, Sequence[int]] = {
            Role.TARGET: [one.port for one in targets],
            Role.EXTERNAL_API: (circus.api_port,),
        }
        self._machine = MachineMeter(layout.used, layout.generator or layout.shared, ports)
        self._stalls = Stalls()
        self._workers = max(one.subject.stack.workers for one in targets)
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
        own: list[tuple[float, float]] = []

        def on_window(moment: Moment) -> None:
            if moment is Moment.START:
                self._meters.begin()
                self._machine.begin()
                own.append(self._own_cpu())
                at_start()
                self._stalls.begin()
            else:
                self._stalls.end()
                self._machine.end()
                own.append(self._own_cpu())
                uses.update(self._meters.end())

        self._machine.open(self._ours)
        driven = drive(on_window)
        self._meters.look()
        around = self._machine.close(self._ours, self._explained(uses, own))
        layout = self._layout
        around = replace(around, not_pinned=why_not_pinned(layout), slower_cores=why_slower(layout))
        held_up_s = max(driven.late_s, self._stalls.longest_s)
        return driven, uses, replace(around, strayed=self._strayed(), held_up_s=held_up_s)

    def _strayed(self) -> str | None:
        """The first process of the targets that may run on other cores than theirs."""
        pid = find_strayed(self.target_pids, self._layout.of_target(self._workers))
        if pid is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            return f"{psutil.Process(pid).name()} (process {pid})"
        return f"Process {pid}"

    def _own_cpu(self) -> tuple[float, float]:
        """A moment, and the CPU seconds of this process and of circusd until then."""
        used_s = time.process_time()
        with contextlib.suppress(psutil.NoSuchProcess):  # that it has ended is found elsewhere
            used_s += cpu_seconds(psutil.Process(self._circus.pids[0]))
        return time.monotonic(), used_s

    def _explained(
        self, uses: Mapping[str, Use], own: Sequence[tuple[float, float]]
    ) -> Mapping[tuple[int, ...], float]:
        """The CPU share of our processes on each group of cores; nothing where nothing is pinned.

        Roles have either the same cores or none in common.
        """
        (began_s, before_s), (ended_s, after_s) = own
        layout, shares = self._layout, defaultdict[tuple[int, ...], float](float)
        of_targets = layout.of_target(self._workers)
        for name in self._targets:
            shares[of_targets] += uses[name].cpu_share
        shares[layout.api] += uses[Role.EXTERNAL_API].cpu_share
        shares[layout.generator] += uses[Role.GENERATOR].cpu_share
        shares[layout.harness] += (after_s - before_s) / (ended_s - began_s)
        if SERVICES in uses:
            shares[layout.harness] += uses[SERVICES].cpu_share
        return {cores: share for cores, share in shares.items() if cores and {*cores} <= {*layout.used}}

    def span(self, wait: Callable[[], None]) -> dict[str, Use]:
        """What each role used while ``wait`` waited."""
        self._meters.begin()
        wait()
        return self._meters.end()

    def tick(self) -> None:
        self._stalls.tick()
        self._meters.tick()
        self._machine.tick()

    @property
    def _ours(self) -> set[int]:
        roles = {pid for role in self._meters.roots for pid in self._meters.pids(role)}
        return {os.getpid(), *self._circus.pids, *roles}
