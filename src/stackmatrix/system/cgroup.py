"""What the control groups of processes allow, and what they did to them: containers and services run under quotas.

A group's CPU quota holds for all groups below it, so each process is looked at from its own group up to the root. Both
versions of the interface are read, in whatever place they are mounted: see cgroups(7), and "cpu.stat", "memory.events"
and "pids.events" in the kernel's Documentation/admin-guide/cgroup-v2.rst. What a system does not give is ``None``.
"""

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stackmatrix.system.cores import divide_cores
from stackmatrix.system.linux import read

CONTROLLERS = ("cpu", "memory", "pids")
NO_LIMIT = 1 << 60
"""Bytes: what version 1 says where there is no limit is near to 2**63."""
PIDS_LOCAL = "pids.events.local"


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of some process, by its folder; ``is_own`` where the process itself is in it, not below it."""

    folder: Path
    is_own: bool


@dataclass(frozen=True, slots=True)
class Events:
    """Totals of some groups since each was made.

    ``throttled`` are periods in which a quota was used up, ``oom_kills`` processes that were killed for their memory,
    and ``forks_refused`` processes and threads that were one too many.
    """

    throttled: int | None
    oom_kills: int | None
    forks_refused: int | None


def groups_of(pids: Iterable[int]) -> frozenset[Group]:
    """The control groups of processes, from each one's own up to the roots; empty elsewhere than on Linux."""
    mounts = _mounts()
    return frozenset(group for pid in pids for group in _groups_of(pid, mounts))


def read_events(groups: Collection[Group]) -> Events:
    """What happened in these groups. Kills are counted where they happen, quotas and limits also above."""
    # Of a group above, only its own limit on processes counts: others below it have theirs. Older kernels do not tell.
    local = [one for one in groups if (one.folder / PIDS_LOCAL).exists()]
    rest = [one for one in groups if one not in local]
    refused = (_total(local, PIDS_LOCAL, "max", above=True), _total(rest, "pids.events", "max"))
    kills = (_total(groups, file, "oom_kill") for file in ("memory.events.local", "memory.oom_control"))
    return Events(
        throttled=_total(groups, "cpu.stat", "nr_throttled", above=True),
        oom_kills=_add(*kills),
        forks_refused=_add(*refused),
    )


def quota_cores(groups: Collection[Group]) -> float | None:
    """How many cores the smallest CPU quota of these groups grants; ``None`` where there is none."""
    quotas = [quota for group in groups if (quota := _quota(group.folder)) is not None]
    return min(quotas, default=None)


def tasks(groups: Collection[Group]) -> list[tuple[int, int]]:
    """How many more processes and threads may be started, and the limit, of every group that has one."""
    folders = {one.folder for one in groups}
    pairs = [[_number(folder / f"pids.{file}") for file in ("max", "current")] for folder in folders]
    return [(max(0, most - now), most) for most, now in pairs if most is not None and now is not None]


def _number(file: Path) -> int | None:
    """The number in a group's file; ``None`` where there is none, as "max" for no limit is."""
    found = re.fullmatch(r"\s*(\d{1,19})\s*", read(str(file)) or "", re.ASCII)
    return int(found[1]) if found else None


def _count(file: Path, name: str) -> int | None:
    """The number behind a name, in a group's file with one of each on a line; ``None`` where there is none."""
    found = re.search(rf"^{name} (\d{{1,19}})$", read(str(file)) or "", re.MULTILINE | re.ASCII)
    return int(found[1]) if found else None


def memory_left(groups: Collection[Group]) -> tuple[int, int] | None:
    """Bytes that are left of the group's limit that is nearest to it, and that limit; ``None`` where there is none.

    What is kept of files that nobody reads any more is given up for others, and counts as left.
    """
    return min(memories(groups), key=lambda one: one[0] / one[1], default=None)


def memories(groups: Collection[Group]) -> list[tuple[int, int]]:
    """The same of every group that has a limit."""
    return [found for folder in {one.folder for one in groups} if (found := _memory_left(folder)) is not None]


def _memory_left(folder: Path) -> tuple[int, int] | None:
    """Version 2 has "max" for no limit, version 1 a number that no machine has."""
    for limit, usage, idle in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, used = _number(folder / limit), _number(folder / usage)
        if most is None or used is None or most >= NO_LIMIT:
            continue
        return most - used + (_count(folder / "memory.stat", idle) or 0), most
    return None


def why_limited(cores: int | None = None) -> str | None:
    """One sentence where this process's CPU quota is below the cores that a measurement uses; else ``None``.

    ``cores`` is their number; by default how many the roles keep busy at once here. Of those that only targets of
    several processes would have, none is among them: where these use up a quota, their blocks have a finding.
    """
    cores = _cores_at_once() if cores is None else cores
    quota = quota_cores(groups_of([os.getpid()]))
    if quota is None or quota >= cores:
        return None
    return (
        f"This control group may use {quota:g} of the {cores} cores that a measurement uses: it would be stopped in "
        "the middle of requests. Raise its CPU quota (docker: --cpus), or run where there is none."
    )


def _cores_at_once() -> int:
    """How many cores are busy at once at most: those of the target, the generator and the API, and one for the rest."""
    layout = divide_cores()
    roles = {*layout.target, *layout.generator, *layout.api, *layout.shared}
    if not roles:  # nothing is pinned, and each role may be anywhere
        return min(ROLES, os.cpu_count() or 1)
    return len(roles) + bool({*layout.harness} - roles)


ROLES = 4


def _mounts() -> dict[str, tuple[PurePosixPath, Path]]:
    """The root and the place of each hierarchy's mount by controller, that of version 2 by the empty name.

    From ``/proc/self/mountinfo``, proc_pid_mountinfo(5): the fourth field is the root, the fifth the mount point.
    """
    found: dict[str, tuple[PurePosixPath, Path]] = {}
    for line in (read("/proc/self/mountinfo") or "").splitlines():
        fields, _, tail = line.partition(" - ")
        if tail.count(" ") < 2 or fields.count(" ") < 4:
            continue
        kind, _, options = tail.split(" ", 2)
        root, place = fields.split(" ")[3:5]
        names = {"cgroup2": [""], "cgroup": options.split(",")}.get(kind, [])
        found |= {name: (PurePosixPath(root), Path(place)) for name in names if name in ("", *CONTROLLERS)}
    return found


def _groups_of(pid: int | str, mounts: dict[str, tuple[PurePosixPath, Path]]) -> Iterable[Group]:
    """From ``/proc/<pid>/cgroup``, whose lines are ``number:controllers:path``, without controllers for version 2."""
    for line in (read(f"/proc/{pid}/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for name in controllers.split(","):
            if name not in mounts:
                continue
            root, place = mounts[name]
            inner = PurePosixPath(path)
            # Inside a container, the mount begins at the container's own group.
            below = inner.relative_to(root) if inner.is_relative_to(root) else PurePosixPath()
            own = place / below
            yield Group(own, is_own=True)
            yield from (Group(place.joinpath(*below.parts[:depth]), is_own=False) for depth in range(len(below.parts)))


def _total(groups: Collection[Group], file: str, name: str, *, above: bool = False) -> int | None:
    """The sum of a count over the groups' files of this name; ``None`` where no group has one."""
    told = (_count(folder / file, name) for folder in {one.folder for one in groups if one.is_own or above})
    counts = [count for count in told if count is not None]
    return sum(counts) if counts else None


def _add(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _quota(folder: Path) -> float | None:
    """In cores. Version 2 has microseconds in a period in one file, or "max"; version 1 has two files, or -1 in one."""
    names = ("quota", "period")
    told = read(str(folder / "cpu.max")) or " ".join(read(str(folder / f"cpu.cfs_{name}_us")) or "" for name in names)
    found = re.match(r"(\d{1,19})\s+0*([1-9]\d{0,18})\b", told, re.ASCII)
    return int(found[1]) / int(found[2]) if found else None
