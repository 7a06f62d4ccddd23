"""Reads what the machine around a measurement did: its cores, its listen queues and its other processes."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from stackmatrix.analysis.level.usage import CoreReading, Surroundings, longest_busy_share, stolen_share
from stackmatrix.system import linux
from stackmatrix.system.foreign import Snapshot, foreign_use, snapshot

ALL = "all"
"""Every listener of the machine, beside the roles."""


@dataclass
class MachineMeter:
    """Reads what the machine does around a level: :meth:`open` and :meth:`close` it, with the window in between.

    Other processes are looked for before and after the load, since reading all of them takes the generator's core
    longer than a window can bear.
    """

    used_cores: Sequence[int]
    generator_cores: Sequence[int]
    ports: Mapping[str, int]
    period_s: float = 1.0
    _cores: list[CoreReading] = field(default_factory=list)
    _ports_peak: float | None = None
    _opened_s: float = 0.0
    _before: Snapshot = field(default_factory=dict)
    _drops: dict[str, int | None] = field(default_factory=dict)
    _next_s: float | None = None

    def open(self, ours: Collection[int]) -> None:
        """Before the load. ``ours`` are the processes of the benchmark."""
        self._before = snapshot(ours)
        self._drops = self._read_drops()
        self._cores, self._ports_peak = [], None
        self._opened_s = time.monotonic()

    def begin(self) -> None:
        self._read()
        self._next_s = time.monotonic() + self.period_s

    def tick(self) -> None:
        if self._next_s is not None and time.monotonic() >= self._next_s:
            self._next_s += self.period_s
            self._read()

    def end(self) -> None:
        self._next_s = None
        self._read()

    def close(self, ours: Collection[int]) -> Surroundings:
        """After the load: what the machine did."""
        wall_s = time.monotonic() - self._opened_s
        # Other systems than Linux do not show the processes of other users: their use is then unknown.
        after = snapshot(ours)
        foreign = foreign_use(self._before, after) if psutil.LINUX else None
        drops = self._read_drops()
        lost = {role: _lost(self._drops[role], drops[role], self._drops[ALL], drops[ALL]) for role in self.ports}
        return Surroundings(
            steal_share=stolen_share(self._cores, self.used_cores),
            generator_core_share=longest_busy_share(self._cores, self.generator_cores),
            foreign_share=None if foreign is None else foreign.total_s / wall_s,
            foreign_name=f"{one.name} (process {one.pid})" if foreign and (one := foreign.busiest) else None,
            api_drops=lost.get("external_api"),
            target_drops=lost.get("target"),
            ports_share=self._ports_peak,
        )

    def _read(self) -> None:
        at_s, cores = time.monotonic(), linux.core_times()
        if cores is not None:
            busy_s = {core: times.busy_s for core, times in cores.items()}
            self._cores.append(CoreReading(at_s, busy_s, {core: times.steal_s for core, times in cores.items()}))
        ports = linux.used_ports()
        if ports is not None:
            self._ports_peak = max(self._ports_peak or 0.0, ports[0] / ports[1])

    def _read_drops(self) -> dict[str, int | None]:
        by_role = {role: linux.listen_drops(port) for role, port in self.ports.items()}
        return {**by_role, ALL: linux.listen_overflows()}


def _lost(before: int | None, after: int | None, all_before: int | None, all_after: int | None) -> int | None:
    """Connections that a full queue lost: a listener drops other packets too, so no more than the machine lost."""
    if before is None or after is None or all_before is None or all_after is None:
        return None
    return min(after - before, all_after - all_before)
