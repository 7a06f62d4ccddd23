"""CPU time of the processes that are not part of the benchmark, between two looks at all processes."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import psutil

from stackmatrix.system.linux import TICKS_PER_S, read

LAST_FIELD = 19
"""Of those that are read, the place behind the name: when it began."""
SOFTIRQ = "ksoftirqd/"
"""The kernel's threads that pass on packets for whoever sends them, and under load that is us."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one process has used since it began: CPU seconds of its own, and of its children that it has reaped."""

    name: str
    parent_pid: int
    own_s: float
    reaped_s: float
    reaps_ours: bool = False


type Snapshot = Mapping[tuple[int, float], Account]  # by id and beginning, since an id is given again


@dataclass(frozen=True, slots=True)
class Foreign:
    """A process that is not ours, and the CPU seconds that it used between two snapshots."""

    pid: int
    name: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class ForeignUse:
    """CPU seconds of all processes that are not ours, and the one that used most; ``None`` when none used any."""

    total_s: float
    busiest: Foreign | None


def snapshot(ours: Collection[int]) -> Snapshot:
    """The accounts of all processes whose ids are not ``ours``, the kernel's threads among them.

    A short-lived child counts when its parent reaps it; but this process and its ancestors (a shell, nox) reap what
    is ours. macOS shows neither the time of reaped children nor the processes of other users.
    """
    accounts = _accounts_of_proc() if psutil.LINUX else _accounts_of_psutil()
    reap_ours = {os.getpid(), *_ancestors(os.getpid(), accounts)}
    for key in [key for key in accounts if key[0] in reap_ours]:
        accounts[key] = replace(accounts[key], reaps_ours=True)
    return {key: one for key, one in accounts.items() if key[0] not in ours and not one.name.startswith(SOFTIRQ)}


def foreign_use(before: Snapshot, after: Snapshot) -> ForeignUse:
    """What was used between two snapshots; a process that began in between counts wholly."""
    # Who reaps a process is charged with its whole life, of which a part was before the first snapshot.
    still_there = {pid for pid, _ in before.keys() & after.keys()}
    known_s: dict[int, float] = defaultdict(float)
    for pid, began in before.keys() - after.keys():
        reaper = next((one for one in _ancestors(pid, before) if one in still_there), 0)
        known_s[reaper] += before[pid, began].own_s + before[pid, began].reaped_s
    uses = []
    for (pid, began), now in after.items():
        then = before.get((pid, began), Account(now.name, now.parent_pid, 0.0, 0.0))
        reaped_s = max(0.0, now.reaped_s - then.reaped_s - known_s[pid])
        uses.append(Foreign(pid, now.name, now.own_s - then.own_s + (0.0 if now.reaps_ours else reaped_s)))
    busiest = max((use for use in uses if use.cpu_s > 0), key=lambda use: use.cpu_s, default=None)
    return ForeignUse(sum(use.cpu_s for use in uses), busiest)


def _ancestors(pid: int, accounts: Snapshot) -> Iterator[int]:
    """The ids of a process's parent, that one's parent, and so on; it ends even if ids were given again meanwhile."""
    left = {one: account.parent_pid for (one, _), account in accounts.items()}
    while pid := left.pop(pid, 0):
        yield pid


def _accounts_of_proc() -> dict[tuple[int, float], Account]:
    """All processes, from ``/proc/<pid>/stat``: see proc_pid_stat(5), whose third field is the first after the name."""
    accounts = {}
    for pid in psutil.pids():
        head, _, tail = (read(f"/proc/{pid}/stat") or "").rpartition(")")
        fields = tail.split()
        # A process that has just ended has none.
        if len(fields) > LAST_FIELD and all(map(str.isdecimal, (fields[1], *fields[11:15], fields[LAST_FIELD]))):
            own_s, reaped_s = (sum(map(int, pair)) / TICKS_PER_S for pair in (fields[11:13], fields[13:15]))
            began_s, name = int(fields[LAST_FIELD]) / TICKS_PER_S, head.partition("(")[2]
            accounts[pid, began_s] = Account(name, int(fields[1]), own_s, reaped_s)
    return accounts


def _accounts_of_psutil() -> dict[tuple[int, float], Account]:
    """All processes that the system shows."""
    accounts = {}
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                own_s, reaped_s = times.user + times.system, times.children_user + times.children_system
                accounts[pid, process.create_time()] = Account(process.name(), process.ppid(), own_s, reaped_s)
        except psutil.Error:
            continue
    return accounts
