"""An ASGI application for tests whose page comes at once."""

from typing import Any

PAGE = b"<p>Here it is.</p>"


async def application(scope: Any, _receive: Any, send: Any) -> None:
    """Answer each request with the page, and leave the rest to the server."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})
