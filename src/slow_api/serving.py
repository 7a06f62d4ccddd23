"""How the external API and the stand-ins for others are served: on uvloop and httptools, without an access log."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BACKLOG = 4096
"""Three calls for each of a thousand users may arrive at once; a full queue would be charged to the target."""


def serve(application: Application, port: int) -> None:
    """Serve an ASGI application on 127.0.0.1 until SIGTERM or SIGINT."""
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        # Longer than any pause of a trial, so that a connection that a pooled client keeps is never closed from here.
        timeout_keep_alive=300,
    )


async def answer(send: Send, status: int, body: bytes, content_type: bytes = b"application/json") -> None:
    """Send a whole answer."""
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
