"""Single visitors, each a thread with a connection of its own: what becomes of a request when its server is stopped.

No load generator: it would try again, or call everything that goes wrong a failure. Here it matters how it went wrong.
"""

import http.client
import select
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stackmatrix.errors import TrialError
from stackmatrix.load.numbers import NUMBERS
from stackmatrix.matrix.pages import Page
from stackmatrix.results.stops import Visitors
from stackmatrix.system.http import Answer, read_body
from stackmatrix.testbed import verification

Fate = Literal["answered", "wrong", "cut_off", "refused"]


@dataclass
class Visitor:
    """Asks for a page once. ``fate`` is ``None`` as long as it waits; times are of the monotonic clock.

    ``timeout_s`` ends a wait for which nobody looks any more.
    """

    port: int
    page: Page
    timeout_s: float
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    fate: Fate | None = None
    sent_s: float | None = None
    ended_s: float | None = None
    _thread: threading.Thread | None = None

    def start(self) -> "Visitor":
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()
        return self

    def wait(self, until_s: float) -> None:
        """Wait for its end until that moment."""
        assert self._thread is not None
        self._thread.join(max(0.0, until_s - time.monotonic()))

    def _visit(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        try:
            self.fate = self._ask(connection)
            self.ended_s = time.monotonic()
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> Fate | None:
        try:
            connection.connect()
        except TimeoutError:
            return None
        except OSError as error:
            return "refused" if isinstance(error, ConnectionRefusedError) else "cut_off"
        try:
            return self._read(connection)
        except TimeoutError:
            return None
        except (OSError, http.client.HTTPException):
            return "cut_off"

    def _read(self, connection: http.client.HTTPConnection) -> Fate:
        began_s = time.monotonic()
        _send(connection, self.page, {"X-Request-ID": self.id})
        self.sent_s = time.monotonic()
        response = connection.getresponse()
        # Without a length, as some servers answer, only its text shows that a page is whole.
        has_length = response.length is not None or response.chunked
        try:
            verification.verify_page(_read(response, began_s), self.page)
        except TrialError:
            return "wrong" if has_length or response.status != self.page.expect.status else "cut_off"
        return "answered"


def _send(connection: http.client.HTTPConnection, page: Page, headers: Mapping[str, str]) -> None:
    path, body = page.request(NUMBERS.take(1))
    connection.request(page.method, path, body, {**dict(page.headers), **headers})


def _read(response: http.client.HTTPResponse, began_s: float) -> Answer:
    text = read_body(response)
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, text, (time.monotonic() - began_s) * 1000, headers)


def count(visitors: Iterable[Visitor]) -> Visitors:
    """What became of them; those who still wait are unanswered."""
    fates = [visitor.fate for visitor in visitors]
    return Visitors(
        answered=fates.count("answered"),
        wrong=fates.count("wrong"),
        cut_off=fates.count("cut_off"),
        refused=fates.count("refused"),
        unanswered=fates.count(None),
    )


class KeptConnection:
    """A connection on which a page has come, and which then idles, as a load balancer or a browser keeps it."""

    def __init__(self, port: int, page: Page, timeout_s: float) -> None:
        """Ask for the page.

        Raises:
            TrialError: when it does not come.

        """
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        try:
            began_s = time.monotonic()
            _send(self._connection, page, {})
            verification.verify_page(_read(self._connection.getresponse(), began_s), page)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise TrialError(f"A single request was not answered: {type(error).__name__}: {error}.") from error

    def is_open(self) -> bool:
        """Whether the server has not closed it."""
        connected = self._connection.sock  # None where the answer said that it would be closed
        if connected is None:
            return False
        try:
            readable, _, _ = select.select([connected], [], [], 0)
            return not readable or connected.recv(4096) != b""
        except OSError:
            return False

    def close(self) -> None:
        self._connection.close()
