"""Secrets that an app needs: taken from the user's environment or a file of variables, byte for byte."""

from collections.abc import Mapping
from pathlib import Path

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.outside import files


def secrets_of(app: AppFile, environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the names in ``secrets``; a file of variables wins over the environment.

    Raises:
        AppFileError: when a name is nowhere.

    """
    there = {**environment, **(_read(app.env_file) if app.env_file is not None else {})}
    for name in app.secrets:
        if name not in there:
            beside = f", nor has {app.env_file.name}" if app.env_file is not None else ""
            raise AppFileError(f"secrets names {name}, and your environment has no {name}{beside}.")
    return {name: there[name] for name in app.secrets}


def _read(file: Path) -> dict[str, str]:
    """Variables written as NAME=value, one a line, perhaps in quotes; nothing in a value is replaced."""
    try:
        # As environments are: bytes that are no UTF-8 come out as they went in.
        text = files.read(file, files.MOST_SETTINGS_BYTES).decode(errors="surrogateescape")
    except OSError as error:
        raise AppFileError(f"env_file = {file.name!r} cannot be read: {error.strerror}.") from error
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.removesuffix("\r").removeprefix("export ").partition("=")
        if equals and not name.lstrip().startswith("#"):
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name.strip()] = value[1:-1] if is_quoted else value
    return found
