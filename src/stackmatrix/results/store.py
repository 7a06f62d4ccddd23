"""The results folder: ``<machine>/<workload>/<stack>/<python>.json``, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.outside import files
from stackmatrix.outside.text import one_line, why_no_name
from stackmatrix.results import writing
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.codec import decode, decode_calibration, encode
from stackmatrix.results.conditions import Machine, identity_differences
from stackmatrix.results.model import Result

LEAST_BYTES = 1 << 20
"""Of free space that a run begins with: its files are smaller, and grow with every block."""
PARTS = 4
"""Of a file's path from the results folder."""
CALIBRATION = "calibration.json"


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
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(LEAST_BYTES))
    except OSError as error:
        raise ResultsFolderError(
            f"The results folder {folder} cannot be written ({error.strerror}): "
            "mend that or choose another with --results."
        ) from error


def write_below(folder: Path, name: str, data: bytes) -> Path:
    """Put a whole new file at a path from a folder of results, and nowhere else; returns where it is.

    Raises:
        ResultsFolderError: when it cannot be written, or a link would lead it out of the folder.

    """
    path = folder / name
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ResultsFolderError(
            f"{one_line(str(path))} leads out of the results folder: remove the link and run again."
        )
    writing.write_atomically(path, data)
    return path


def write_result(folder: Path, machine: str, result: Result) -> Path:
    """Write a cell's file and return its path."""
    return write_below(folder, path_of(Path(), machine, result.cell).as_posix(), encode(result))


def read_result(path: Path, name: str) -> Result:
    """Read one file.

    Raises:
        ResultFileError: when it is unreadable, broken, of another format, or of another cell than its place says.

    """
    try:
        data = files.read(path, files.MOST_DOCUMENT_BYTES)
    except OSError as error:
        raise ResultFileError(f"{one_line(name)} cannot be read: {error.strerror}.") from error
    return _decode(data, Path(*path.parts[-PARTS:]), name)


def _decode(data: bytes, path: Path, name: str) -> Result:
    """What a file holds; ``path`` is from the results folder.

    Raises:
        ResultFileError: as ``read_result`` has it.

    """
    result = decode(data, name)
    if path != path_of(Path(), path.parts[0], result.cell):
        raise ResultFileError(f"{one_line(name)} holds the results of another cell: {one_line(str(result.cell))}.")
    return result


def need_same_machine(folder: Path, name: str, machine: Machine) -> None:
    """Make sure that what is below a machine's name is of this machine, and of no other with the same name.

    Files that cannot be read are left to whoever needs them.

    Raises:
        ResultFileError: when it is of another, which this one would replace.

    """
    for path in sorted((folder / name).glob("**/*.json")):
        try:
            made = msgspec.json.decode(files.read(path, files.MOST_DOCUMENT_BYTES), type=_Made)
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
    return folder / machine / CALIBRATION


def write_calibration(folder: Path, machine: str, calibration: Calibration) -> Path:
    """Write a machine's calibration and return its path."""
    return write_below(folder, f"{machine}/{CALIBRATION}", encode(calibration))


def calibration_id(folder: Path, machine: str) -> str | None:
    """The id of a machine's calibration, which results refer to; ``None`` when there is none that can be read."""
    try:
        return decode_calibration(files.read(calibration_path(folder, machine), files.MOST_DOCUMENT_BYTES)).id
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

    The schema and other files at the top are no results. A link is not followed: its files are another folder's.
    """
    for machine, found in _files(folder, folder, PARTS):
        if isinstance(found, ResultFileError):
            yield machine, found
            continue
        try:
            yield machine, read_result(found, str(found.relative_to(folder)))
        except ResultFileError as error:
            yield machine, error


def _files(folder: Path, place: Path, parts: int) -> Iterator[tuple[str, Path | ResultFileError]]:
    """Every JSON file so many parts below a place, with its machine, and why what may be or hold one is left out."""
    machine = place.relative_to(folder).parts[:1]
    try:
        with os.scandir(place) as entries:
            every = sorted(entries, key=lambda one: one.name)
    except OSError as error:
        yield "".join(machine), ResultFileError(f"{one_line(str(place))} cannot be read: {error.strerror}.")
        return
    for entry in every:
        path = place / entry.name
        of, is_folder = machine[0] if machine else entry.name, parts > 1
        if entry.is_symlink() and (path.is_dir() if is_folder else path.suffix == ".json"):
            yield of, ResultFileError(f"{one_line(str(path.relative_to(folder)))} is a link, so it is left out.")
        elif is_folder and entry.is_dir(follow_symlinks=False):
            if machine or not (why := why_no_name(entry.name)):
                yield from _files(folder, path, parts - 1)
            else:
                yield of, _no_name(entry.name, why)
        elif not is_folder and path.suffix == ".json":
            yield of, path


def _no_name(machine: str, why: str) -> ResultFileError:
    return ResultFileError(f"The folder {one_line(ascii(machine))} {why}, so it is left out.")


def decode_results(found: Iterable[tuple[str, bytes | None]]) -> Iterator[tuple[str, Result | ResultFileError]]:
    """The same from the files' paths below the folder and their contents; files at other places are no results.

    Of a file that is too large there is no content.
    """
    for name, data in found:
        path = Path(name)
        if len(path.parts) == PARTS and path.suffix == ".json":
            try:
                yield path.parts[0], _decode_named(data, path, name)
            except ResultFileError as error:
                yield path.parts[0], error


def _decode_named(data: bytes | None, path: Path, name: str) -> Result:
    if data is None:
        raise ResultFileError(f"{one_line(name)} has more than {files.MOST_DOCUMENT_BYTES:,} bytes, so it is left out.")
    if why := why_no_name(path.parts[0]):
        raise _no_name(path.parts[0], why)
    return _decode(data, path, name)
