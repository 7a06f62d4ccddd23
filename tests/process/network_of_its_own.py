"""``network_of_its_own.py FILE COMMAND ...``: run a command in a network of its own, and write down what it did there.

In a new network namespace every socket is the command's, and the kernel's counters begin at nothing: what is sent or
looked up, however shortly, is counted, and what has no route is counted as such. ``FILE`` is JSON, see :class:`Used`.
"""

import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

LOOK_S = 0.02
LISTENS = "0A"
COUNTED = ("Ip OutNoRoutes", "Udp OutDatagrams", "UdpLite OutDatagrams", "Icmp OutMsgs")
COUNTED_6 = ("Ip6OutNoRoutes", "Udp6OutDatagrams", "UdpLite6OutDatagrams")


@dataclass
class Used:
    """Addresses that were listened on, those at both ends of connections, other sockets by their kind, and counters.

    ``sent`` is what went anywhere by anything but TCP, or had no route; ``paths`` are those of Unix sockets with the
    modes of their folders, octal.
    """

    listened: list[str] = field(default_factory=list)
    talked: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    code: int = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def address(written: str) -> str:
    """``127.0.0.1:8000`` from ``0100007F:1F40``, as /proc/net/tcp and tcp6 have it."""
    host, port = written.split(":")
    words = [int(host[place : place + 8], 16) for place in range(0, len(host), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return f"{socket.inet_ntop(family, struct.pack(f'={len(words)}I', *words))}:{int(port, 16)}"


def rows(name: str) -> list[list[str]]:
    try:
        lines = Path("/proc/self/net", name).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.split() for line in lines[1:]]


def look(used: Used) -> None:
    for name in ("tcp", "tcp6"):
        for row in rows(name):
            if row[3] == LISTENS:
                note(used.listened, address(row[1]))
            else:
                note(used.talked, host_of(address(row[1])))
                note(used.talked, host_of(address(row[2])))
    for name in ("udp", "udp6", "udplite", "udplite6"):
        for row in rows(name):
            note(used.others, f"{name} {address(row[1])} {address(row[2])}")
    for name in ("raw", "raw6", "packet"):
        for _ in rows(name):
            note(used.others, name)
    for row in rows("unix"):
        if len(row) > 7 and row[7] not in used.paths:
            used.paths[row[7]] = mode_of(row[7])


def note(into: list[str], what: str) -> None:
    if what not in into:
        into.append(what)


def host_of(whole: str) -> str:
    return whole.rpartition(":")[0]


def mode_of(path: str) -> str:
    if path.startswith("@"):
        return "abstract"
    try:
        return oct(stat.S_IMODE(Path(path).parent.stat().st_mode))
    except OSError:
        return "gone"


def counters() -> dict[str, int]:
    found: dict[str, int] = {}
    lines = Path("/proc/self/net/snmp").read_text(encoding="utf-8").splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        kind = names.partition(":")[0]
        found |= {f"{kind} {n}": int(v) for n, v in zip(names.split()[1:], values.split()[1:], strict=True)}
    told = {name: found[name] for name in COUNTED}
    snmp6 = Path("/proc/self/net/snmp6")
    text = snmp6.read_text(encoding="utf-8") if snmp6.exists() else ""
    return told | {n: int(v) for n, v in re.findall(r"^(\w+)\s+(\d+)$", text, re.MULTILINE) if n in COUNTED_6}


def run(command: list[str]) -> Used:
    """Run it, and look until it has ended."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    used, over = Used(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            look(used)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        used.code = subprocess.run(command, check=False).returncode
    finally:
        over.set()
        watcher.join()
    used.sent = counters()
    return used


def command_for(file: Path, command: list[str]) -> list[str] | None:
    """The command that runs another in a network of its own; ``None`` where this system has no tools for it."""
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        return None
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return [unshare, *as_root, "--net", sys.executable, __file__, str(file), *command]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(asdict(run(sys.argv[2:]))), encoding="utf-8")
