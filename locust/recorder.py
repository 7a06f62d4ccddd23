"""Records every request that locust fires, exactly: locust's own statistics round to two digits and are cumulative.

Rows gather in memory and go to the file between levels, so that no window contains a write; only where the harness
watches a level to decide when it may end, they go there twice a second.
"""

import errno
import time
from pathlib import Path
from typing import Any

import gevent.timeout
from geventhttpclient.response import HTTPParseError

from stackmatrix.results import rows

EXHAUSTED_ERRORS = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
"""What the generator itself has run out of: files, ports, memory. The target is not to blame."""

MOST_REASONS = 100
"""Kept of an order, of all targets: the first ones say what there is to say."""


class Recorder:
    """Listens to ``events.request``; a request is told apart by the ``context`` that it was made with."""

    def __init__(self, path: Path) -> None:
        self.fired = 0
        self._wrong: dict[tuple[int, str], None] = {}
        self._path = path
        self._pending = bytearray()

    def begin(self) -> None:
        """Begin an empty file."""
        self._path.write_bytes(b"")

    def on_request(self, context: dict[str, Any], response: Any, exception: Any, **_: Any) -> None:
        """Keep one request. Its end was noted by the visitor as soon as the body was there."""
        self.add(
            context["intended_s"],
            context["sent_s"],
            context["done_s"],
            context["level"],
            context["phase"],
            classify(exception, context),
            int(getattr(response, "status_code", 0) or 0),
            context["opened"],
            context["attempts"],
            context["target"],
            context["page"],
        )
        if context["why_wrong"] is not None and len(self._wrong) < MOST_REASONS:
            self._wrong[context["target"], context["why_wrong"]] = None
        # Counted last: locust swallows what goes wrong here, and then the two counts have to differ.
        self.fired += 1

    def add(
        self,
        intended_s: float,
        sent_s: float,
        done_s: float,
        level: int,
        phase: int,
        outcome: int,
        status: int = 0,
        opened: int = 0,
        attempts: int = 0,
        target: int = 0,
        page: int = 0,
    ) -> None:
        """Append one row; used directly for an arrival that was never sent, of which locust knows nothing."""
        self._pending += rows.ROW.pack(
            intended_s,
            sent_s,
            done_s,
            level,
            phase,
            outcome,
            status,
            min(opened, 255),
            min(attempts, 255),
            target,
            page,
        )

    def take_wrong(self) -> list[list[Any]]:
        """The first reasons since the last call why answers were not right, each once, with the target's place."""
        reasons = [list(one) for one in self._wrong]
        self._wrong.clear()
        return reasons

    def flush(self) -> None:
        """Write what has gathered since the last flush."""
        with self._path.open("ab") as file:
            file.write(self._pending)
        self._pending.clear()


def classify(exception: Any, context: dict[str, Any]) -> int:
    """The class of a request's outcome: of a wrong answer, or from the exception that locust reports for it."""
    if context["wrong"] is not None:
        wrong: int = context["wrong"]
        return wrong
    if exception is None:
        return rows.OK
    cause = exception
    while cause is not None:
        if getattr(cause, "errno", None) in EXHAUSTED_ERRORS:
            return rows.EXHAUSTED
        if isinstance(cause, TimeoutError | gevent.timeout.Timeout):
            return rows.TIMED_OUT
        if isinstance(cause, OSError | HTTPParseError) and not getattr(cause, "response", None):
            return rows.CONNECTION
        cause = cause.__cause__ or getattr(cause, "original", None)
    return rows.STATUS


def now() -> float:
    """The clock of all rows, in seconds."""
    return time.monotonic()
