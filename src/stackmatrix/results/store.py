"""The results folder: ``<machine>/<workload>/<stack>/<python>.json``, written whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.codec import decode, decode_calibration, encode
from stackmatrix.results.conditions import Machine, identity_differences
from stackmatrix.results.model import Result

PARTS = 4
"""Of a file's path from the results folder."""


def file_name(cell: Cell) -> str:
    """The name of a cell's file: the Python's, and which control it is."""
    name = Runtime.of(cell.python).file_name
    return f"{name}.{cell.control}.json" if cell.control else f"{name}.json"


def path_of(folder: Path, machine: str, cell: Cell) -> Path:
    """Where a cell's file is."""
    return folder / machine / cell.workload / cell.stack / file_name(cell)


def need_writable(folder: Path) -> None:
    """Make sure, before anything is measured, that results can be written.

    Raises:
        ResultsFolderError: when they cannot, with the reason.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultsFolderError(
            f"The results folder {folder} cannot be written ({error.strerror}): "
            "mend its permissions or choose another with --results."
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Put a whole new file in place of the old one.

    Raises:
        ResultsFolderError: when it cannot be written; the old file is then untouched.

    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ResultsFolderError(f"{path} cannot be written ({error.strerror}): mend that and run again.") from error


def write_result(folder: Path, machine: str, result: Result) -> Path:
    """Write a cell's file and return its path."""
    path = path_of(folder, machine, result.cell)
    write_atomically(path, encode(result))
    return path


def read_result(path: Path, name: str) -> Result:
    """Read one file.

    Raises:
        ResultFileError: when it is unreadable, broken, of another format, or of another cell than its place says.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultFileError(f"{name} cannot be read: {error.strerror}.") from error
    return _decode(data, Path(*path.parts[-PARTS:]), name)


def _decode(data: bytes, path: Path, name: str) -> Result:
    """What a file holds; ``path`` is from the results folder.

    Raises:
        ResultFileError: as ``read_result`` has it.

    """
    result = decode(data, name)
    if path != path_of(Path(), path.parts[0], result.cell):
        raise ResultFileError(f"{name} holds the results of another cell: {result.cell}.")
    return result


def need_same_machine(folder: Path, name: str, machine: Machine) -> None:
    """Make sure that what is below a machine's name is of this machine, and of no other with the same name.

    Files that cannot be read are left to whoever needs them.

    Raises:
        ResultFileError: when it is of another, which this one would replace.

    """
    for path in sorted((folder / name).glob("**/*.json")):
        try:
            made = msgspec.json.decode(path.read_bytes(), type=_Made)
        except (OSError, msgspec.MsgspecError):
            continue
        earlier = made.machine or (made.conditions and made.conditions.machine)
        if earlier and (differs := identity_differences(earlier, machine)):
            raise ResultFileError(
                f"{folder / name} holds results of another machine ({', '.join(differs)}), which those of this one "
                f"would replace: give this one a name of its own (--machine {name}-2)."
            )


class _Conditions(msgspec.Struct):
    machine: Machine | None = None


class _Made(msgspec.Struct):
    """What of a result, or of a calibration, says on which machine it was made."""

    machine: Machine | None = None
    conditions: _Conditions | None = None


def calibration_path(folder: Path, machine: str) -> Path:
    """Where a machine's calibration is."""
    return folder / machine / "calibration.json"


def write_calibration(folder: Path, machine: str, calibration: Calibration) -> Path:
    """Write a machine's calibration and return its path."""
    path = calibration_path(folder, machine)
    write_atomically(path, encode(calibration))
    return path


def calibration_id(folder: Path, machine: str) -> str | None:
    """The id of a machine's calibration, which results refer to; ``None`` when there is none that can be read."""
    try:
        return decode_calibration(calibration_path(folder, machine).read_bytes()).id
    except (OSError, ResultFileError):
        return None


def read_earlier(folder: Path, machine: str, cell: Cell) -> Result | None:
    """What a cell's file holds; ``None`` when there is none.

    Raises:
        ResultFileError: when it cannot be read, so that writing it anew might lose something.

    """
    path = path_of(folder, machine, cell)
    return read_result(path, str(path.relative_to(folder))) if path.exists() else None


def read_results(folder: Path) -> Iterator[tuple[str, Result | ResultFileError]]:
    """All results below a folder as machine and result, in the order of their paths; what cannot be read is an error.

    The schema and other files at the top are no results.
    """
    for path in sorted(folder.glob("*/*/*/*.json")):
        name = str(path.relative_to(folder))
        try:
            yield path.parts[len(folder.parts)], read_result(path, name)
        except ResultFileError as error:
            yield path.parts[len(folder.parts)], error


def decode_results(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Result | ResultFileError]]:
    """The same from the files' paths below the folder and their contents; files at other places are no results."""
    for name, data in files:
        path = Path(name)
        if len(path.parts) == PARTS and path.suffix == ".json":
            try:
                yield path.parts[0], _decode(data, path, name)
            except ResultFileError as error:
                yield path.parts[0], error
