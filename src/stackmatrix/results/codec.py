"""Between result structs and the JSON of a result file. Pure: bytes in, bytes out."""

import json
import re
from typing import Any

import msgspec

from stackmatrix.errors import ResultFileError
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import FIELDS, FORMAT_VERSION, Result


def encode(result: Result | Calibration) -> bytes:
    """A result, or a calibration, as JSON; numbers keep all their digits.

    Indented, but with each block on a line of its own: a diff shows which block came, and sixteen of them stay small
    enough to commit.
    """
    content = json.loads(msgspec.json.encode(result))
    lines: list[str] = []
    for field in FIELDS.values():
        blocks: list[Any] = content.get(field, []) if isinstance(result, Result) else []
        for place, block in enumerate(blocks):
            blocks[place] = f"{BLOCK}{len(lines)}"
            lines.append(json.dumps(block, ensure_ascii=False, separators=(",", ":")))
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return re.sub(_BLOCK_LINE, lambda found: lines[int(found[1])], text).encode() + b"\n"


BLOCK = "\0block "
"""Stands for a block until its line is put in; no text in a result begins with a null."""
_BLOCK_LINE = re.compile(r'"\\u0000block (\d+)"')


class _Header(msgspec.Struct):
    """What of a file can be read whatever its format is."""

    format_version: object = None


def decode(data: bytes, name: str) -> Result:
    """A result from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is no result, broken, or of another format.

    """
    try:
        version = msgspec.json.decode(data, type=_Header).format_version
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{name} is not a result file: it is no whole JSON object.") from error
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ResultFileError(
            f"{name} has format {version}, and this version reads format {FORMAT_VERSION}: update the project."
        )
    if isinstance(version, int) and version < FORMAT_VERSION:
        raise ResultFileError(
            f"{name} has format {version}, which was made by an older method and is read no more: git keeps it. "
            "Remove it, and measure anew."
        )
    try:
        return msgspec.json.decode(data, type=Result)
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{name} is not a result file: {error}.") from error


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
