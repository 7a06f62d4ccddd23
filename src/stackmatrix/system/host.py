"""What this machine is, how its cores are divided, and whether it can hold the run."""

import platform
import re
import resource
from importlib import metadata

import psutil

from stackmatrix.errors import OpenFilesError
from stackmatrix.results.conditions import Machine
from stackmatrix.system.core_kinds import grouped
from stackmatrix.system.cores import Layout
from stackmatrix.system.launch import raise_open_files
from stackmatrix.system.linux import read
from stackmatrix.system.processor import computer, cpu_id, cpu_model
from stackmatrix.system.virtual import is_virtualised

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
        computer=computer(),
        core_kinds=grouped(),
    )


def _governor() -> str | None:
    said = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return said and said.strip()


def system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def slug(machine: Machine) -> str:
    """A folder name for the machine: processor and cores, without anything that identifies its owner.

    A name without a number, as hypervisors give, is that of many processors: family, model and stepping then tell more.
    A name that a hypervisor has made up says nothing of the processor, and one of a design, as ARM's are, is that of
    many machines: the memory tells more then, and of the latter what the computer is called.
    """
    words = _words(re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|@.*", " ", machine.cpu_model.lower())) or "machine"
    is_made_up = MADE_UP.search(machine.cpu_model) is not None
    is_design = machine.cpu_id is not None and not X86_ID.fullmatch(machine.cpu_id)
    named = machine.cpu_id if machine.cpu_id and (is_made_up or not re.search(r"\d", words)) else ""
    around = machine.computer if is_design and machine.computer else ""
    parts = [words, *filter(None, map(_words, (named, around))), f"{machine.cores}-cores"]
    if is_made_up or is_design:
        parts.append(f"{max(1, round(machine.memory_bytes / 2**30))}-gib")
    return "-".join(parts)


MADE_UP = re.compile(r"\b(qemu|kvm|virtual|class)\b|\dxx", re.IGNORECASE)
"""In a name that stands for any processor: as ``QEMU Virtual CPU version 2.5+``, or ``Intel Xeon E312xx``."""
X86_ID = re.compile(r"\d+-\d+-\d+")
"""Family, model and stepping: a name beside them is that of one product."""


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


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
        raise OpenFilesError(
            f"{at_once} requests at once need up to {needed} open files, and {_what_allows(allowed, needed)} "
            "or lower the ladder (--users, --rates)."
        )
    return allowed


def _what_allows(allowed: int, needed: int) -> str:
    """What allows so few open files, and how it is made to allow more."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard <= allowed:
        return f"this shell allows {hard}: raise the hard limit (ulimit -Hn {needed})"
    # The kernel itself allows fewer than the hard limit says: macOS does, whose hard limit is none.
    return f"this system allows {allowed}: raise that (macOS: sudo sysctl kern.maxfilesperproc={needed})"
