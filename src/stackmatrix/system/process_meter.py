"""Reads what process trees use, and the machine around them: totals at the ends of a window, and peaks in between.

The trees are found once, after the target has answered, and looked through again once a second: finding the children of
a process means reading every process of the machine, which the generator's core should not pay for more often.
"""

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stackmatrix.analysis.level.usage import (
    Reading,
    Use,
    between,
)
from stackmatrix.system import linux
from stackmatrix.system.processes import tree


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of all threads of a process, in seconds.

    On Linux from the process's own CPU clock, which counts in nanoseconds, where ``/proc`` counts in hundredths of a
    second; elsewhere from psutil. See clock_getcpuclockid(3): the clock's id is the complement of the process's.
    """
    if psutil.LINUX:
        try:
            return time.clock_gettime((~process.pid << 3) | 2)
        except OSError as error:
            raise psutil.NoSuchProcess(process.pid) from error
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
        cpu_s, rss, threads, fds = 0.0, 0, 0, 0
        switches: dict[int, int] = {}
        shares: list[float] = []
        at_s = time.monotonic()
        for process in self._processes:
            try:
                cpu_s += cpu_seconds(process)
                with process.oneshot():
                    rss += process.memory_info().rss
                    threads += process.num_threads()
                    open_files = process.num_fds()
                if with_switches:
                    switches |= thread_switches(process.pid)
            except psutil.NoSuchProcess:
                continue
            fds += open_files
            if limit := self._limits[process.pid]:
                shares.append(open_files / limit)
        return Reading(at_s, cpu_s, rss, threads, fds, switches, max(shares, default=None))


@dataclass
class Meters:
    """One meter per role, by the processes at the root of each. Call :meth:`tick` often; it reads once a second."""

    roots: Mapping[str, Sequence[int]]
    period_s: float = 1.0
    _meters: dict[str, TreeMeter] = field(default_factory=dict)
    _readings: dict[str, list[Reading]] = field(default_factory=dict)
    _pids: dict[str, list[int]] = field(default_factory=dict)
    _next_s: float = 0.0

    def begin(self) -> None:
        """Find all trees; start of a window."""
        self._meters = self._meters or {role: TreeMeter(roots) for role, roots in self.roots.items()}
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}
        self._readings = {role: [meter.read(with_switches=True)] for role, meter in self._meters.items()}
        self._next_s = time.monotonic() + self.period_s

    def tick(self) -> None:
        if not self._readings or time.monotonic() < self._next_s:
            return
        self._next_s += self.period_s
        for role, meter in self._meters.items():
            meter.refresh()
            self._readings[role].append(meter.read())

    def end(self) -> dict[str, Use]:
        """What each role used since :meth:`begin`."""
        uses = {}
        for role, meter in self._meters.items():
            last = meter.read(with_switches=True)
            uses[role] = between([*self._readings[role], last])
        self._readings = {}
        return uses

    def look(self) -> None:
        """Find all trees again, outside of a window: that takes time, which would be charged to it."""
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}

    def pids(self, role: str) -> list[int]:
        """The processes of a role when they were last looked for, by :meth:`begin` or :meth:`look`."""
        return self._pids[role]
