"""The load of a count: so many clients that each ask again as soon as they are answered, every page checked.

No time is measured, so nothing has to be quiet, and this is the simplest load there is.
"""

import contextlib
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from stackmatrix.errors import TrialError
from stackmatrix.load.numbers import NUMBERS
from stackmatrix.matrix.page_order import PageOrder
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.workloads import Workload
from stackmatrix.system.http import read_body
from stackmatrix.system.logs import cut

PATIENCE_S = 600.0
"""For everything that a server under valgrind does: it is some fifty times slower."""

ORDER_SEED = "counts"
"""One order of pages for all cells and repeats: what is executed should differ in nothing else than the cell."""


class Client:
    """Asks for one page after the other, on a connection that it keeps as long as the server does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._is_kept = False

    def ask(self, page: Page, turn: int, number: int) -> None:
        """One page, with the values whose turn it is, and a number that no other request has.

        Raises:
            TrialError: when it does not come, or is another one.

        """
        try:
            response, body = self._get(page, turn, number)
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"A request was not answered: {type(error).__name__}: {error}.") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        why = page.expect.why_wrong(response.status, headers, body)
        if why is not None:
            begins = f" It begins {cut(body, 200)!r}." if body else ""
            raise TrialError(f"{page.name} {why}.{begins}")

    def _get(self, page: Page, turn: int, number: int) -> tuple[http.client.HTTPResponse, str]:
        path, body = page.request(number, turn)
        try:
            self._connection.request(page.method, path, body, dict(page.headers))
            response = self._connection.getresponse()
        except ConnectionError:
            self._connection.close()
            if not self._is_kept:
                raise
            # Not every server says that it will not keep a connection.
            self._is_kept = False
            return self._get(page, turn, number)
        self._is_kept = True
        return response, read_body(response)

    def close(self) -> None:
        self._connection.close()

    def hang_up(self) -> None:
        """End whatever is under way, from another thread, and do not ask again."""
        self._is_kept = False
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


def ask_many(port: int, workload: Workload, in_flight: int, requests: int) -> None:
    """Ask for so many pages, so many at once, in the order of their cycle.

    The first ones are spread over one response, as a trial's visitors are.

    Raises:
        TrialError: when an answer is not the page.

    """
    left, order, first_number = iter(range(requests)), PageOrder(workload.pages, ORDER_SEED), NUMBERS.take(requests)
    lock = threading.Lock()
    stopped = threading.Event()
    clients = [Client(port) for _ in range(in_flight)]

    def ask(client: Client, begin_s: float) -> None:
        with contextlib.closing(client):
            stopped.wait(begin_s)
            while not stopped.is_set():
                with lock:
                    if (asked := next(left, None)) is None:
                        return
                    turn = order[asked]
                client.ask(workload.pages[turn.page], turn.values, first_number + asked)

    with ThreadPoolExecutor(in_flight) as pool:
        try:
            step_s = workload.unloaded_ms / 1000 / in_flight
            for one in [pool.submit(ask, client, place * step_s) for place, client in enumerate(clients)]:
                one.result()
        finally:
            # After Ctrl-C or a wrong page: leaving the pool waits for its threads.
            stopped.set()
            for client in clients:
                client.hang_up()
