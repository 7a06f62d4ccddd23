"""Reads what the machine around a measurement did: its cores, its sockets, and the processes that are not ours.

Linux is read from ``/proc`` and from the kernel's socket diagnosis directly, since the generator's core may have to pay
for it once a second. What a system does not give is ``None``, never a guess.
"""

import os
import re
import signal
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from stackmatrix.outside import files

MOST_BYTES = 16_000_000
"""Of one of the kernel's files: the interrupts of a thousand cores, or a thousand containers' mounts, are less."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")  # the unit of every CPU time in /proc


@dataclass(frozen=True, slots=True)
class CoreTimes:
    """Seconds since boot that a core worked, and that the hypervisor gave to others while it had work."""

    busy_s: float
    steal_s: float


def core_times() -> dict[int, CoreTimes] | None:
    """Times of each core that is online, to hundredths of a second; ``None`` where the system does not tell.

    From ``/proc/stat``, see proc_stat(5): user (guests included), nice, system, irq and softirq are busy. ``None`` also
    where its numbers are not those by which processes are pinned: those of another core would be taken for a core's.
    """
    cores = {}
    for core, columns in re.findall(rf"^cpu({NUMBER})((?: +{NUMBER})+)$", read(STAT) or "", re.MULTILINE):
        times = [int(column) for column in columns.split()]
        if len(times) >= LEAST_COLUMNS:
            user, nice, system, _idle, _iowait, irq, softirq, steal = [*times, 0][:8]
            cores[int(core)] = CoreTimes((user + nice + system + irq + softirq) / TICKS_PER_S, steal / TICKS_PER_S)
    online = core_numbers(read(ONLINE))
    return None if _is_stat_replaced() or online not in (frozenset(), cores.keys()) else cores or None


STAT, ONLINE = "/proc/stat", "/sys/devices/system/cpu/online"
NUMBER = r"\d{1,20}"
"""Of the kernel's: what has more digits is none."""
LEAST_COLUMNS = 7
"""Of a core's line; the eighth, of stolen time, came with Linux 2.6.11."""


@cache
def _is_stat_replaced() -> bool:
    """Whether ``/proc/stat`` is another file than the kernel's: lxcfs puts one there, which numbers cores from 0."""
    mounted = (line.split(" ") for line in (read("/proc/self/mountinfo") or "").splitlines())
    return any(len(fields) > PLACE and fields[PLACE] == STAT for fields in mounted)


PLACE = 4
"""The field of ``/proc/self/mountinfo`` with where something is mounted, from 0."""


def core_numbers(text: str | None) -> frozenset[int]:
    """The cores of one of the kernel's lists, such as ``0-3,8``; empty where it is missing or not understood."""
    found: set[int] = set()
    for part in (text or "").strip().split(","):
        match = re.fullmatch(rf"({NUMBER})(?:-({NUMBER}))?", part.strip())
        if match is None or max(map(int, match.groups("0"))) > MOST_CORES:
            return frozenset()
        found |= {*range(int(match[1]), int(match[2] or match[1]) + 1)}
    return frozenset(found)


MOST_CORES = 65_536
"""More than Linux is ever built for: what is above was not meant as a core's number."""


def tasks() -> int | None:
    """How many processes and threads this machine has; ``None`` elsewhere than on Linux. See proc_loadavg(5)."""
    found = re.search(rf"/({NUMBER}) ", read("/proc/loadavg") or "")
    return int(found[1]) if found else None


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
    return _counts("netstat", "TcpExt").get("ListenDrops")


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
    text = (read("/proc/net/sockstat") or "") + (read("/proc/net/sockstat6") or "")  # the latter only with IPv6
    counts = re.findall(r"^TCP6?: .*", text, re.MULTILINE)
    limits = read("/proc/sys/net/ipv4/ip_local_port_range")
    bounds = re.match(r"(\d+)\s+(\d+)", limits or "")
    if not counts or bounds is None:
        return None
    first, last = map(int, bounds.groups())
    return sum(map(int, re.findall(r"\b(?:inuse|tw) (\d+)", " ".join(counts)))), last - first + 1


def retransmissions() -> int | None:
    """TCP segments that were lost and sent again since boot, in this network namespace; ``None`` but on Linux.

    ``RetransSegs`` of ``/proc/net/snmp``: data, SYN and SYN-ACK, whatever timer it was. Not among them are tail loss
    probes (RFC 8985) that proved needless: where a server takes its time to answer, the kernel delays what acknowledges
    a request, and so a client's kernel sends the end of it again. That delays nobody, and happens all the time.
    """
    sent_again, extended = _counts("snmp", "Tcp").get("RetransSegs"), _counts("netstat", "TcpExt")
    if sent_again is None:
        return None
    return sent_again - extended.get("TCPLossProbes", 0) + extended.get("TCPLossProbeRecovery", 0)


def _counts(file: str, table: str) -> dict[str, int]:
    """A table of one of the kernel's files of network counters: a line of names, and one of values."""
    found = re.search(rf"^{table}: (\D.*)\n{table}: ((?:-?\d+ ?)+)$", read(f"/proc/net/{file}") or "", re.MULTILINE)
    return dict(zip(found[1].split(), map(int, found[2].split()), strict=False)) if found else {}


def pss_bytes(pid: int) -> int | None:
    """The proportional set size of a process; ``None`` if it is gone, may not be read, or elsewhere than on Linux.

    A page that n processes share counts as an n-th of it for each, so that a tree's add up to what it takes. From
    ``/proc/<pid>/smaps_rollup``: the kernel walks all of its pages, some milliseconds.
    """
    found = re.search(r"^Pss: +(\d+) kB", read(f"/proc/{pid}/smaps_rollup") or "", re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def thread_ids(pid: int) -> list[int]:
    """The threads of a process; empty if it is gone, or elsewhere than on Linux. As cheap as listing a folder is."""
    try:
        return list(map(int, os.listdir(f"/proc/{pid}/task")))  # noqa: PTH208 - many times a second
    except OSError:
        return []


def open_files_limit(pid: int) -> int | None:
    """How many files a process may hold open, its soft limit; ``None`` if it is gone or elsewhere than on Linux.

    From ``/proc/<pid>/limits``, which is readable for processes of other users too.
    """
    found = re.search(r"^Max open files +(\d+)", read(f"/proc/{pid}/limits") or "", re.MULTILINE)
    return int(found[1]) if found else None


def read(path: str) -> str | None:
    """The text of one of the kernel's files, or ``None`` where there is none or it may not be read."""
    try:
        return files.read(Path(path), MOST_BYTES).decode(errors="replace")
    except OSError:
        return None


def how_ended(pid: int | None, *, with_code: bool) -> str:
    """How a process ended that nobody has reaped yet, in brackets: the signal that killed it, or else its exit code.

    From the exit code in ``/proc/<pid>/stat``, see proc_pid_stat(5), the last of its fields. Empty where that is not
    known, and for an exit code that is not wanted.
    """
    fields = (read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    if not fields or fields[0] != "Z" or not fields[-1].isdecimal():
        return ""
    status = int(fields[-1])
    if not os.WIFSIGNALED(status):
        return f" (exit code {os.WEXITSTATUS(status)})" if with_code else ""
    number = os.WTERMSIG(status)
    return f" (killed by {next((one.name for one in signal.Signals if one == number), f'signal {number}')})"
