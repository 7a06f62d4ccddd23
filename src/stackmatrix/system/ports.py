"""Ports of 127.0.0.1: which are free, which are in use, and by which process."""

import socket
from itertools import islice

import psutil

from stackmatrix.errors import PortTakenError

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


LAST_PORT = 32_768
"""From here on Linux gives ports to clients."""


def need_free_port(port: int, purpose: str) -> None:
    """Make sure that nothing listens on a port of 127.0.0.1.

    Raises:
        PortTakenError: naming the process that does, where the system shows it.

    """
    listeners = _listeners(port)
    if not listeners and not is_bound(port):
        return
    named = " and ".join(sorted({_process_name(pid) for pid in listeners})) or "a process of another user"
    raise PortTakenError(f"Port {port}, needed for {purpose}, is taken by {named}: stop it and run again.")


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
