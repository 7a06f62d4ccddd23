"""Numbers for requests, of which no other request of this run of the harness has the same: a page's ``{n}``.

All have ten digits, so that the requests that hold them are of one length, and the first thousand million of them fit
into the 32 bits that a database may have for a number.
"""

import threading

FIRST = 1_000_000_000
BY_HAND = 2 * FIRST
"""Where the numbers begin that locust's web page takes, in a process of its own."""
OF_A_GENERATOR = 1_000_000
"""For an hour of the highest rate of a ramp."""


class Numbers:
    """Hands out numbers, each once, also to several threads."""

    def __init__(self) -> None:
        self._next = FIRST
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        """The first of ``count`` numbers in a row that nobody else has."""
        with self._lock:
            first = self._next
            self._next += count
        return first


NUMBERS = Numbers()
"""Those of this process: one harness makes all load generators and single requests of a run."""
