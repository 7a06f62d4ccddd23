"""Reads what the machine around a measurement did: cores, listen queues, other processes, control groups, the network.

A core's busy time less that of our processes on it is what others used there, whether this system shows them or not.
The two are counted in different ways: processes by their own clocks in nanoseconds, a core by a look at each tick of
the kernel, some hundred times a second.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import psutil

from stackmatrix.analysis.level.usage import (
    CoreReading,
    Surroundings,
    known_cores,
    longest_busy_share,
    most_unexplained,
    stolen_share,
)
from stackmatrix.system import cgroup, linux
from stackmatrix.system.foreign import Snapshot, foreign_use, snapshot

ALL = "all"
"""Every listener of the machine, beside the roles."""
NO_EVENTS = cgroup.Events(None, None, None)
NOTHING: Mapping[tuple[int, ...], float] = MappingProxyType({})


@dataclass
class MachineMeter:
    """Reads what the machine does around a level: :meth:`open` and :meth:`close` it, with the window in between.

    ``ports`` are those that each role listens on; what they lost is added up. Other processes are looked for before and
    after the load, since reading all of them takes the generator's core longer than a window can bear.
    """

    used_cores: Sequence[int]
    generator_cores: Sequence[int]
    ports: Mapping[str, Sequence[int]]
    period_s: float = 1.0
    _cores: list[CoreReading] = field(default_factory=list)
    _ports_peak: float | None = None
    _opened_s: float = 0.0
    _before: Snapshot = field(default_factory=dict)
    _drops: dict[str, int | None] = field(default_factory=dict)
    _next_s: float | None = None
    _groups: frozenset[cgroup.Group] = frozenset()
    _events: cgroup.Events = NO_EVENTS
    _retransmitted: int | None = None

    def open(self, ours: Collection[int]) -> None:
        """Before the load. ``ours`` are the processes of the benchmark."""
        self._before = snapshot(ours)
        self._drops = self._read_drops()
        self._cores, self._ports_peak, self._retransmitted = [], None, None
        self._groups = cgroup.groups_of(ours)
        self._events = cgroup.read_events(self._groups)
        self._opened_s = time.monotonic()

    def begin(self) -> None:
        """Start of the window."""
        self._retransmitted = linux.retransmissions()
        self._read()
        self._next_s = time.monotonic() + self.period_s

    def tick(self) -> None:
        if self._next_s is not None and time.monotonic() >= self._next_s:
            self._next_s += self.period_s
            self._read()

    def end(self) -> None:
        self._next_s = None
        self._read()

    def close(self, ours: Collection[int], explained: Mapping[tuple[int, ...], float] = NOTHING) -> Surroundings:
        """After the load: what the machine did.

        ``explained`` has the CPU share of all our processes on each group of cores within the window.
        """
        wall_s = time.monotonic() - self._opened_s
        # Other systems than Linux do not show the processes of other users: their use is then unknown.
        after = snapshot(ours)
        foreign = foreign_use(self._before, after) if psutil.LINUX else None
        drops, events = self._read_drops(), cgroup.read_events(self._groups)
        lost = {role: _lost(self._drops[role], drops[role], self._drops[ALL], drops[ALL]) for role in self.ports}
        return Surroundings(
            steal_share=stolen_share(self._cores, self.used_cores),
            generator_core_share=longest_busy_share(self._cores, self.generator_cores),
            foreign_share=None if foreign is None else foreign.total_s / wall_s,
            foreign_name=f"{one.name} (process {one.pid})" if foreign and (one := foreign.busiest) else None,
            api_drops=lost.get("external_api"),
            target_drops=lost.get("target"),
            ports_share=self._ports_peak,
            unexplained=most_unexplained(self._cores, explained),
            # Until now, as a request of the window may have been sent again after its end.
            retransmitted=_grown(self._retransmitted, linux.retransmissions()),
            throttled=_grown(self._events.throttled, events.throttled),
            oom_kills=_grown(self._events.oom_kills, events.oom_kills),
            forks_refused=_grown(self._events.forks_refused, events.forks_refused),
            unknown_cores=self._unknown_cores(),
        )

    def _unknown_cores(self) -> tuple[int, ...]:
        known = known_cores(self._cores, self.used_cores)
        return tuple(core for core in self.used_cores if core not in known)

    def _read(self) -> None:
        cores = read_cores()
        if cores is not None:
            self._cores.append(cores)
        ports = linux.used_ports()
        if ports is not None:
            self._ports_peak = max(self._ports_peak or 0.0, ports[0] / ports[1])

    def _read_drops(self) -> dict[str, int | None]:
        by_role = {role: _sum(map(linux.listen_drops, ports)) for role, ports in self.ports.items()}
        return {**by_role, ALL: linux.listen_overflows()}


def read_cores() -> CoreReading | None:
    """What each core has done until now; ``None`` where that is not known."""
    at_s, cores = time.monotonic(), linux.core_times()
    if cores is None:
        return None
    busy_s = {core: times.busy_s for core, times in cores.items()}
    return CoreReading(at_s, busy_s, {core: times.steal_s for core, times in cores.items()})


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum, of what is known at all."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def _lost(before: int | None, after: int | None, all_before: int | None, all_after: int | None) -> int | None:
    """Connections that a full queue lost: a listener drops other packets too, so no more than the machine lost."""
    if before is None or after is None or all_before is None or all_after is None:
        return None
    return min(after - before, all_after - all_before)
