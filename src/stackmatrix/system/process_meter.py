"""Reads what process trees use: totals at the ends of a window, and peaks in between.

The trees are found once, after the target has answered, and looked through again once a second: finding the children of
a process means reading every process of the machine, which the generator's core should not pay for more often. What is
slow to read, memory above all, is read once, when a window has ended; and only of the roles that are asked for.
"""

import contextlib
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from stackmatrix.analysis.level.usage import Reading, Use, between
from stackmatrix.system import linux
from stackmatrix.system.processes import is_running, tree


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of all threads of a process, in seconds.

    On Linux from the process's own CPU clock, which counts in nanoseconds, where ``/proc`` counts in hundredths of a
    second; elsewhere, and where there is no such clock, from psutil. See clock_getcpuclockid(3): the clock's id is the
    complement of the process's.
    """
    if psutil.LINUX:
        with contextlib.suppress(OSError):
            return time.clock_gettime((~process.pid << 3) | 2)
    # On Linux the process has ended, which is said now, or some container's kernel has no such clocks.
    times = process.cpu_times()
    return float(times.user + times.system)


def thread_switches(pid: int) -> dict[int, int]:
    """Context switches of each thread of a process, by thread id; empty where the kernel does not tell.

    ``/proc/<pid>/status``, which psutil reads, counts only the first thread's.
    """
    switches = {}
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):  # the thread has just ended
            switches[int(path.parent.name)] = sum(map(int, re.findall(r"ctxt_switches:\t(\d+)", path.read_text())))
    return switches


class TreeMeter:
    """Reads some processes and all that descend from them."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = roots
        self._processes: list[psutil.Process] = []
        self._limits: dict[int, int | None] = {}

    def refresh(self) -> list[int]:
        """Find the trees' processes again; returns their ids."""
        self._processes = [process for root in self._roots for process in tree(root)]
        # Each time anew: a server may change its own limit.
        self._limits = {one.pid: linux.open_files_limit(one.pid) for one in self._processes}
        return [process.pid for process in self._processes]

    def read(self, *, with_switches: bool = False) -> Reading:
        """The trees' totals now. A process that has ended counts for nothing; a check notices that it is gone."""
        cpu_s, threads, fds = 0.0, 0, 0
        switches: dict[int, int] = {}
        shares: list[float] = []
        at_s = time.monotonic()
        for process in self._processes:
            try:
                cpu_s += cpu_seconds(process)
                with process.oneshot():
                    threads += process.num_threads()
                    open_files = process.num_fds()
                if with_switches:
                    switches |= thread_switches(process.pid)
            except psutil.NoSuchProcess:
                continue
            fds += open_files
            if limit := self._limits[process.pid]:
                shares.append(open_files / limit)
        return Reading(at_s, cpu_s, threads, fds, switches, max(shares, default=None))

    def read_pss(self) -> int | None:
        """The trees' proportional set size in bytes; ``None`` where one of their processes does not tell."""
        parts = {process.pid: linux.pss_bytes(process.pid) for process in self._processes}
        known = [part for part in parts.values() if part is not None]
        return sum(known) if known and not any(parts[pid] is None and is_running(pid) for pid in parts) else None

    def thread_ids(self) -> set[int]:
        """The ids of all threads of the trees now; empty where the system does not tell."""
        return {thread for process in self._processes for thread in linux.thread_ids(process.pid)}


THREADS_PERIOD_S = 0.15
"""Between looks for new threads; the harness ticks every 0.2 s. A thread that serves one request lives for 0.6 s."""


@dataclass
class Meters:
    """One meter per role, by the processes at the root of each. Call :meth:`tick` often; it reads once a ``period_s``.

    Of the roles in ``closely`` new threads are looked for at every tick, and the memory is read when a window ends.
    """

    roots: Mapping[str, Sequence[int]]
    period_s: float = 1.0
    closely: Collection[str] = ()
    _meters: dict[str, TreeMeter] = field(default_factory=dict)
    _readings: dict[str, list[Reading]] = field(default_factory=dict)
    _pids: dict[str, list[int]] = field(default_factory=dict)
    _next_s: float = 0.0
    _first_threads: dict[str, set[int]] = field(default_factory=dict)
    _threads: dict[str, set[int]] = field(default_factory=dict)
    _next_threads_s: float = 0.0

    def begin(self) -> None:
        """Find all trees; start of a window."""
        self._meters = self._meters or {role: TreeMeter(roots) for role, roots in self.roots.items()}
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}
        self._first_threads = {role: self._meters[role].thread_ids() for role in self.closely}
        self._threads = {role: set(threads) for role, threads in self._first_threads.items()}
        self._readings = {role: [meter.read(with_switches=True)] for role, meter in self._meters.items()}
        self._next_s = time.monotonic() + self.period_s

    def tick(self) -> None:
        if not self._readings:
            return
        self._look_for_threads()
        if time.monotonic() < self._next_s:
            return
        self._next_s += self.period_s
        for role, meter in self._meters.items():
            meter.refresh()
            self._readings[role].append(meter.read())

    def _look_for_threads(self) -> None:
        if time.monotonic() >= self._next_threads_s:
            self._next_threads_s = time.monotonic() + THREADS_PERIOD_S
            self._note_threads()

    def _note_threads(self) -> None:
        for role, seen in self._threads.items():
            seen.update(self._meters[role].thread_ids())

    def end(self) -> dict[str, Use]:
        """What each role used since :meth:`begin`."""
        lasts = {role: meter.read(with_switches=True) for role, meter in self._meters.items()}
        self._note_threads()
        # Only now what takes long: all CPU time has been read.
        lasts |= {role: replace(lasts[role], pss_bytes=self._meters[role].read_pss()) for role in self.closely}
        uses = {role: between([*self._readings[role], last], self._started(role)) for role, last in lasts.items()}
        self._readings = {}
        return uses

    def _started(self, role: str) -> int | None:
        """Threads of a role that were seen since the beginning of the window; ``None`` where no thread is ever seen."""
        seen = self._threads.get(role)
        return len(seen - self._first_threads[role]) if seen else None

    def look(self) -> None:
        """Find all trees again, outside of a window: that takes time, which would be charged to it."""
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}

    def pids(self, role: str) -> list[int]:
        """The processes of a role when they were last looked for, by :meth:`begin` or :meth:`look`."""
        return self._pids[role]
