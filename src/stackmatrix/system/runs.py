"""Runs of this project that are under way: one at a time for the files of a machine, and a word on all others.

The kernel holds the lock, on the folder itself: a run that dies in any way leaves none, and no file stays behind.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import psutil

from stackmatrix.errors import ResultsFolderError
from stackmatrix.system.linux import read

MEASURING = ("run", "compare", "gate", "calibrate", "stall")
"""The commands that measure."""


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs from writing the result files in a folder until the end.

    Raises:
        ResultsFolderError: when another does, with its process and since when.

    """
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsFolderError(
                f"Another run{_named(_holder(held))} writes the results in {folder}: wait until it has ended. "
                "Two runs at once would also disturb each other's figures."
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(held)
        with contextlib.suppress(OSError):
            folder.rmdir()  # where nothing was written into it


def _holder(held: int) -> int | None:
    """The process that has locked an open file, from ``/proc/locks``, see proc_locks(5)."""
    of = os.fstat(held)
    place = f"{os.major(of.st_dev):02x}:{os.minor(of.st_dev):02x}:{of.st_ino}"
    found = re.search(rf"FLOCK\s+\S+\s+\S+\s+(\d+) {place}\b", read("/proc/locks") or "")
    return int(found[1]) if found else None


def _named(pid: int | None) -> str:
    if pid is None:
        return ""
    with contextlib.suppress(psutil.Error):
        began = datetime.fromtimestamp(psutil.Process(pid).create_time()).astimezone()
        return f" (process {pid}, since {began:%Y-%m-%d %H:%M})"
    return f" (process {pid})"


def why_disturbed() -> str | None:
    """One sentence where another run measures on this machine, into whichever folder; else ``None``."""
    own = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    for process in psutil.process_iter(["cmdline"]):
        if process.pid not in own and _is_measuring(process.info["cmdline"] or ()):
            return f"Another run{_named(process.pid)} measures on this machine: the two disturb each other's figures."
    return None


def _is_measuring(command: Sequence[str]) -> bool:
    told = list(command)
    with contextlib.suppress(ValueError, IndexError):
        place = told.index("stackmatrix")
        return told[place - 1] == "-m" and told[place + 1] in MEASURING and "--list" not in told
    return False
