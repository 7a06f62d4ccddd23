"""A path on which a request waits inside the application for a stated time: for a stop, whose visitors must be there.

Whom a server answers when it is stopped is the server's doing, and no page is needed for it but one that takes long
enough. A target has the path only where the harness gives it the variable; without it nothing stands around an
application. A server that waits in threads waits in one of them, and greenlets and event loops go on.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

VARIABLE = "STACKMATRIX_HOLDS"
"""Set, to anything, where the path is to be there."""
LONGEST_MS = 5000
"""A longer wait that is asked for is cut to this."""
_PATH = re.compile(r"/\.stackmatrix/held/(\d{1,9})/")

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


def path(ms: int) -> str:
    """Where a request is held for so long; no application has this path."""
    return f"/.stackmatrix/held/{ms}/"


def text(ms: int) -> str:
    """The whole of the answer to a request that was held for so long."""
    return f"Held for {ms} ms.\n"


def wsgi(application: Wsgi) -> Wsgi:
    """The application, which also holds requests where this process is to."""
    if VARIABLE not in os.environ:
        return application

    def holding(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        ms = _asked_ms(environ["PATH_INFO"])
        if ms is None:
            return application(environ, start_response)
        time.sleep(ms / 1000)  # looked up at each call: gevent puts its own in this place
        body = text(ms).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return holding


def asgi(application: Asgi) -> Asgi:
    """The application, which also holds requests where this process is to."""
    if VARIABLE not in os.environ:
        return application

    async def holding(scope: Any, receive: Any, send: Any) -> None:
        ms = _asked_ms(scope["path"]) if scope["type"] == "http" else None
        if ms is None:
            await application(scope, receive, send)
            return
        await asyncio.sleep(ms / 1000)
        body = text(ms).encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return holding


def _asked_ms(asked: str) -> int | None:
    found = _PATH.fullmatch(asked)
    return min(int(found[1]), LONGEST_MS) if found else None
