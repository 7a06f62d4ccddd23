"""What this machine is, how its cores are divided, and whether it can hold the run."""

import platform
import re
import resource
from importlib import metadata

import psutil

from stackmatrix.errors import OpenFilesError
from stackmatrix.results.conditions import Machine
from stackmatrix.system.cores import Layout
from stackmatrix.system.launch import raise_open_files
from stackmatrix.system.linux import read

WANTED_OPEN_FILES = 32_768
FILES_PER_REQUEST = 8
"""Sockets that one request may hold in the target at once: its own, three calls, and as many that are closing."""
FILES_BESIDE = 200
"""Files that a server and its libraries hold with no user at all, generously."""

TOOLS = ("circus", "gevent", "httptools", "locust", "msgspec", "numpy", "psutil", "uvicorn", "uvloop")
"""Parts of the tool environment that take part in a measurement; their versions are recorded."""


def describe(layout: Layout) -> Machine:
    return Machine(
        cpu_model=cpu_model(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        os=system_name(),
        governor=_governor(),
        virtualised=is_virtualised(),
        pinning=layout.roles(),
        cpu_id=cpu_id(),
    )


def _governor() -> str | None:
    said = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return said and said.strip()


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    info = read("/proc/cpuinfo") or ""
    match = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    if match:
        return " ".join(match[1].split())
    return platform.processor() or platform.machine()


def cpu_id() -> str | None:
    """The processor's family, model and stepping, or ``None`` where the system does not tell."""
    info = read("/proc/cpuinfo") or ""
    parts = [re.search(rf"^{key}\s*:\s*(\d+)$", info, re.MULTILINE) for key in ("cpu family", "model", "stepping")]
    return "-".join(part[1] for part in parts if part) or None


def system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def is_virtualised() -> bool | None:
    """Whether a hypervisor is below, or ``None`` where the system does not tell."""
    info = read("/proc/cpuinfo")
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
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in TOOLS}}


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
