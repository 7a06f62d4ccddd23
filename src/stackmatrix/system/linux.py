"""Reads what the machine around a measurement did: its cores, its sockets, and the processes that are not ours.

Linux is read from ``/proc`` and from the kernel's socket diagnosis directly, since the generator's core may have to pay
for it once a second. What a system does not give is ``None``, never a guess.
"""

import os
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

TICKS_PER_S = os.sysconf("SC_CLK_TCK")  # the unit of every CPU time in /proc

SOFTIRQ = "ksoftirqd/"
"""The kernel's threads that pass on packets for whoever sends them, and under load that is us."""


@dataclass(frozen=True, slots=True)
class CoreTimes:
    """Seconds since boot that a core worked, and that the hypervisor gave to others while it had work."""

    busy_s: float
    steal_s: float


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


def core_times() -> dict[int, CoreTimes] | None:
    """Times of each core that is online, to hundredths of a second; ``None`` elsewhere than on Linux.

    From ``/proc/stat``, see proc_stat(5): user (guests included), nice, system, irq and softirq are busy.
    """
    cores = {}
    for core, columns in re.findall(r"^cpu(\d+) (.+)$", _read("/proc/stat") or "", re.MULTILINE):
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, columns.split()[:8])
        cores[int(core)] = CoreTimes((user + nice + system + irq + softirq) / TICKS_PER_S, steal / TICKS_PER_S)
    return cores or None


# Socket diagnosis: netlink(7), sock_diag(7), and rtnetlink(7) for the attributes; numbers from linux/inet_diag.h.
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP, TCP_LISTEN = 0x1, 0x300, 10
INET_DIAG_SKMEMINFO, SK_MEMINFO_DROPS = 7, 8
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence number, port
REQUEST = struct.Struct("=BBBxIH46x")  # inet_diag_req_v2: family, protocol, extensions, states, local port; any address
ANSWER = struct.Struct("=8x4s60x")  # inet_diag_msg, of which the local address
ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
ANSWER_BYTES = 65_536  # twice what the kernel sends at once


def listen_overflows() -> int | None:
    """How often a listening socket of this machine refused a connection since boot; ``None`` elsewhere than on Linux.

    ``ListenDrops`` of ``/proc/net/netstat``, which counts full queues and nothing that is part of ``TCP_DEFER_ACCEPT``.
    """
    names, _, values = (_read("/proc/net/netstat") or "").removeprefix("TcpExt: ").partition("\nTcpExt: ")
    counts = dict(zip(names.split(), values.split("\n", 1)[0].split(), strict=False))
    return int(counts["ListenDrops"]) if "ListenDrops" in counts else None


def listen_drops(port: int) -> int | None:
    """How many packets the listeners on a port of 127.0.0.1 have dropped since they exist: an upper bound of overflows.

    A client that is not heard asks again, first after a second, and each time counts. So does, where a server asks for
    ``TCP_DEFER_ACCEPT`` as uWSGI does, the end of each handshake: compare with :func:`listen_overflows`. Listeners that
    share the port (``SO_REUSEPORT``) are added up. ``None`` where there is none or the system does not tell.
    From the sockets' own ``sk_drops``, which ``ss -lm`` shows as ``d``.
    """
    if not psutil.LINUX:
        return None
    served = {socket.inet_aton("127.0.0.1"), socket.inet_aton("0.0.0.0")}  # noqa: S104 - looked for, not bound
    try:
        drops = [drops for address, drops in _listeners(port) if address in served]
    except (OSError, struct.error):  # not allowed, or a kernel that does not count them
        return None
    return sum(drops) if drops else None


def _listeners(port: int) -> Iterator[tuple[bytes, int]]:
    """Address and drops of each IPv4 socket that listens on a port."""
    request = REQUEST.pack(
        socket.AF_INET, socket.IPPROTO_TCP, 1 << (INET_DIAG_SKMEMINFO - 1), 1 << TCP_LISTEN, socket.htons(port)
    )
    head = HEADER.pack(HEADER.size + REQUEST.size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(head + request)
        while True:
            for kind, message in _split(kernel.recv(ANSWER_BYTES), HEADER):
                if kind != SOCK_DIAG_BY_FAMILY:  # the end, or an error
                    return
                (address,) = ANSWER.unpack_from(message)
                for name, value in _split(message[ANSWER.size :], ATTRIBUTE):
                    if name == INET_DIAG_SKMEMINFO:
                        yield address, struct.unpack_from("=I", value, 4 * SK_MEMINFO_DROPS)[0]


def _split(data: bytes, head: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Type and content of each part: a part begins with its length and type, and the next is aligned to four bytes."""
    while data:
        length, kind = head.unpack_from(data)[:2]
        yield kind, data[head.size : length]
        data = data[(length + 3) & ~3 :]


def used_ports() -> tuple[int, int] | None:
    """TCP sockets in use or in TIME_WAIT, and the size of the ephemeral range; ``None`` elsewhere than on Linux.

    An upper bound of the ports that are taken: connections that a server accepted share the port of its listener.
    From ``/proc/net/sockstat``, whose TIME_WAIT is of IPv6 too, and ip(7).
    """
    text = (_read("/proc/net/sockstat") or "") + (_read("/proc/net/sockstat6") or "")  # the latter only with IPv6
    counts = re.findall(r"^TCP6?: .*", text, re.MULTILINE)
    limits = _read("/proc/sys/net/ipv4/ip_local_port_range")
    if not counts or limits is None:
        return None
    first, last = map(int, limits.split())
    return sum(map(int, re.findall(r"\b(?:inuse|tw) (\d+)", " ".join(counts)))), last - first + 1


def open_files_limit(pid: int) -> int | None:
    """How many files a process may hold open, its soft limit; ``None`` if it is gone or elsewhere than on Linux.

    From ``/proc/<pid>/limits``, which is readable for processes of other users too.
    """
    found = re.search(r"^Max open files +(\d+)", _read(f"/proc/{pid}/limits") or "", re.MULTILINE)
    return int(found[1]) if found else None


def snapshot(ours: Collection[int]) -> Snapshot:
    """The accounts of all processes whose ids are not ``ours``, the kernel's threads among them.

    A short-lived child counts when its parent reaps it; but this process and its ancestors (a shell, nox) reap what
    is ours. macOS tells neither the time of reaped children nor anything of other users' processes.
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
        head, _, tail = (_read(f"/proc/{pid}/stat") or "").rpartition(")")
        fields = tail.split()
        if fields:  # else it has just ended
            own_s, reaped_s = (sum(map(int, pair)) / TICKS_PER_S for pair in (fields[11:13], fields[13:15]))
            began_s, name = int(fields[19]) / TICKS_PER_S, head.partition("(")[2]
            accounts[pid, began_s] = Account(name, int(fields[1]), own_s, reaped_s)
    return accounts


def _accounts_of_psutil() -> dict[tuple[int, float], Account]:
    """All processes that the system tells of."""
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


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
