"""When an application of somebody's own is ready, where it says so itself at a path of its own."""

import http.client
from collections.abc import Callable
from contextlib import suppress

from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.pages import encoded
from stackmatrix.system.http import ask
from stackmatrix.system.processes import wait_until


def wait_until_ready(subject: Subject, port: int, alive: Callable[[], str | None], timeout_s: float) -> None:
    """Wait until the path, asked for with the headers of a page, is answered with less than 500.

    Raises:
        TrialError: when it is not, with the reason.

    """
    path, headers = subject.app.ready_path, dict(subject.workload.pages[0].headers)

    def look() -> bool | None:
        with suppress(OSError, http.client.HTTPException):
            return ask(port, "GET", encoded(path or "/"), headers).status < 500 or None
        return None

    if path is not None:
        wait_until(look, timeout_s=timeout_s, alive=alive)
