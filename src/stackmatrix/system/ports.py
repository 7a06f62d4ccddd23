"""Ports of 127.0.0.1: which are free, which are in use and by which process, and how long a listen queue may be."""

import contextlib
import os
import re
import socket
from collections.abc import Collection
from functools import cache
from itertools import islice

import psutil

from stackmatrix.errors import PortTakenError
from stackmatrix.matrix.stacks.stack import BACKLOG
from stackmatrix.system.linux import read

API_PORT, TARGET_PORT = 5000, 8000
"""From where on ports are looked for, and where ``serve`` has the external API. Not any free port that the kernel would
choose: before a server listens there, a client could be given it."""


def find_free(first: int, count: int) -> tuple[int, ...]:
    """So many ports from ``first`` on that nothing listens on.

    Raises:
        PortTakenError: when there are not that many.

    """
    found = tuple(islice((port for port in range(first, LAST_PORT) if not is_bound(port)), count))
    if len(found) < count:
        raise PortTakenError(f"There are no {count} free ports between {first} and {LAST_PORT}: stop what uses them.")
    return found


@cache
def apart(first: int) -> int:
    """From where on this process looks for ports: elsewhere than any other run that is there, until it ends.

    A port is free when it is looked at, used only when a server has started, and free again between two of a run's
    measurements. So a run claims a whole block of them, by having the block's last port, on which it does not listen.
    """
    for number in range(BLOCKS):
        block = first + BLOCK * (FIRST_BLOCK + (os.getpid() + number) % BLOCKS)
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", block + BLOCK - 1))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return block
    return first + BLOCK * FIRST_BLOCK


BLOCK, BLOCKS = 50, 38
"""Ports that one run looks at first, more than are up at once, and how many such blocks there are."""
FIRST_BLOCK = 2
"""Those before are for what has a port of its own: a stack that is served by hand, and locust's web page."""
_claims: list[socket.socket] = []

LAST_PORT = 32_768
"""From here on Linux gives ports to clients."""


def need_free_port(port: int, purpose: str, remedy: str = "") -> None:
    """Make sure that nothing listens on a port of 127.0.0.1; the ``remedy`` is said beside stopping what does.

    Raises:
        PortTakenError: naming the process that does, where the system shows it.

    """
    listeners = _listeners(port)
    if not listeners and not is_bound(port):
        return
    named = " and ".join(sorted({_process_name(pid) for pid in listeners})) or "a process of another user"
    otherwise = f", or {remedy}" if remedy else ""
    raise PortTakenError(f"Port {port}, needed for {purpose}, is taken by {named}: stop it and run again{otherwise}.")


def is_of(port: int, pids: Collection[int]) -> bool:
    """Whether one of these processes listens on a port; also where the system shows no processes of ports."""
    listeners = _listeners(port)
    return bool(set(listeners) & set(pids)) or (not listeners and is_bound(port))


def _listeners(port: int) -> list[int]:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return []
    return [
        connection.pid
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if connection.pid is not None
    ]


def is_bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _process_name(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.NoSuchProcess:
        return f"process {pid}"


def allowed_backlog(wanted: int = BACKLOG) -> int:
    """The listen queue that every target gets: as wanted, or what this system allows where that is less.

    Most servers are given a shorter one without a word, and uWSGI refuses to start. Linux says in ``somaxconn`` what it
    allows; elsewhere it is taken from the C library, whose constant is what macOS allows by default.
    """
    told = read("/proc/sys/net/core/somaxconn")
    found = re.fullmatch(r"\s*(\d{1,18})\s*", told or "")
    return min(wanted, int(found[1]) if found else socket.SOMAXCONN)


def why_short_backlog() -> str | None:
    """One sentence where the system allows a shorter listen queue than targets should have; else ``None``."""
    allowed = allowed_backlog()
    if allowed >= BACKLOG:
        return None
    return (
        f"This system allows a listen queue of {allowed} connections, and not {BACKLOG}: every target gets that "
        "(raise net.core.somaxconn, on macOS kern.ipc.somaxconn)."
    )


def why_no_loopback() -> str | None:
    """Everything here talks over 127.0.0.1, which a network namespace of its own has, but not up.

    Nobody listens for this: that the system refuses a connection to a port where nobody does shows that it was reached.
    """
    try:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(closed.getsockname(), timeout=LOOPBACK_S).close()
    except OSError as error:
        return (
            f"127.0.0.1, over which everything here talks, cannot be reached ({error.strerror or error}): "
            "bring the loopback interface up (ip link set lo up)."
        )
    return None


LOOPBACK_S = 5.0
"""For a connection within this machine, which takes no time at all."""
