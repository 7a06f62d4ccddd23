"""The planted control: a known CPU time is burnt for each request, which the measurement then has to find.

How long is read for each request from a small file that the harness writes, eight bytes: milliseconds as a double. So
it can be set once the cost of a request is known, and in every process of a server.
"""

import mmap
import os
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

VARIABLE = "STACKMATRIX_PLANTED"
"""Names the file. Without it an application stays as it is."""
MILLISECONDS = struct.Struct("=d")

type Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
type Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def write(path: Path, burn_ms: float) -> None:
    """Set how long is burnt from now on; the file stays the same one, as it is mapped by those who read it."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(MILLISECONDS.pack(burn_ms))


def _burner() -> Callable[[], None] | None:
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


def wsgi(application: Wsgi) -> Wsgi:
    """The application, which burns before each request where it is to be the control."""
    burn = _burner()
    if burn is None:
        return application

    def planted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        burn()
        return application(environ, start_response)

    return planted


def asgi(application: Asgi) -> Asgi:
    """The application, which burns before each HTTP request where it is to be the control."""
    burn = _burner()
    if burn is None:
        return application

    async def planted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            burn()
        await application(scope, receive, send)

    return planted
