"""Between structs and the JSON of a file of results, whoever wrote it. Pure: bytes in, bytes out.

A document that is broken, or is none, is a sentence with its name. The words of whoever wrote it stand there printable.
"""

from typing import Any

import msgspec

from stackmatrix.errors import ResultFileError
from stackmatrix.outside.documents import TOO_DEEP, read_json, write_json
from stackmatrix.outside.text import one_line


class _Header(msgspec.Struct):
    """What of a document can be read whatever its format is."""

    format_version: object = None


def version_of(data: bytes, name: str, what: str) -> int | None:
    """The format of a document that is called ``name``; ``None`` where it says none.

    ``what`` follows its name in a sentence where it is none, as in "no calibration".

    Raises:
        ResultFileError: when it is no JSON object.

    """
    try:
        version = msgspec.json.decode(data, type=_Header).format_version
    except (ValueError, RecursionError) as error:
        raise ResultFileError(f"{one_line(name)} is {what}: it is no whole JSON object.") from error
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def need_version(data: bytes, name: str, what: str, version: int) -> None:
    """Make sure that a document has a format that can be read.

    Raises:
        ResultFileError: when it is no JSON object, or has another one.

    """
    found = version_of(data, name, what)
    if found is not None and found != version:
        remedy = "update the project" if found > version else "make it anew"
        told = f"{one_line(name)} has format {one_line(str(found), 20)}"
        raise ResultFileError(f"{told}, and this version reads format {version}: {remedy}.")


def decode[D: msgspec.Struct](data: bytes, name: str, what: str, kind: type[D]) -> D:
    """A document as its struct.

    Raises:
        ResultFileError: when it is none.

    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        reason = TOO_DEEP
    except ValueError as error:  # what is no JSON, no UTF-8, or has other fields
        reason = one_line(str(error))
    raise ResultFileError(f"{one_line(name)} is {what}: {reason}.")


def to_builtins(document: msgspec.Struct) -> dict[str, Any]:
    """What a struct holds as JSON has it: a number that is none is ``None``."""
    content: dict[str, Any] = read_json(msgspec.json.encode(document))
    return content


def encode(document: msgspec.Struct) -> bytes:
    """A document as JSON, which a diff shows well."""
    return write_json(to_builtins(document), indent=1).encode() + b"\n"
