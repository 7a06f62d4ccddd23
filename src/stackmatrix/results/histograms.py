"""Response times as HdrHistogram keeps them (V2, compressed, base64), read from files that anybody may have written.

A histogram of a hundred kilobytes could unfold to gigabytes, so it is unfolded here, up to what one can have, before
the library gets it. Pure.
"""

import base64
import binascii
import struct
import zlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

HIGHEST_US = 3_600_000_000
DIGITS = 3

_FRONT = struct.Struct(">Ii")  # a cookie, and how many bytes follow
_HEAD = struct.Struct(">Iiiiqqd")  # cookie, bytes of counts, offset, digits, lowest, highest, ratio
_COMPRESSED, _UNFOLDED = 0x1C849314, 0x1C849313
MOST_UNFOLDED_BYTES = 1_000_000
"""Of one histogram: each of its 24,000 counts has nine bytes at most."""
KEPT = 20_000
"""Histograms of which the counts are kept: they are looked at for each percentile."""

MOST_TIMES = 10**12
"""In one histogram: a hundred thousand arrivals per second for a hundred days."""

type Counts = tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]


def new() -> HdrHistogram:
    """An empty histogram of microseconds."""
    return HdrHistogram(1, HIGHEST_US, DIGITS)


@lru_cache(maxsize=KEPT)
def counts_of(encoded: str) -> Counts:
    """The places in a histogram's counts that are not empty, upwards, and how many times each has.

    Raises:
        ValueError: when it is no histogram of microseconds as :func:`new` makes it.

    """
    _need_sound(encoded)
    try:
        counts = np.ctypeslib.as_array(HdrHistogram.decode(encoded).counts).astype(np.int64)
    except Exception as error:
        raise ValueError(f"its counts cannot be read: {error}") from error
    places = np.flatnonzero(counts)
    if counts.min() < 0 or counts.max() > MOST_TIMES or counts.sum() > MOST_TIMES:
        raise ValueError("it has impossible counts")
    return places, counts[places]


def _need_sound(encoded: str) -> None:
    """Make sure that a histogram is one of this project's range, and not larger than one can be.

    Raises:
        ValueError: when it is not.

    """
    try:
        data = base64.b64decode(encoded, validate=True)
        cookie, _ = _FRONT.unpack_from(data)
        unfolding = zlib.decompressobj()
        content = unfolding.decompress(data[_FRONT.size :], MOST_UNFOLDED_BYTES)
        inner, _, _, digits, lowest, highest, _ = _HEAD.unpack_from(content)
    except (binascii.Error, struct.error, zlib.error, UnicodeError, ValueError) as error:
        raise ValueError(f"it is not one: {error}") from error
    if unfolding.unconsumed_tail or not unfolding.eof:
        raise ValueError("it is larger than one can be, or is not whole")
    if (cookie, inner, digits, lowest, highest) != (_COMPRESSED, _UNFOLDED, DIGITS, 1, HIGHEST_US):
        raise ValueError("it is of another kind or range")
