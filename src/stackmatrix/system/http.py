"""Small untimed requests to 127.0.0.1: asking the target what it is, and the external API what it saw."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REQUEST_TIMEOUT_S = 10.0
"""For one untimed request: far longer than a correct answer takes, short enough to notice a hung server."""


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
        return json.loads(self.body)


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
        response = connection.getresponse()
        text = response.read().decode("utf-8", errors="replace")
        took_ms = (time.perf_counter() - started) * 1000
        return Answer(response.status, text, took_ms, {name.lower(): value for name, value in response.getheaders()})
    finally:
        connection.close()


def try_get(port: int, path: str, timeout_s: float = REQUEST_TIMEOUT_S) -> Answer | None:
    """The answer, or ``None`` when none came: for looking whether a server is up."""
    try:
        return get(port, path, timeout_s=timeout_s)
    except (OSError, http.client.HTTPException):
        return None
