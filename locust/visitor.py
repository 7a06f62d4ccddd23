"""One visitor: a connection of its own to the target, and one request at a time.

``FastHttpUser``'s defaults would share a pool of ten inside the timed section and repeat a request whose connection
broke without saying so; here a visitor has exactly one connection, and connections and attempts are counted.
"""

import encodings.ascii  # noqa: F401 - imported on demand by the client, which fails when no file can be opened any more
import re
from typing import Any

import gevent
from geventhttpclient.url import URL
from locust import User
from locust.contrib.fasthttp import FastHttpSession

from recorder import now

# Explicit, so that what a run means does not hang on a library's defaults.
HEADERS = {"Connection": "keep-alive", "Accept-Encoding": "identity"}


class Visitor:
    """Sends the workload's request to one of the targets, by its number, and checks that the answer is right."""

    def __init__(
        self, user: User, target: int, base_url: str, path: str, page: re.Pattern[str], timeout_s: float
    ) -> None:
        self.target = target
        self._path = path
        self._page = page
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
            max_redirects=0,
            max_retries=0,
        )
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

    def visit(self, intended_s: float, level: int, phase: int) -> None:
        """Make one request now; ``intended_s`` is when it should have been made."""
        self._opened = self._attempts = 0
        context: dict[str, Any] = {"intended_s": intended_s, "level": level, "phase": phase, "wrong_body": False}
        context["target"] = self.target
        context["sent_s"] = now()
        # The client's own time-outs are for each step: to connect, to read some bytes, and again for a second attempt.
        with gevent.Timeout(self._timeout_s, TimeoutError("no whole answer in time")):
            answer = self._session.get(self._path, headers=HEADERS, context=context, catch_response=True)
        context["done_s"] = now()
        context["opened"], context["attempts"] = self._opened, self._attempts
        with answer as response:
            whole = response.request_meta["exception"] is None
            if whole and response.status_code == 200 and not self._page.fullmatch(response.text or ""):
                context["wrong_body"] = True
                response.failure("wrong body")

    def close(self) -> None:
        """Close the connection."""
        self._session.client.close()
