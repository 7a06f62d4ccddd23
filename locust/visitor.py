"""One visitor: a connection of its own to the target, and one request at a time.

``FastHttpUser``'s defaults would share a pool of ten inside the timed section and repeat a request whose connection
broke without saying so; here a visitor has exactly one connection, and connections and attempts are counted.
"""

import encodings.ascii  # noqa: F401 - imported on demand by the client, which fails when no file can be opened any more
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
from geventhttpclient.response import HTTPParseError, HTTPResponse
from geventhttpclient.url import URL
from locust import User
from locust.contrib.fasthttp import FastHttpSession

from recorder import now
from stackmatrix.matrix.page_order import Turn
from stackmatrix.matrix.pages import MOST_ANSWER_BYTES, Page
from stackmatrix.results import rows

# Explicit, so that what a run means does not hang on a library's defaults.
HEADERS = {"Connection": "keep-alive", "Accept-Encoding": "identity"}
EVERY_STATUS = frozenset(range(100, 1_000))


def bound_answers(feed: Callable[[Any, bytes], None]) -> Callable[[Any, bytes], None]:
    """A response's ``feed`` that ends one which has no end: the client itself would take in all that comes."""

    def take(response: Any, data: bytes) -> None:
        response.taken_bytes = getattr(response, "taken_bytes", 0) + len(data)
        if response.taken_bytes > MOST_ANSWER_BYTES:
            raise HTTPParseError(f"an answer of more than {MOST_ANSWER_BYTES:,} bytes")
        feed(response, data)

    return take


HTTPResponse.feed = bound_answers(HTTPResponse.feed)  # type: ignore[method-assign, assignment] # all bytes pass here


def send(session: FastHttpSession, page: Page, number: int, turn: int, **more: Any) -> Any:
    """The answer to one request for a page, of any status, without following where it leads, as locust gives it."""
    path, body = page.request(number, turn)
    headers = {**HEADERS, **dict(page.headers)} if page.headers else HEADERS
    data: Any = body  # sent as it is
    return session.request(page.method, path, headers=headers, data=data, catch_response=True, **more)


def take_as_they_come(session: FastHttpSession) -> None:
    """Follow no answer, refuse none for its status, and keep no cookies: pages say what is sent, and what is right."""
    session.client.max_redirects = session.client.max_retries = 0
    session.client.cookiejar = None
    session.client.valid_response_codes = EVERY_STATUS  # type: ignore[misc] # for one instance


def why_wrong(page: Page, response: Any) -> str | None:
    """Why a whole answer is not right, after the page's name; ``None`` where it is."""
    # As verification decodes it, whatever the answer says of itself.
    body = (response.content or b"").decode("utf-8", errors="replace")
    why = page.expect.why_wrong(response.status_code, response.headers, body)
    return None if why is None else f"{page.name} {why}"


class Visitor:
    """Asks one of the targets, by its place, for the workload's pages, and checks that each answer is right.

    ``numbers`` are those of requests, of which all visitors take the next one.
    """

    def __init__(
        self, user: User, target: int, base_url: str, pages: Sequence[Page], numbers: Iterator[int], timeout_s: float
    ) -> None:
        self.target = target
        self._pages, self._numbers = pages, numbers
        self._timeout_s = timeout_s
        self._opened = 0
        self._attempts = 0
        self._session = FastHttpSession(
            base_url=base_url,
            request_event=user.environment.events.request,
            user=None,
            concurrency=1,
            connection_timeout=timeout_s,
            network_timeout=timeout_s,
        )
        take_as_they_come(self._session)
        pool = self._session.client.clientpool.get_client(URL(base_url))._connection_pool
        take = pool.get_socket

        def count_attempt() -> Any:
            # The client asks again, up to twice, when a connection was closed without an answer. That is right for one
            # that had been kept; on a new one, the target has dropped the request.
            if self._attempts and self._opened:
                raise ConnectionResetError("the connection was closed without an answer")
            self._attempts += 1
            return take()

        def count_connection(_socket: Any) -> None:
            self._opened += 1

        pool.get_socket = count_attempt  # type: ignore[method-assign] # the pool's only place to see every attempt
        pool.after_connect = count_connection  # type: ignore[method-assign, assignment] # its hook, for one instance

    def visit(self, turn: Turn, intended_s: float, level: int, phase: int) -> None:
        """Make one request now; ``intended_s`` is when it should have been made."""
        self._opened = self._attempts = 0
        page = self._pages[turn.page]
        context: dict[str, Any] = {"intended_s": intended_s, "level": level, "phase": phase}
        context |= {"target": self.target, "page": turn.page, "wrong": None, "why_wrong": None}
        context["sent_s"] = now()
        # The client's own time-outs are for each step: to connect, to read some bytes, and again for a second attempt.
        with gevent.Timeout(self._timeout_s, TimeoutError("no whole answer in time")):
            number = next(self._numbers)
            answer = send(self._session, page, number, turn.values, name=page.name, context=context)
        context["done_s"] = now()
        context["opened"], context["attempts"] = self._opened, self._attempts
        with answer as response:
            if response.request_meta["exception"] is None and (why := why_wrong(page, response)) is not None:
                is_other_status = response.status_code != page.expect.status
                context["wrong"] = rows.STATUS if is_other_status else rows.WRONG_BODY
                context["why_wrong"] = why
                response.failure("wrong answer")  # locust would keep a line of its own for every reason

    def close(self) -> None:
        """Close the connection."""
        self._session.client.close()
