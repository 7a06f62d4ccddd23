"""How files come into being: whole or not at all, one alone or several together, whoever is killed meanwhile."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from stackmatrix.errors import ResultsFolderError

PARTIAL = re.compile(r"\.(.+)\.(\d+)\.part")
"""The name of a file that is being written: the one that it will have, and the process that writes it."""
WRITTEN = "written"
"""Ends the name of a file that is there, with that of a process, once all that this writes together is written."""


def write_atomically(path: Path, data: bytes) -> None:
    """Put a whole new file in place of the old one.

    Raises:
        ResultsFolderError: when it cannot be written; the old file is then untouched.

    """
    partial = _partial(path)
    with _cleaning([partial], path):
        _write_whole(partial, data)
        partial.replace(path)


def write_together(folder: Path, machine: str, files: Mapping[Path, bytes]) -> None:
    """Put whole new files below a machine's folder in place of old ones: all of them or, whenever this is killed, none.

    What is killed once all are written is made good by :func:`settle`.

    Raises:
        ResultsFolderError: when one cannot be written; the old files are then untouched.

    """
    if not files:
        return
    marker = folder / machine / f".{os.getpid()}.{WRITTEN}"
    partials = {_partial(path): path for path in files}
    with _cleaning([*partials, marker], next(iter(files), folder)):
        for partial, path in partials.items():
            _write_whole(partial, files[path])
        _write_whole(marker, b"")
    try:
        for partial, path in partials.items():
            partial.replace(path)
        marker.unlink()
    except OSError as error:
        raise ResultsFolderError(f"{folder} cannot be written ({error.strerror}): mend that and run again.") from error


def settle(folder: Path, machine: str, is_running: Callable[[int], bool]) -> None:
    """End what processes that were killed have begun to write: files that were written together, or none of them."""
    place = folder / machine
    named = [(path, found) for path in place.rglob(".*.part") if (found := PARTIAL.fullmatch(path.name))]
    for path, found in named:
        if not is_running(int(found[2])):
            with contextlib.suppress(OSError):
                if (place / f".{found[2]}.{WRITTEN}").exists():
                    path.replace(path.with_name(found[1]))
                else:
                    path.unlink()
    for marker in place.glob(f".*.{WRITTEN}"):
        if (pid := marker.name.split(".")[1]).isdigit() and not is_running(int(pid)):
            marker.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _cleaning(made: Sequence[Path], wanted: Path) -> Iterator[None]:
    """Leave nothing half-written behind when the body fails.

    Raises:
        ResultsFolderError: when it fails since something cannot be written.

    """
    try:
        yield
    except BaseException as error:
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink()
        if not isinstance(error, OSError):
            raise
        raise ResultsFolderError(f"{wanted} cannot be written ({error.strerror}): mend that and run again.") from error
