"""Small untimed requests to 127.0.0.1: asking the target what it is, and the external API what it saw."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackmatrix.matrix.pages import MOST_ANSWER_BYTES
from stackmatrix.outside.documents import read_json

REQUEST_TIMEOUT_S = 10.0
"""For one untimed request: far longer than a correct answer takes, short enough to notice a hung server."""
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, and how long it took from connecting to the last byte, in ms. Names of headers are lower."""

    status: int
    body: str
    took_ms: float
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: when it is none.

        """
        return read_json(self.body)


def get(port: int, path: str, headers: Mapping[str, str] | None = None, timeout_s: float = REQUEST_TIMEOUT_S) -> Answer:
    """One GET over a connection of its own.

    Raises:
        OSError, http.client.HTTPException: when no whole answer came.

    """
    return ask(port, "GET", path, headers, timeout_s=timeout_s)


def ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> Answer:
    """One request over a connection of its own; where its answer leads is not followed.

    Raises:
        OSError, http.client.HTTPException: when no whole answer came.

    """
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        try:
            connection.request(method, path, body, dict(headers or {}))
        except ValueError as error:  # a line break in a header, or a letter that none can have
            raise http.client.HTTPException(f"it cannot be sent: {error}") from error
        with ending(connection, timeout_s):
            response = connection.getresponse()
            text = read_body(response)
        took_ms = (time.perf_counter() - started) * 1000
        return Answer(response.status, text, took_ms, {name.lower(): value for name, value in response.getheaders()})
    finally:
        connection.close()


@contextlib.contextmanager
def ending(connection: http.client.HTTPConnection, within_s: float) -> Iterator[None]:
    """End a connection after so many seconds: a server that sends a byte now and then would never be waited out.

    Raises:
        TimeoutError: when it had to be ended.

    """
    connected, is_over = connection.sock, threading.Event()

    def end() -> None:
        is_over.set()
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(within_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if is_over.is_set():
            raise TimeoutError(f"no whole answer came within {within_s:g} s") from error
        raise
    finally:
        timer.cancel()
    if is_over.is_set():  # what ends with the connection seems whole
        raise TimeoutError(f"no whole answer came within {within_s:g} s")


def read_body(response: http.client.HTTPResponse) -> str:
    """The whole body as text; bytes that are not UTF-8 are replaced.

    Raises:
        OSError, http.client.HTTPException: when no whole one came, or one without an end.

    """
    content = bytearray()
    # Not read at once: the length of a chunk is the server's word.
    while part := response.read1(READ_BYTES):
        content += part
        if len(content) > MOST_ANSWER_BYTES:
            raise http.client.HTTPException(f"its answer has more than {MOST_ANSWER_BYTES:,} bytes")
    missing = response.length
    response.close()  # so that the connection can be asked again
    if missing:
        raise http.client.IncompleteRead(bytes(content), missing)
    return content.decode("utf-8", errors="replace")


def try_get(port: int, path: str, timeout_s: float = REQUEST_TIMEOUT_S) -> Answer | None:
    """The answer, or ``None`` when none came: for looking whether a server is up."""
    try:
        return get(port, path, timeout_s=timeout_s)
    except (OSError, http.client.HTTPException):
        return None
