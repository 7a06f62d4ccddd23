"""What ends a target in the middle: it is gone, or takes so much of the machine that something else would be ended.

Each target has bounds on its log, its processes and its memory. They are looked at once a second, by a few numbers that
the system keeps anyway; only where one of those has moved much are the processes of targets looked through.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import psutil

from stackmatrix.errors import DisturbedError, TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.system import cgroup, linux, processes
from stackmatrix.testbed.supervisor import API, Supervisor

PERIOD_S = 1.0
MOST_LOG_BYTES = 200_000_000
"""A server that fails at every request writes some kilobytes a request: some ten megabytes in a long ladder."""
MOST_PROCESSES = 300
"""Of one target. Stacks have a handful, and threads for the rest."""
MANY_TASKS = 400
"""Processes and threads that are new on this machine, from which on those of targets are counted."""
LEAST_LEFT_SHARE = 0.05
"""Of the memory that there is; below it, the system begins to end processes of its own choice."""
LARGE_SHARE = 0.25
"""Of the memory: what has less is not what has used it up."""


class SubjectError(TrialError):
    """One of several subjects does not come up or is not what it should be: the others can be started without it.

    ``may_come_up`` another time, where nothing says that the reason is its own: it was up, or has ended without a word.
    """

    def __init__(self, subject: Subject, reason: str, log: str = "", *, may_come_up: bool = False) -> None:
        super().__init__(reason)
        self.subject, self.log, self.may_come_up = subject, log, may_come_up


@dataclass
class Watch:
    """Watches the targets of a testbed, and its external API."""

    circus: Supervisor
    subjects: Collection[Subject]
    clock_s: Callable[[], float] = time.monotonic
    _next_s: float = float("-inf")
    _tasks: int | None = None
    _groups: frozenset[cgroup.Group] | None = None

    def look(self, *, discarded: bool) -> None:
        """Look under load; targets that are ``discarded`` may be gone.

        Raises:
            SubjectError: when a target has ended, or is out of bounds, and is therefore killed.
            DisturbedError: when the external API has ended, or circusd.

        """
        # First of these: when circusd ends, so do all targets.
        if (why := self.why_nobodys_fault()) is not None:
            raise DisturbedError(f"Under load, {why}.")
        for subject in () if discarded else self.subjects:
            if (why := self.circus.why_gone(subject.name)) and self.why_nobodys_fault() is None:
                raise SubjectError(subject, f"Under load, {why}.", may_come_up=True)
        if found := self._out_of_bounds():
            raise SubjectError(found[0], f"Under load, {found[1]}.")

    def why_nobodys_fault(self) -> str | None:
        """What has ended that is no target, as the beginning of a sentence."""
        if not processes.is_running(self.circus.pids[0]):
            return "circusd, which supervises the servers, ended by itself"
        return self.circus.why_gone(API)

    def why(self, subject: Subject) -> str | None:
        """Why a target that is starting is out of bounds, and was killed; ``None`` while none is.

        Raises:
            SubjectError: when it is another target.

        """
        found = self._out_of_bounds()
        if found and found[0] != subject:
            raise SubjectError(*found)
        return found[1] if found else None

    def _out_of_bounds(self) -> tuple[Subject, str] | None:
        now_s = self.clock_s()
        if now_s < self._next_s:
            return None
        self._next_s = now_s + PERIOD_S
        found = self._long_log() or self._many_processes() or self._little_memory()
        if found:
            self.circus.kill(found[0].name)
        return found

    def _long_log(self) -> tuple[Subject, str] | None:
        for subject in self.subjects:
            log = self.circus.folder / f"{subject.name}.log"
            if log.exists() and (written := log.stat().st_size) > MOST_LOG_BYTES:
                return subject, f"the log of {subject.name!r} reached {written / 1e6:.0f} MB, and it was ended"
        return None

    def _many_processes(self) -> tuple[Subject, str] | None:
        tasks = linux.tasks()
        if tasks is None:
            return None
        if self._tasks is None:
            self._tasks = tasks
        if tasks - self._tasks < MANY_TASKS:
            return None
        self._tasks = tasks
        for subject in self.subjects:
            count = len(processes.tree(self.circus.pid(subject.name)))
            if count > MOST_PROCESSES:
                return subject, f"{subject.name!r} had started {count} processes, and it was ended"
        return None

    def _little_memory(self) -> tuple[Subject, str] | None:
        if self._groups is None:
            self._groups = cgroup.groups_of([self.circus.pids[0]])
        machine = psutil.virtual_memory()
        left, most, whose = machine.available, machine.total, "this machine"
        in_group = cgroup.memory_left(self._groups)
        if in_group is not None and in_group[0] / in_group[1] < left / most:
            (left, most), whose = in_group, "its control group"
        if left >= LEAST_LEFT_SHARE * most:
            return None
        held = {subject.name: _resident(self.circus.pid(subject.name)) for subject in self.subjects}
        largest = max(self.subjects, key=lambda one: held[one.name], default=None)
        if largest is None or held[largest.name] < LARGE_SHARE * most:
            return None
        return largest, (
            f"{largest.name!r} held {held[largest.name] / 1e9:.1f} of the {most / 1e9:.1f} GB of memory that {whose} "
            f"has, of which {left / 1e9:.1f} were left, and it was ended before anything else was"
        )


def _resident(pid: int) -> int:
    return sum(_each_resident(processes.tree(pid)))


def _each_resident(every: Iterable[psutil.Process]) -> Iterable[int]:
    for process in every:
        try:
            yield int(process.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
