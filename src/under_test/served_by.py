"""What serves the application, as the serving process itself sees it: verification asks, and nothing is timed.

Nothing is taken from the harness or from the environment that it sets: the answer must not be an echo of the question.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from importlib import metadata
from pathlib import PurePath
from typing import Any

from under_test import interpreter, traits
from under_test.identity import LOOP, PROCESS, Identity


def answer(interface: str, environ: Mapping[str, Any], query: str) -> bytes:
    """The answer to a question of the harness, as JSON; ``query`` is that of the request."""
    if PROCESS in query:
        return name_process()
    return describe(interface, environ, times_loop=LOOP in query)


def name_process() -> bytes:
    """Which process this is, after a while of keeping it busy, so that others take what is asked meanwhile.

    Many ask at once, so nothing else is looked at: :func:`describe` holds on to every object for a moment.
    """
    interpreter.time_loop_ms()
    return json.dumps({"pid": os.getpid()}).encode()


def describe(interface: str, environ: Mapping[str, Any], *, times_loop: bool) -> bytes:
    """The interpreter, what tells the server, how the worker waits, and every installed package, as JSON.

    ``environ`` is that of a WSGI request; of ASGI nothing is needed of it.

    With ``times_loop`` also how fast the interpreter is at a moment, which keeps the process busy for some 50 ms.
    """
    identity = Identity(
        python=interpreter.describe(),
        traits=traits.find(environ),
        interface=interface,
        event_loop=running_loop_name(),
        pid=os.getpid(),
        waits_with=wait_model(),
        monkey_patched=is_monkey_patched(),
        threads=threading.active_count(),
        packages=installed_packages(),
        loop_ms=interpreter.time_loop_ms() if times_loop else None,
    )
    return json.dumps(identity.to_dict()).encode()


BROKEN = "broken"
"""In place of a version: there is a package's folder, and nothing in it that says what it is."""


def installed_packages() -> dict[str, str]:
    """Every distribution of this environment, by its normalised name; one without a name by that of its folder.

    Of several with the same name it is the one that imports find, as the first in the path is. One that says what it is
    stands before a broken one, which an interrupted upgrade leaves beside it.
    """
    packages: dict[str, str] = {}
    folders: dict[PurePath, int] = {}

    def place(distribution: metadata.Distribution) -> tuple[int, str]:
        """By folder as the path has them, and in one folder by name: a listing has no order of its own."""
        path = PurePath(str(getattr(distribution, "_path", "")))
        return folders.setdefault(path.parent, len(folders)), path.name

    for name, version in map(_read, sorted(metadata.distributions(), key=place)):
        if packages.get(name, BROKEN) == BROKEN:
            packages[name] = version
    return packages


def _read(distribution: metadata.Distribution) -> tuple[str, str]:
    told: dict[str, str | None] = {"Name": None, "Version": None}
    # A folder without the file that says it all is an error from Python 3.15 on, and an empty answer before. So is what
    # is no text.
    with contextlib.suppress(Exception):
        found = distribution.metadata
        told = {key: found.get(key) for key in told}
    name = told["Name"] or _folder(distribution)
    version = (told["Version"] if told["Name"] else None) or BROKEN
    return _text(name).lower().replace("_", "-"), _text(version)


def _text(told: object) -> str:
    """A text that can be written anywhere: headers are objects that look like one, and names of folders any bytes."""
    return str(told).strip().encode(errors="replace").decode()


def _folder(distribution: metadata.Distribution) -> str:
    """The name of the folder that describes a distribution, without what follows the package's name."""
    name = PurePath(str(getattr(distribution, "_path", "unknown"))).name.partition("-")[0]
    return name.removesuffix(".dist").removesuffix(".egg")


def running_loop_name() -> str | None:
    """The module and class of the event loop that runs this view, or ``None`` outside one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return f"{type(loop).__module__}.{type(loop).__qualname__}"


def wait_model() -> str:
    """``event loop``, ``greenlets`` or ``threads``: what gives way while this view waits."""
    if running_loop_name() is not None:
        return "event loop"
    gevent = sys.modules.get("gevent")
    if gevent is not None and isinstance(gevent.getcurrent(), gevent.Greenlet):
        return "greenlets"
    return "threads"


def is_monkey_patched() -> bool:
    """Whether gevent has replaced the sockets of the standard library."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))
