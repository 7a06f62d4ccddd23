"""Between result structs and the JSON of a result file. Pure: bytes in, bytes out."""

import json
import re
from typing import Any

import msgspec

from stackmatrix.errors import ResultFileError
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import FORMAT_VERSION, Result


def encode(result: Result | Calibration) -> bytes:
    """A result, or a calibration, as JSON; numbers keep all their digits.

    Indented, but with each level on a line of its own: a diff shows which level changed, and the most blocks of the
    longest ladder stay small enough to commit.
    """
    content = json.loads(msgspec.json.encode(result))
    lines: list[str] = []
    for trial in content.get("trials", ()):
        for place, level in enumerate(trial["levels"]):
            trial["levels"][place] = f"{LEVEL}{len(lines)}"
            lines.append(json.dumps(level, ensure_ascii=False, separators=(",", ":")))
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return re.sub(_LEVEL_LINE, lambda found: lines[int(found[1])], text).encode() + b"\n"


LEVEL = "\0level "
"""Stands for a level until its line is put in; no text in a result begins with a null."""
_LEVEL_LINE = re.compile(r'"\\u0000level (\d+)"')


class _Header(msgspec.Struct):
    """What of a file can be read whatever its format is."""

    format_version: object = None


def decode(data: bytes, name: str) -> Result:
    """A result from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is no result, broken or of a newer format.

    """
    try:
        version = msgspec.json.decode(data, type=_Header).format_version
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{name} is not a result file: it is no whole JSON object.") from error
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ResultFileError(
            f"{name} has format {version}, and this version reads up to {FORMAT_VERSION}: update the project."
        )
    try:
        return _updated(msgspec.json.decode(data, type=Result))
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{name} is not a result file: {error}.") from error


def _updated(result: Result) -> Result:
    """A result of an older format as this one has it."""
    # Until format 5, a cell that was only counted had a run of no blocks.
    if result.run is not None and not result.run.blocks:
        return msgspec.structs.replace(result, run=None)
    return result


def decode_calibration(data: bytes) -> Calibration:
    """A calibration from its JSON.

    Raises:
        ResultFileError: when it is none.

    """
    try:
        return msgspec.json.decode(data, type=Calibration)
    except msgspec.DecodeError as error:
        raise ResultFileError(
            f"calibration.json is no calibration: {error}. Make one with nox -s calibrate."
        ) from error


def schema() -> bytes:
    """The JSON schema of a result file, from the model."""
    described: dict[str, Any] = msgspec.json.schema(Result)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=1, sort_keys=True).encode() + b"\n"
