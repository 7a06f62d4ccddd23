"""What stands around the application under test: one path more, and what a control burns for each request."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from under_test import served_by
from under_test.identity import IDENTITY_PATH

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
Burn = Callable[[], None]


def wsgi(application: Wsgi, burn: Burn | None = None) -> Wsgi:
    """The application, which also says what serves it, and burns before each request where it is to be the control."""

    def under_test(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == IDENTITY_PATH:
            body = served_by.answer("WSGI", environ, environ["QUERY_STRING"])
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        if burn is not None:
            burn()
        return application(environ, start_response)

    return under_test


def asgi(application: Asgi, burn: Burn | None = None) -> Asgi:
    """The application, which also says what serves it, and burns before each request where it is to be the control."""

    # A coroutine function, as servers tell by that which version of ASGI an application speaks.
    async def under_test(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == IDENTITY_PATH:
                await _answer(served_by.answer("ASGI", {}, scope["query_string"].decode("latin-1")), send)
                return
            if burn is not None:
                burn()
        await application(scope, receive, send)

    return under_test


async def _answer(body: bytes, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
