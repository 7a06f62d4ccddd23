"""The load of a count: so many clients that each ask again as soon as they are answered, every page checked.

No time is measured, so nothing has to be quiet, and this is the simplest load there is.
"""

import contextlib
import http.client
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from stackmatrix.errors import TrialError
from stackmatrix.matrix.workloads import Workload

PATIENCE_S = 600.0
"""For everything that a server under valgrind does: it is some fifty times slower."""


class Client:
    """Asks for one page after the other, on a connection that it keeps as long as the server does."""

    def __init__(self, port: int, workload: Workload) -> None:
        self._path, self._page = workload.path, re.compile(workload.page)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._is_kept = False

    def ask(self) -> None:
        """One page.

        Raises:
            TrialError: when it does not come, or is another one.

        """
        try:
            status, body = self._get()
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"A request was not answered: {type(error).__name__}: {error}.") from error
        if status != 200 or not self._page.fullmatch(body):
            raise TrialError(f"The page is not the one that was expected: status {status}, {body[:200]!r}.")

    def _get(self) -> tuple[int, str]:
        try:
            self._connection.request("GET", self._path)
            response = self._connection.getresponse()
        except ConnectionError:
            self._connection.close()
            if not self._is_kept:
                raise
            # Not every server says that it will not keep a connection.
            self._is_kept = False
            return self._get()
        self._is_kept = True
        return response.status, response.read().decode("utf-8", errors="replace")

    def close(self) -> None:
        self._connection.close()

    def hang_up(self) -> None:
        """End whatever is under way, from another thread, and do not ask again."""
        self._is_kept = False
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


def ask_many(port: int, workload: Workload, in_flight: int, requests: int) -> None:
    """Ask for so many pages, so many at once; the first ones spread over one response, as a trial's visitors are.

    Raises:
        TrialError: when an answer is not the page.

    """
    left = iter(range(requests))
    lock = threading.Lock()
    stopped = threading.Event()
    clients = [Client(port, workload) for _ in range(in_flight)]

    def ask(client: Client, begin_s: float) -> None:
        with contextlib.closing(client):
            stopped.wait(begin_s)
            while not stopped.is_set():
                with lock:
                    if next(left, None) is None:
                        return
                client.ask()

    with ThreadPoolExecutor(in_flight) as pool:
        try:
            step_s = workload.floor_ms / 1000 / in_flight
            for one in [pool.submit(ask, client, place * step_s) for place, client in enumerate(clients)]:
                one.result()
        finally:
            # After Ctrl-C or a wrong page: leaving the pool waits for its threads.
            stopped.set()
            for client in clients:
                client.hang_up()
