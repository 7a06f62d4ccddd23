"""What this machine is, how its cores are divided, and whether it can hold the run."""

import os
import platform
import re
import resource
import socket
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

from stackmatrix.errors import OpenFilesError, PortTakenError
from stackmatrix.results.model import Machine
from stackmatrix.system.launch import raise_open_files
from stackmatrix.system.processes import PROJECT
from stackmatrix.testbed.supervisor import Layout

WANTED_OPEN_FILES = 32_768
FILES_PER_REQUEST = 8
"""Sockets that one request may hold in the target at once: its own, three calls, and as many that are closing."""
FILES_BESIDE = 200
"""Files that a server and its libraries hold with no user at all, generously."""

TOOLS = ("circus", "gevent", "httptools", "locust", "msgspec", "numpy", "psutil", "uvicorn", "uvloop")
"""Parts of the tool environment that take part in a measurement; their versions are recorded."""


def divide_cores(generators: int = 1) -> Layout:
    """Which cores each role gets here, for so many locust processes; nothing is pinned where the system cannot."""
    if not hasattr(os, "sched_getaffinity"):
        return Layout()
    return layout_for({core: _siblings(core) for core in sorted(os.sched_getaffinity(0))}, generators)


def layout_for(cores: Mapping[int, frozenset[int]], generators: int = 1) -> Layout:
    """Divide cores, each given with the cores that share its physical one (itself among them).

    The target gets the last core, since interrupts and the kernel's own work gather on the first, and its siblings stay
    empty where that leaves two at least. Of the rest, the load generator gets one for each of its processes and the
    external API another, as far as they reach; what is over is the harness's. One core alone is shared by all.
    """
    if len(cores) < 2:
        return Layout(shared=tuple(cores))
    target = max(cores)
    rest = [core for core in cores if core != target]
    quiet = [core for core in rest if core not in cores[target]]
    rest = quiet if len(quiet) >= 2 else rest
    if len(rest) < generators + 1:
        return Layout(target=(target,), generator=tuple(rest), api=tuple(rest), harness=tuple(rest))
    own, left = rest[-generators:], rest[:-generators]
    return Layout(target=(target,), generator=tuple(own), api=(left[-1],), harness=tuple(left[:-1] or left))


def _siblings(core: int) -> frozenset[int]:
    """The cores that share a physical one with this, by ``thread_siblings_list``; alone where that is unknown."""
    told = _read(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    parts = [part.split("-") for part in told.split(",")] if told else []
    return frozenset({core, *(sibling for part in parts for sibling in range(int(part[0]), int(part[-1]) + 1))})


def why_not_pinned(layout: Layout) -> str | None:
    """One sentence where the target shares its core; ``None`` where it has one to itself."""
    if layout.target:
        return None
    if layout.shared:
        return "There is one core: the target shares it with the load generator and the external API."
    return "This system cannot pin processes to cores: the target may have shared its core."


def describe(layout: Layout) -> Machine:
    """The machine as the result file has it."""
    return Machine(
        cpu_model=cpu_model(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        os=system_name(),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        virtualised=is_virtualised(),
        pinning=layout.roles(),
        cpu_id=cpu_id(),
    )


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    info = _read("/proc/cpuinfo") or ""
    match = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    if match:
        return " ".join(match[1].split())
    return platform.processor() or platform.machine()


def cpu_id() -> str | None:
    """The processor's family, model and stepping, or ``None`` where the system does not tell."""
    info = _read("/proc/cpuinfo") or ""
    parts = [re.search(rf"^{key}\s*:\s*(\d+)$", info, re.MULTILINE) for key in ("cpu family", "model", "stepping")]
    return "-".join(part[1] for part in parts if part) or None


def system_name() -> str:
    """The operating system's name and version."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def is_virtualised() -> bool | None:
    """Whether a hypervisor is below, or ``None`` where the system does not tell."""
    info = _read("/proc/cpuinfo")
    return None if info is None else bool(re.search(r"^flags\s*:.*\bhypervisor\b", info, re.MULTILINE))


def slug(machine: Machine) -> str:
    """A folder name for the machine: processor and cores, without anything that identifies its owner.

    A name without a number, as hypervisors give, is that of many processors: family, model and stepping then tell more.
    """
    name = re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|@.*", " ", machine.cpu_model.lower())
    words = re.sub(r"[^a-z0-9]+", "-", name).strip("-") or "machine"
    if machine.cpu_id and not re.search(r"\d", words):
        words = f"{words}-{machine.cpu_id}"
    return f"{words}-{machine.cores}-cores"


def tool_versions() -> dict[str, str]:
    """Versions of the interpreter and of the parts that take part in a measurement."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in TOOLS}}


def git_commit() -> str | None:
    """The commit that is checked out, ``-dirty`` appended when files differ from it; ``None`` outside a clone."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


def need_open_files(at_once: int) -> int:
    """Make sure that so many requests at once fit into the limit on open files, and raise it as far as it goes.

    Raises:
        OpenFilesError: when even the hard limit is too low.

    """
    needed = FILES_PER_REQUEST * at_once + FILES_BESIDE
    allowed = raise_open_files(WANTED_OPEN_FILES)
    if allowed < needed:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        raise OpenFilesError(
            f"{at_once} requests at once need up to {needed} open files, and this shell allows {hard}: "
            f"raise the hard limit (ulimit -Hn {needed}) or lower the ladder (--users, --rates)."
        )
    return allowed


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


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None
