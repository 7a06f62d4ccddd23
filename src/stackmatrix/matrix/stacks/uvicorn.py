"""Uvicorn: on uvloop, plain, with two processes, with the sync view, and with a WSGI application."""

from typing import Any

from stackmatrix.matrix.stacks.stack import Stack, Variation

COMMAND = "{bin}/python -m uvicorn {asgi} --host 127.0.0.1 --port {port}"
QUIET = "--no-access-log --backlog {backlog}"
FAST = "--loop uvloop --http httptools"
A2WSGI = "{bin}/python -m launchers.uvicorn_a2wsgi {wsgi} --port {port} --backlog {backlog} --threads 100"
# Named, because Uvicorn uses them only where they are installed: without them it is another stack.
FAST_REQUIREMENTS = ("uvicorn", "uvloop", "httptools")
HTTPTOOLS, H11 = "uvicorn.protocols.http.httptools_impl", "uvicorn.protocols.http.h11_impl"


def _uvicorn(name: str, summary: str, said: str, flags: str = FAST, **more: Any) -> Stack:
    common: dict[str, Any] = {
        "server": "uvicorn",
        "requirements": FAST_REQUIREMENTS,
        "interface": "ASGI",
        "waits_with": "event loop",
        "slots": None,
        "command": tuple(f"{COMMAND} {flags} {QUIET}".split()),
        "traits": (HTTPTOOLS, "uvloop.Loop"),
    }
    return Stack(name=name, summary=summary, flags_from=said, **(common | more))


FAST_SAID = (
    "Uvicorn's documentation (Settings): uvloop and httptools are what it takes by itself where they are installed, as "
    "uvicorn[standard] does."
)
H11_SAID = "Uvicorn's documentation (Settings): asyncio and h11 are what it takes where nothing else is installed."
WORKERS_SAID = (
    "Uvicorn's documentation (Deployment) has --workers for several processes; the rest is what it takes by itself."
)
SYNC_SAID = (
    "Uvicorn's documentation (Settings), as for uvicorn. Django's documentation (Asynchronous support) has sync views "
    "run in a thread."
)
A2WSGI_SAID = (
    "Uvicorn advises a2wsgi for WSGI applications when its own adapter is used; a2wsgi's documentation has ten threads "
    "by default, and the hundred are those of the demo that this project began with."
)

ROWS = (
    _uvicorn("uvicorn", "Uvicorn, asyncio on uvloop", FAST_SAID, demo_place=5),
    _uvicorn(
        "uvicorn_h11",
        "Uvicorn, asyncio and h11",
        H11_SAID,
        "--loop asyncio --http h11",
        requirements=("uvicorn",),
        traits=(H11,),
        varies=Variation("uvicorn", by="asyncio and h11"),
    ),
    _uvicorn(
        "uvicorn_2_workers",
        "Uvicorn, 2 processes",
        WORKERS_SAID,
        f"{FAST} --workers 2",
        workers=2,
        shares_with="uvicorn",
        varies=Variation("uvicorn", by="two processes"),
    ),
    _uvicorn(
        "uvicorn_sync_view",
        "Uvicorn, the sync view under ASGI",
        SYNC_SAID,
        waits_with="threads",
        view="sync",
        # The server is the same; what differs is which of the site's applications it has loaded.
        traits=(HTTPTOOLS, "uvloop.Loop", "fanout_site.asgi_sync_view"),
        shares_with="uvicorn",
        varies=Variation("uvicorn", by="the sync view in a thread", is_asked_for=True),
    ),
    _uvicorn(
        "uvicorn_a2wsgi",
        "Uvicorn with a2wsgi, 100 threads",
        A2WSGI_SAID,
        requirements=(*FAST_REQUIREMENTS, "a2wsgi"),
        interface="WSGI",
        waits_with="threads",
        slots=100,
        command=tuple(A2WSGI.split()),
        traits=(HTTPTOOLS, "uvloop.Loop", "a2wsgi.wsgi.WSGIMiddleware"),
        varies=Variation("uvicorn", by="a2wsgi"),
    ),
)
