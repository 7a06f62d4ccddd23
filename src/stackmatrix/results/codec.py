"""Between result structs and the JSON of a result file. Pure: bytes in, bytes out."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from stackmatrix.errors import ResultFileError
from stackmatrix.outside.documents import write_json
from stackmatrix.outside.text import one_line
from stackmatrix.results import documents, histograms
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import FIELDS, FORMAT_VERSION, Result

NO_RESULT, NO_CALIBRATION = "not a result file", "no calibration"


def encode(result: Result | Calibration) -> bytes:
    """A result, or a calibration, as JSON; numbers keep all their digits.

    Indented, but with each block on a line of its own: a diff shows which block came, and sixteen of them stay small
    enough to commit.
    """
    content = documents.to_builtins(result)
    written = {
        field: [write_json(block, tight=True) for block in content.get(field, ())]
        for field in (FIELDS.values() if isinstance(result, Result) else ())
    }
    # Stands for a block until its line is put in: longer than any text in the file.
    mark = "0" * (1 + max(map(len, re.findall("0+", write_json(content))), default=0))
    lines = [line for some in written.values() for line in some]
    places = iter(range(len(lines)))
    content |= {field: [f"{mark}{next(places)}" for _ in some] for field, some in written.items() if field in content}
    text = write_json(content, indent=1)
    return re.sub(rf'"{mark}(\d+)"', lambda found: lines[int(found[1])], text).encode() + b"\n"


def decode(data: bytes, name: str) -> Result:
    """A result from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is no result, broken, or of another format.

    """
    version = documents.version_of(data, name, NO_RESULT)
    told = f"{one_line(name)} has format {one_line(str(version), 20)}"
    if version is not None and version > FORMAT_VERSION:
        raise ResultFileError(f"{told}, and this version reads format {FORMAT_VERSION}: update the project.")
    if version is not None and version < FORMAT_VERSION:
        raise ResultFileError(
            f"{told}, which was made by an older method and is read no more: git keeps it. Remove it, and measure anew."
        )
    result = documents.decode(data, name, NO_RESULT, Result)
    for histogram in _histograms(result):
        try:
            histograms.counts_of(histogram)
        except ValueError as error:
            raise ResultFileError(
                f"{one_line(name)} is {NO_RESULT}: of a histogram, {one_line(str(error))}."
            ) from error
    return result


def _histograms(result: Result) -> Iterator[str]:
    """Every histogram of a result."""
    references = [ramp.reference for ramp in result.ramps if ramp.reference is not None]
    pages = [page for reference in references for page in reference.pages]
    levels = [level for ladder in result.ladders for level in ladder.levels]
    encoded = (
        *(one.latency_histogram for one in references),
        *(one.latency_histogram for one in pages),
        *(one.latency_histogram for one in levels),
    )
    yield from (one for one in encoded if one is not None)


def decode_calibration(data: bytes) -> Calibration:
    """A calibration from its JSON.

    Raises:
        ResultFileError: when it is none.

    """
    try:
        return documents.decode(data, "calibration.json", NO_CALIBRATION, Calibration)
    except ResultFileError as error:
        raise ResultFileError(f"{error} Make one with nox -s calibrate.") from error


def schema() -> bytes:
    """The JSON schema of a result file, from the model."""
    described: dict[str, Any] = msgspec.json.schema(Result)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(described, indent=1, sort_keys=True).encode() + b"\n"
