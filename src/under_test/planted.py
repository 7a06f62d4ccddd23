"""The planted control: a known CPU time is burnt for each request, which the measurement then has to find.

How long is read for each request from a small file that the harness writes, eight bytes: milliseconds as a double. So
it can be set once the cost of a request is known, and in every process of a server.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

VARIABLE = "STACKMATRIX_PLANTED"
"""Names the file. Without it an application stays as it is."""
MILLISECONDS = struct.Struct("=d")


def write(path: Path, burn_ms: float) -> None:
    """Set how long is burnt from now on; the file stays the same one, as it is mapped by those who read it."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(MILLISECONDS.pack(burn_ms))


def burner() -> Callable[[], None] | None:
    """What burns the CPU time of one request; ``None`` where this process is not the control."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return None
    with open(path, "rb") as file:  # noqa: PTH123 - what a server does at its start stays small
        shared = mmap.mmap(file.fileno(), MILLISECONDS.size, prot=mmap.PROT_READ)

    def burn() -> None:
        # The thread's own clock stands still while another thread runs, so exactly this much is burnt.
        until_s = time.thread_time() + MILLISECONDS.unpack_from(shared)[0] / 1000
        while time.thread_time() < until_s:
            pass

    return burn
