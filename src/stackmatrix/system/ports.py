"""Ports of 127.0.0.1: which are in use, and by which process."""

import socket

import psutil

from stackmatrix.errors import PortTakenError


def need_free_port(port: int, purpose: str) -> None:
    """Make sure that nothing listens on a port of 127.0.0.1.

    Raises:
        PortTakenError: naming the process that does, where the system tells.

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
    """Whether a port of 127.0.0.1 is in use."""
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
