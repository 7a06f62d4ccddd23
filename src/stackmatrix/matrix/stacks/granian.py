"""Granian, by each interface that Django has an application for."""

from typing import Any

from stackmatrix.matrix.stacks.stack import Stack, Variation

COMMAND = "{bin}/granian --host 127.0.0.1 --port {port} --workers 1 --no-ws --backlog {backlog}"
NOT_ON = {"3.13t": "Granian has no wheel for it, and its build needs a Rust tool chain"}


def _granian(name: str, summary: str, flags: str, said: str, **more: Any) -> Stack:
    common: dict[str, Any] = {
        "server": "granian",
        "requirements": ("granian", "uvloop"),
        "interface": "ASGI",
        "waits_with": "event loop",
        "slots": None,
        "command": tuple(f"{COMMAND} {flags}".split()),
        "not_on": NOT_ON,
        "shares_with": "granian_wsgi",
    }
    return Stack(name=name, summary=summary, flags_from=said, **(common | more))


WSGI = "--interface wsgi --blocking-threads 100 {wsgi_callable}"
ASGI, ASGINL = "--interface asgi --loop uvloop {asgi}", "--interface asginl --loop uvloop --runtime-mode st {asgi}"

WSGI_SAID = (
    "The hundred threads are those of the demo that this project began with. Granian's documentation (Workers and "
    "threads) advises to leave their number to it, and to limit connections where an application needs that."
)
ASGI_SAID = (
    "Its command line's help: what it takes by itself, which for the loop is uvloop where that is installed. Nothing "
    "is recommended for this."
)
ASGINL_SAID = (
    "Granian's log advises this interface where an application knows no lifespan, as Django does not. Its "
    "documentation (Runtime mode) finds the single-threaded runtime more efficient with few processes."
)

ROWS = (
    _granian(
        "granian_wsgi",
        "Granian, WSGI, 100 threads",
        WSGI,
        WSGI_SAID,
        interface="WSGI",
        waits_with="threads",
        slots=100,
        shares_with=None,
        traits=("granian._granian.WSGIWorker", "uvloop.Loop"),
    ),
    _granian(
        "granian_asgi",
        "Granian, ASGI, uvloop",
        ASGI,
        ASGI_SAID,
        traits=("granian._granian.ASGIWorker", "granian.asgi.LifespanProtocol", "uvloop.Loop"),
    ),
    _granian(
        "granian_asginl",
        "Granian, ASGI without lifespan, uvloop",
        ASGINL,
        ASGINL_SAID,
        traits=("granian._granian.ASGIWorker", "uvloop.Loop"),
        varies=Variation("granian_asgi", by="no lifespan and a single-threaded runtime"),
    ),
)
