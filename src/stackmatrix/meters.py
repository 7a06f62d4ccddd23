"""Reads what process trees use: CPU at the ends of a window, and peaks in between.

The trees are found once, after the target has answered, and looked through again once a second: finding the children of
a process means reading every process of the machine, which the generator's core should not pay for more often.
"""

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stackmatrix.processes import tree
from stackmatrix.usage import Reading, Use, between


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
    """Reads one process and all that descend from it."""

    def __init__(self, root_pid: int) -> None:
        self._root_pid = root_pid
        self._processes: list[psutil.Process] = []

    def refresh(self) -> list[int]:
        """Find the tree's processes again; returns their ids."""
        self._processes = tree(self._root_pid)
        return [process.pid for process in self._processes]

    def read(self, *, with_switches: bool = False) -> Reading:
        """The tree's totals now. A process that has ended counts for nothing; a check notices that it is gone."""
        cpu_s, rss, threads, fds = 0.0, 0, 0, 0
        switches: dict[int, int] = {}
        at_s = time.monotonic()
        for process in self._processes:
            try:
                cpu_s += cpu_seconds(process)
                with process.oneshot():
                    rss += process.memory_info().rss
                    threads += process.num_threads()
                    fds += process.num_fds()
                if with_switches:
                    switches |= thread_switches(process.pid)
            except psutil.NoSuchProcess:
                continue
        return Reading(at_s, cpu_s, rss, threads, fds, switches)


@dataclass
class Meters:
    """One meter per role. Call :meth:`tick` often; it reads when a second has passed."""

    roots: Mapping[str, int]
    period_s: float = 1.0
    _meters: dict[str, TreeMeter] = field(default_factory=dict)
    _readings: dict[str, list[Reading]] = field(default_factory=dict)
    _pids: dict[str, list[int]] = field(default_factory=dict)
    _next_s: float = 0.0

    def begin(self) -> None:
        """Find all trees; start of a window."""
        self._meters = self._meters or {role: TreeMeter(pid) for role, pid in self.roots.items()}
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}
        self._readings = {role: [meter.read(with_switches=True)] for role, meter in self._meters.items()}
        self._next_s = time.monotonic() + self.period_s

    def tick(self) -> None:
        """Read for the peaks, if it is time."""
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
        # After the last reading: finding the trees takes time, which would be charged to the window.
        self._pids = {role: meter.refresh() for role, meter in self._meters.items()}
        return uses

    def pids(self, role: str) -> list[int]:
        """The processes of a role at the last end of a window: its beginning, until it has ended."""
        return self._pids[role]
