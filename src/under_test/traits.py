"""What tells the server of this process from every other one, as the process itself sees it. Standard library only.

A trait is the name of a loaded module, of a class that has living instances, of an option that uWSGI was started with,
of the program at the other end of a local connection, or of the one that started this process. Nothing is looked for by
name, so that a server that is not known yet tells as much as one that is.
"""

import contextlib
import gc
import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

PEER = struct.Struct("3i")
"""Linux's ``struct ucred``: process, user and group."""


def find(environ: Mapping[str, Any]) -> list[str]:
    """All traits, in order. ``environ`` is that of a WSGI request; an ASGI server puts nothing there that is needed."""
    return sorted({*modules(), *classes(), *uwsgi_options(), *peers(environ), *parents()})


def modules() -> Iterator[str]:
    """The loaded modules, but for those of the standard library; what ``python -m`` runs has its own name here."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    started = () if spec is None else (spec.name,)
    return (name for name in (*sys.modules, *started) if not _is_standard(name))


def classes() -> Iterator[str]:
    """The classes with instances that the garbage collector knows of: a worker, a connection, an event loop.

    The list of all objects is made, read and dropped within one call, without a step of Python in which another thread
    could run: uWSGI fails a request while somebody else holds the tuple in which its thread hands requests over.
    """
    objects = chain.from_iterable(map(gc.get_objects, (None,)))  # not made before somebody takes the first of them
    for kind in set(map(type, objects)):
        if isinstance(kind.__module__, str) and not _is_standard(kind.__module__):
            yield f"{kind.__module__}.{kind.__qualname__}"


def _is_standard(name: str) -> bool:
    package = name.partition(".")[0]
    return package in sys.stdlib_module_names or package.startswith("__")


def uwsgi_options() -> Iterator[str]:
    """Such as ``uwsgi --http-socket``: how uWSGI has read its command line."""
    options = getattr(sys.modules.get("uwsgi"), "opt", {})
    return (f"uwsgi --{name.decode() if isinstance(name, bytes) else name}" for name in options)


def peers(environ: Mapping[str, Any]) -> Iterator[str]:
    """Such as ``peer nginx``: the program that this request came from, where it came by a Unix socket; Linux only."""
    with contextlib.suppress(OSError, AttributeError), _connection(environ) as connection:
        if connection is not None and connection.family == socket.AF_UNIX:
            told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
            yield f"peer {_program(PEER.unpack(told)[0])}"


def parents() -> Iterator[str]:
    """Such as ``parent caddysnake-cli``: the program that started this process; Linux only."""
    with contextlib.suppress(OSError):
        yield f"parent {_program(os.getppid())}"


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


def _connection(environ: Mapping[str, Any]) -> contextlib.AbstractContextManager[socket.socket | None]:
    """The connection of a request, where the server hands it out."""
    if (uwsgi := sys.modules.get("uwsgi")) is not None:
        return socket.socket(fileno=socket.dup(uwsgi.connection_fd()))
    return contextlib.nullcontext(environ.get("gunicorn.socket"))
