"""One untimed request for a page, with its method, headers and body, to a server on 127.0.0.1."""

import http.client
import time

from stackmatrix.application.setup import Answered
from stackmatrix.matrix.pages import Page

ANSWER_S = 60.0
"""For one answer: a first one may compile templates and make thumbnails."""


def ask(port: int, page: Page, number: int, timeout_s: float = ANSWER_S) -> tuple[Answered, float]:
    """Ask for a page over a connection of its own; returns the answer and how long it took, in ms.

    Raises:
        OSError, http.client.HTTPException: when no whole answer came.

    """
    path, body = page.request(number)
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.putrequest(page.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in page.headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read().decode("utf-8", errors="replace")
        took_ms = (time.perf_counter() - started) * 1000
        return Answered(
            response.status, {name.lower(): value for name, value in response.getheaders()}, content
        ), took_ms
    finally:
        connection.close()
