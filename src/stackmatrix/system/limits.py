"""Limits of the machine, the shell and a container that would stop a measurement in the middle, each as a sentence.

Every function that begins with ``why`` looks at one of them, and returns what is in the way with the remedy, or
``None``. Those of :func:`stopping` are looked at before anything is measured, since what they cause looks like a fault
of a server; with those of :func:`noted` a run goes on, and its blocks say so.
"""

import os
import resource
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import psutil

from stackmatrix.errors import MachineLimitError
from stackmatrix.matrix.cells import Subject
from stackmatrix.system import cgroup, headroom, linux, ports
from stackmatrix.system.cores import Layout, why_not_pinned, why_slower

TASKS_BESIDE, TASKS_A_TARGET = 25, 2
"""Processes and threads of the harness, the supervisor, the external API and the generator, and of any target."""
BYTES_BESIDE, BYTES_A_TARGET = 250_000_000, 40_000_000
"""The same of memory: the least that was seen, so that nothing is refused that would do."""
LEAST_CPU_S = 600
"""Of one process: the harness's own in a run of half an hour, or a target's whose every step is long."""
LEAST_FILE_BYTES = 64_000_000
"""Logs, databases of applications, and rows of requests while they are counted."""
LEAST_TEMPORARY_BYTES = 64_000_000
LEAST_STACK_BYTES = 1 << 20
"""Python needs some 0.5 kB of it for each call that is within another, and Django makes hundreds of them."""
LEAST_ADDRESS_BYTES = 2 << 30
"""What a hundred threads reserve on two cores: a stack of 8 MB each, and what their allocators set aside, mostly not
used. Where there are more cores it is more."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The least that a measurement takes at one moment: processes and threads, and bytes of memory."""

    tasks: int
    memory_bytes: int

    @classmethod
    def of(cls, subjects: Collection[Subject], together: int) -> "Needs":
        """Of these subjects, so many of one workload side by side, and one after the other under full load."""
        each = [one.stack.slots or 0 if one.stack.waits_with == "threads" else 0 for one in subjects]
        count = min(together, max(Counter(one.cell.workload for one in subjects).values(), default=1))
        workers = sum(sorted((one.stack.workers for one in subjects), reverse=True)[:count])
        return cls(
            tasks=TASKS_BESIDE + TASKS_A_TARGET * count + max(each, default=0),
            memory_bytes=BYTES_BESIDE + BYTES_A_TARGET * max(count, workers),
        )


def stopping(needs: Needs | None = None) -> Iterator[str]:
    """Every limit that would stop a measurement in the middle; those of tasks and memory where ``needs`` are known."""
    told = [cgroup.why_limited(), ports.why_no_loopback(), why_no_temporary_folder(), why_little_cpu_time()]
    told += [why_small_files(), why_small_stack(), why_little_address_space()]
    if needs is not None:
        told += [why_few_tasks(needs.tasks), why_little_memory(needs.memory_bytes)]
    yield from filter(None, told)


def need_room(needs: Needs | None = None) -> None:
    """Make sure that no limit would stop what is measured in the middle.

    Raises:
        MachineLimitError: with the first that would.

    """
    if why := next(stopping(needs), None):
        raise MachineLimitError(why)


def noted(layout: Layout) -> Iterator[str]:
    """What limits how good a measurement can be, with which a run goes on."""
    told = (why_not_pinned(layout), why_slower(layout), why_cores_unknown(layout), ports.why_short_backlog())
    yield from filter(None, told)


def why_no_temporary_folder() -> str | None:
    """Logs, control sockets and databases of a run are in a temporary folder."""
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"There is no temporary folder to write to ({error.strerror}): set TMPDIR to one that can be written."
    if free < LEAST_TEMPORARY_BYTES:
        return f"The temporary folder {folder} has {_megabytes(free)} left: make room, or set TMPDIR to another."
    return None


def why_little_cpu_time() -> str | None:
    """A shell or a batch system may end a process that has used its time."""
    allowed = headroom.raised(resource.RLIMIT_CPU)
    if allowed is None or allowed >= LEAST_CPU_S:
        return None
    return (
        f"A process may use {allowed} s of CPU time here and is then ended, and a run may need {LEAST_CPU_S} s: "
        "raise the limit (ulimit -t unlimited)."
    )


def why_small_files() -> str | None:
    """What writes to a larger file than is allowed is ended."""
    allowed = headroom.raised(resource.RLIMIT_FSIZE)
    if allowed is None or allowed >= LEAST_FILE_BYTES:
        return None
    return f"A file may have {_megabytes(allowed)} here, and logs grow: raise the limit (ulimit -f unlimited)."


def why_small_stack() -> str | None:
    """What has used up its stack is ended, as a server that crashes is; threads have the same as processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if soft == resource.RLIM_INFINITY or soft >= LEAST_STACK_BYTES:
        return None
    return (
        f"A thread has a stack of {soft // 1024} kB here, which Django's calls use up: raise the limit (ulimit -s "
        f"{8192 if hard == resource.RLIM_INFINITY else min(8192, hard // 1024)})."
    )


def why_little_address_space() -> str | None:
    """Threads reserve far more than they use, and are refused where that is limited."""
    for limit, option in ((resource.RLIMIT_AS, "-v"), (resource.RLIMIT_DATA, "-d")):
        allowed = headroom.raised(limit)
        if allowed is not None and allowed < LEAST_ADDRESS_BYTES:
            return (
                f"A process may reserve {_megabytes(allowed)} of memory here, and a hundred threads reserve up to "
                f"{_megabytes(LEAST_ADDRESS_BYTES)}: raise the limit (ulimit {option} unlimited)."
            )
    return None


def why_few_tasks(needed: int) -> str | None:
    """Processes and threads are counted together, by control group and by user."""
    allowed = headroom.tasks()
    if allowed is None or allowed.left >= needed:
        return None
    whose, option = ("control group", "docker: --pids-limit, systemd: TasksMax") if allowed.by_group else USER
    return (
        f"This {whose} may start {allowed.left} more processes and threads, and what is measured needs {needed}: "
        f"raise its limit ({option}), or choose stacks with fewer threads."
    )


USER = ("user", "ulimit -u")


def why_little_memory(needed_bytes: int) -> str | None:
    """What takes more memory than there is makes the kernel end a process, which need not be the one that took it."""
    there, free = headroom.memory(), psutil.virtual_memory().available
    # Of a group the limit counts, and not what is left: files that are kept in memory use it up, and are given up.
    if there.by_group and there.total < needed_bytes:
        return (
            f"This control group may have {_megabytes(there.total)} of memory, and what is measured needs "
            f"{_megabytes(needed_bytes)}: raise its limit (docker: --memory), or choose fewer cells."
        )
    if free >= needed_bytes:
        return None
    return (
        f"There are {_megabytes(free)} of memory free, and what is measured needs {_megabytes(needed_bytes)}: "
        "end other programs, or choose fewer cells."
    )


def read_events() -> cgroup.Events:
    """What this process's control groups have done until now: to compare with, for :func:`what_stopped_us`."""
    return cgroup.read_events(cgroup.groups_of([os.getpid()]))


def what_stopped_us(before: cgroup.Events) -> str | None:
    """One sentence where a control group has ended or refused a process since: it looks like a fault of what it hit."""
    after = read_events()
    refused = (after.forks_refused or 0) - (before.forks_refused or 0)
    if refused > 0:
        return (
            f"A control group refused {refused} processes or threads meanwhile: raise its limit (docker: --pids-limit, "
            "systemd: TasksMax)."
        )
    killed = (after.oom_kills or 0) - (before.oom_kills or 0)
    if killed > 0:
        return (
            f"A control group ended {killed} processes for their memory meanwhile: raise its limit (docker: --memory)."
        )
    return None


def why_cores_unknown(layout: Layout) -> str | None:
    """Inside a container, what tells how busy cores are may number them in another way than what pins processes."""
    if sys.platform != "linux" or not layout.target or {*layout.used} <= {*(linux.core_times() or {})}:
        return None
    return (
        "How busy each core is cannot be known here: /proc/stat does not have the cores by the numbers by which "
        "processes are pinned, as in a container with lxcfs. What others did on them is not checked."
    )


def why_no_shared_memory() -> str | None:
    """Servers of several processes, and PostgreSQL, may have semaphores and memory in ``/dev/shm``."""
    if sys.platform != "linux" or os.access(SHARED, os.W_OK):
        return None
    return f"{SHARED} cannot be written, where servers of several processes and PostgreSQL keep what they share."


SHARED = "/dev/shm"  # noqa: S108 - looked at, not written to


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
