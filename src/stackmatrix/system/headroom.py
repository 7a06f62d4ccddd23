"""What this system still lets a run have: memory, processes and room on disks. What it does not tell is ``None``.

A control group's limit holds for all groups below it, so the closest of them counts: see "memory.max" and "pids.max" in
the kernel's Documentation/admin-guide/cgroup-v2.rst, and the files of version 1 that stand for them.
"""

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from stackmatrix.system import cgroup
from stackmatrix.system.linux import read


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that may be used at all, and how many of them are left. ``by_group`` where a control group says so."""

    total: int
    available: int
    by_group: bool = False


@dataclass(frozen=True, slots=True)
class Tasks:
    """How many more processes and threads may be started, and what sets that limit."""

    left: int
    limit: int
    set_by: str


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
    found = []
    for folder in {group.folder for group in _groups()}:
        limit, used = _number(folder, "pids.max"), _number(folder, "pids.current")
        if limit is not None and used is not None:
            found.append(Tasks(max(0, limit - used), limit, "this control group (pids.max)"))
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    # Linux does not hold root to it.
    if soft != resource.RLIM_INFINITY and not (psutil.LINUX and os.geteuid() == 0):
        found.append(Tasks(max(0, soft - own_tasks()), soft, "this shell (ulimit -u)"))
    return min(found, key=lambda one: one.left, default=None)


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


def _number(folder: Path, *files: str) -> int | None:
    """The number in the first of these files that there is; ``None`` for ``max``, which is no limit."""
    told = next((text for file in files if (text := read(str(folder / file))) is not None), "").strip()
    return int(told) if told.isdecimal() else None
