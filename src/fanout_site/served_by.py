"""What serves this site, as the serving process itself sees it: verification asks here, and nothing is timed.

Nothing is taken from the harness or from the environment that it sets: the answer must not be an echo of the question.
"""

import asyncio
import os
import platform
import sys
import sysconfig
import threading
from importlib import metadata

from django.http import HttpRequest, JsonResponse

from fanout_site.identity import Identity, Interpreter

SERVER_MODULES = ("uwsgi", "gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "waitress", "cheroot", "mod_wsgi")
"""Importable names of the servers that could be answering; those that are loaded are reported."""


def served_by(request: HttpRequest) -> JsonResponse:
    """The interpreter, the server, the interface, how the worker waits, and every installed package."""
    packages = installed_packages()
    identity = Identity(
        python=interpreter(),
        servers={name: packages.get(name) for name in SERVER_MODULES if name in sys.modules},
        interface="ASGI" if hasattr(request, "scope") else "WSGI",
        event_loop=running_loop_name(),
        pid=os.getpid(),
        waits_with=wait_model(),
        monkey_patched=is_monkey_patched(),
        threads=threading.active_count(),
        packages=packages,
    )
    return JsonResponse(identity.to_dict())


async def served_by_async(request: HttpRequest) -> JsonResponse:
    """The same from inside the event loop."""
    return served_by(request)


def interpreter() -> Interpreter:
    """The interpreter's version, build and GIL state."""
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return Interpreter(
        version=platform.python_version(),
        implementation=platform.python_implementation(),
        compiler=platform.python_compiler(),
        optimised="--enable-optimizations" in arguments,
        gil=bool(gil_enabled),
    )


def installed_packages() -> dict[str, str]:
    """Every distribution of this environment, by its normalised name."""
    return {
        distribution.metadata["Name"].lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions()
    }


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
