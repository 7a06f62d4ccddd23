"""Reads files that somebody else wrote: regular ones, up to a bound, and without waiting for anybody.

A folder may hold a named pipe, which keeps its reader until somebody writes, a device without an end, or a file of
gigabytes. Each is refused before it is read, by an :class:`OSError` whose ``strerror`` says what is wrong with it in
words that follow "cannot be read". Only the standard library is imported, since the noxfile reads some of these files.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_DOCUMENT_BYTES = 8_000_000
"""Of a JSON file of results, which has under 300 kB by contract: a calibration, verdicts or a comparison likewise."""
MOST_SETTINGS_BYTES = 1_000_000
"""Of what people write by hand: an app's file, a pyproject.toml, an env file."""
MOST_LOCK_BYTES = 50_000_000
"""Of a list of packages with the hashes of all their files, as tools write it."""
MOST_LOG_BYTES = 4_000_000
"""Of a log, from its end: what went wrong last stands there."""
STEP_BYTES = 65_536
MOST_CLUES_BYTES = 1_000_000
"""Of a log, from its beginning: what it was that went wrong first."""


def read(path: Path, most_bytes: int) -> bytes:
    """The whole content of a regular file.

    Raises:
        OSError: when there is none, it is none, it may not be read, or it has more bytes than that.

    """
    with _opened(path) as (file, size):
        content = b"" if size > most_bytes else _take(file, most_bytes + 1, size)
    if max(size, len(content)) > most_bytes:
        raise OSError(errno.EFBIG, f"it has {max(size, len(content)):,} bytes, and at most {most_bytes:,} are read")
    return content


def _take(file: int, most_bytes: int, expected: int = 0) -> bytes:
    """Up to so many bytes from where a file is read; those of the kernel have no size that could be expected."""
    parts: list[bytes] = []
    while most_bytes > 0 and (part := os.read(file, min(most_bytes, max(expected + 1, STEP_BYTES)))):
        parts.append(part)
        most_bytes -= len(part)
    return b"".join(parts)


def read_text(path: Path, most_bytes: int) -> str:
    """The same, as UTF-8.

    Raises:
        OSError: as ``read`` has it, and when it is not UTF-8.

    """
    content = read(path, most_bytes)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, f"it is not UTF-8 ({error.reason} at byte {error.start:,})") from error


def read_log(path: Path, most_bytes: int = MOST_LOG_BYTES) -> str:
    """A log, or where it is longer its beginning and its end with what is left out between them in words.

    Bytes that are not UTF-8 are replaced.

    Raises:
        OSError: when there is none, or it may not be read.

    """
    with _opened(path) as (file, size):
        if size <= most_bytes:
            return _replaced(_take(file, most_bytes, size))
        begins = min(MOST_CLUES_BYTES, most_bytes // 4)
        begun = _take(file, begins)
        os.lseek(file, size - (most_bytes - begins), os.SEEK_SET)
        ended = _take(file, most_bytes - begins)
    # Whole lines: of half a secret nobody would know what it is, and hide it.
    begun, ended = begun[: begun.rfind(b"\n") + 1], ended.partition(b"\n")[2]
    left_out = size - len(begun) - len(ended)
    return f"{_replaced(begun)}[{left_out:,} bytes are left out]\n{_replaced(ended)}"


def _replaced(content: bytes) -> str:
    """What a text file says, with one kind of line end."""
    return content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """A regular file, open to be read, and its size in bytes.

    Raises:
        OSError: for anything else.

    """
    try:
        # A pipe that nobody writes to is opened at once instead of never.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name has a NUL character") from error
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            what = "it is a folder" if stat.S_ISDIR(about.st_mode) else "it is no regular file"
            raise OSError(errno.EINVAL, what)
        yield file, about.st_size
    finally:
        os.close(file)
