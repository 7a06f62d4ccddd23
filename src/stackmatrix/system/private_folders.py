"""Folders for what a run needs while it lasts: sockets, logs, copies of applications. Nobody else enters them.

Each is locked as long as the process that made it lives, so that the next run can tell which ones a killed run has
left, whatever ids processes were given since and in whatever container they are.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from stackmatrix.errors import MachineLimitError

LONGEST_TEMPORARY_BYTES = 60
"""A socket's path may have 103 bytes on macOS and 107 on Linux, of which the names below take 43."""
PLAIN = re.compile(r"[\w/.+@~-]+", re.ASCII)
"""What stands in a path that nothing reads as more than letters: nginx has variables, uWSGI and circus placeholders."""
SHORT = "/tmp"  # noqa: S108 - folders are made there by mkdtemp
PREFIX = "stackmatrix_"
"""Earlier versions locked nothing, and named theirs otherwise: those are left alone."""
JUST_MADE_S = 1.0
"""One that is younger may not be locked yet."""

_locks: dict[Path, int] = {}


def make(kind: str = "", within: Path | None = None) -> Path:
    """A new folder that only this user can enter, with a path that leaves room for a socket's name.

    Raises:
        MachineLimitError: when it cannot be made.

    """
    made = _new(f"{PREFIX}{kind and f'{kind}-'}", place() if within is None else within)
    with contextlib.suppress(OSError):  # where nothing can be locked, nothing is removed by others
        _locks[made] = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(_locks[made], fcntl.LOCK_EX | fcntl.LOCK_NB)
    return made


def make_lasting() -> Path:
    """Such a folder that nobody removes, since nobody here knows how long it is wanted."""
    return _new("stackmatrix-", place())


def _new(prefix: str, within: Path) -> Path:
    try:
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    except OSError as error:
        raise MachineLimitError(
            f"No temporary folder can be made in {within} ({error.strerror}): mend that, or set TMPDIR to another."
        ) from error
    made.chmod(0o700)  # whatever the umask says
    return made


def place() -> Path:
    """The folder in which private ones are made: that for temporary files, unless its path is long or has odd signs.

    nox points ``TMPDIR`` into the project, wherever that lies.

    Raises:
        MachineLimitError: when there is no folder for temporary files that can be written.

    """
    try:
        usual = tempfile.gettempdir()
    except FileNotFoundError as error:
        raise MachineLimitError(
            f"No temporary folder can be made ({error.strerror}): set TMPDIR to one that can be written."
        ) from error
    fits = len(os.fsencode(usual)) <= LONGEST_TEMPORARY_BYTES and PLAIN.fullmatch(usual)
    return Path(usual if fits or not os.access(SHORT, os.W_OK) else SHORT)


@contextlib.contextmanager
def closed() -> Iterator[None]:
    """Have what this process writes readable by nobody else until the end."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(KeyError, OSError):
        os.close(_locks.pop(folder))


@contextlib.contextmanager
def folder(kind: str) -> Iterator[Path]:
    """Such a folder until the end of the body."""
    made = make(kind)
    try:
        yield made
    finally:
        remove(made)


def sweep() -> None:
    """Remove the folders of runs of this user that were killed, once no process of theirs is alive.

    Servers that root starts run as others, and so their folders are another user's.
    """
    try:
        places = {place(), Path(tempfile.gettempdir())}
    except MachineLimitError:  # what is made next says so
        return
    left = [path for one in places for path in one.glob(f"{PREFIX}*") if _is_left(path)]
    if not left:
        return
    words = list(_command_lines())
    for path in left:
        if not any(str(path) in line for line in words):
            remove(path)


def _is_left(path: Path) -> bool:
    """Whether the process that made a folder of ours is gone: nobody holds its lock."""
    try:
        known = path.lstat()
        if path.is_symlink() or os.geteuid() not in (0, known.st_uid) or time.time() - known.st_mtime < JUST_MADE_S:
            return False
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(opened)


def _command_lines() -> Iterator[str]:
    """What every process was started with, and where it is: servers have their folder in one of them."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            yield "\0".join(process.cmdline())
        with contextlib.suppress(psutil.Error, OSError):
            yield process.cwd()
