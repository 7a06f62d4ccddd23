"""Hypercorn, on each of its asyncio loops."""

from typing import Any

from stackmatrix.matrix.stacks.stack import Stack, Variation

COMMAND = "{bin}/hypercorn {asgi} --bind 127.0.0.1:{port} --workers 1 --backlog {backlog}"


def _hypercorn(name: str, summary: str, loop: str, said: str, *traits: str, **more: Any) -> Stack:
    return Stack(
        name=name,
        summary=summary,
        server="hypercorn",
        requirements=("hypercorn[uvloop]",),
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        command=tuple(f"{COMMAND} --worker-class {loop}".split()),
        flags_from=said,
        traits=("hypercorn.asyncio.tcp_server.TCPServer", *traits),
        **more,
    )


ASYNCIO_SAID = "Hypercorn's documentation (Workers): asyncio is what it takes by itself, with one process."
UVLOOP_SAID = "Hypercorn's documentation (Workers) has uvloop as the faster loop."

VARIES = Variation("hypercorn_asyncio", by="uvloop")

ROWS = (
    _hypercorn("hypercorn_asyncio", "Hypercorn, asyncio", "asyncio", ASYNCIO_SAID, shares_with="hypercorn_uvloop"),
    _hypercorn("hypercorn_uvloop", "Hypercorn, uvloop", "uvloop", UVLOOP_SAID, "uvloop.Loop", varies=VARIES),
)
