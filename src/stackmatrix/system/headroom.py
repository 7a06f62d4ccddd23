"""What this system still lets a run have: memory, processes and room on disks. What it does not tell is ``None``.

A control group's limit holds for all groups below it, so the closest of them counts: see "memory.max" and "pids.max" in
the kernel's Documentation/admin-guide/cgroup-v2.rst, and the files of version 1 that stand for them.
"""

import contextlib
import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from stackmatrix.system import cgroup


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that may be used at all, and how many of them are left. ``by_group`` where a control group says so."""

    total: int
    available: int
    by_group: bool = False


@dataclass(frozen=True, slots=True)
class Tasks:
    """How many more processes and threads may be started. ``by_group`` where a control group limits them most."""

    left: int
    limit: int
    by_group: bool


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes that are free where ``path`` is or would be, and the file system's number."""

    path: Path
    free: int
    device: int


def memory() -> Memory:
    """The machine's memory, or less where a control group of this process allows less."""
    whole = psutil.virtual_memory()
    in_groups = (Memory(limit, left, by_group=True) for left, limit in cgroup.memories(_groups()))
    every = [Memory(whole.total, whole.available), *in_groups]
    return Memory(
        total=min(one.total for one in every),
        available=max(0, min(one.available for one in every)),
        by_group=min(every, key=lambda one: one.available).by_group,
    )


def tasks() -> Tasks | None:
    """The limit on processes and threads that leaves the fewest; ``None`` where there is none."""
    found = [Tasks(left, limit, by_group=True) for left, limit in cgroup.tasks(_groups())]
    # Linux does not hold root to the limit of a shell.
    is_held = not (psutil.LINUX and os.geteuid() == 0)
    if is_held and (allowed := raised(resource.RLIMIT_NPROC)) is not None:
        found.append(Tasks(max(0, allowed - own_tasks()), allowed, by_group=False))
    return min(found, key=lambda one: one.left, default=None)


def raised(limit: int) -> int | None:
    """What a limit of this shell allows once it was raised as far as it goes; ``None`` where there is none."""
    _, hard = resource.getrlimit(limit)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(limit, (hard, hard))
    soft, _ = resource.getrlimit(limit)
    return None if soft == resource.RLIM_INFINITY else soft


def own_tasks() -> int:
    """How many processes this user has; on Linux their threads, which the limit counts there."""
    user, count = os.getuid(), 0
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                if process.uids().real == user:
                    count += process.num_threads() if psutil.LINUX else 1
        except psutil.Error:  # it has ended, or is not shown
            continue
    return count


def disk(path: Path) -> Disk | None:
    """The room where a file or folder is or would be; ``None`` where the system does not tell."""
    there = existing(path)
    try:
        return Disk(path, shutil.disk_usage(there).free, there.stat().st_dev)
    except OSError:
        return None


def existing(path: Path) -> Path:
    """The folder itself, or the closest one above it that is there."""
    path = path.absolute()
    return next((one for one in (path, *path.parents) if one.exists()), Path(path.anchor))


def _groups() -> frozenset[cgroup.Group]:
    """Control groups of this process; none elsewhere than on Linux."""
    return cgroup.groups_of([os.getpid()])
