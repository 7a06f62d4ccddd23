"""Standard output and error that may go nowhere: a terminal that was closed, a pipe that nobody reads, a full disk.

What a run measures is in its files, so it does not end because nobody can be told. Closing a terminal ends it all the
same, by the signal that comes with that (``nohup`` holds it off).
"""

import io
import os
import sys
from typing import Any


class Tolerant(io.FileIO):
    """A file whose output is dropped where it cannot be written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BlockingIOError:
            raise
        except OSError:
            return memoryview(data).nbytes


def tolerate_loss() -> None:
    """Make this process's standard output and error such files; what is no file of the system stays as it is."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _tolerant(stream))
        elif stream is None:  # closed by whoever started this
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for good


def _tolerant(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    stream.flush()
    raw = Tolerant(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
