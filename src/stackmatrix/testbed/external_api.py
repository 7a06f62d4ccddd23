"""The external API under circus: when it is up, and what it says of itself."""

import contextlib
from collections.abc import Callable

import msgspec

from slow_api.figures import ApiFigures, RequestFigures
from stackmatrix.errors import DisturbedError, TrialError
from stackmatrix.system import http
from stackmatrix.system.processes import wait_until

READY_TIMEOUT_S = 30.0
"""It imports uvicorn and listens, in less than a second."""


def wait_ready(port: int, alive: Callable[[], str | None]) -> None:
    """Wait until the external API gives its figures.

    Raises:
        DisturbedError: when it does not, with the reason.

    """
    try:
        wait_until(lambda: http.try_get(port, "/stats/"), timeout_s=READY_TIMEOUT_S, alive=alive)
    except TrialError as error:
        raise DisturbedError(f"The external API did not start: {error}.") from error


def read_figures(port: int) -> ApiFigures | None:
    """Its figures, or ``None`` when it does not answer."""
    answer = http.try_get(port, "/stats/")
    return _decode(answer, ApiFigures) if answer is not None else None


def read_request(port: int, request_id: str) -> RequestFigures | None:
    """What it saw of one request of the view, or ``None`` when it saw nothing.

    Raises:
        OSError, http.client.HTTPException: when it does not answer.

    """
    answer = http.get(port, f"/stats/?request_id={request_id}")
    return _decode(answer, RequestFigures)


def _decode[F](answer: http.Answer, kind: type[F]) -> F | None:
    """The figures in an answer; ``None`` where it has none."""
    if answer.status == 200:
        with contextlib.suppress(ValueError, RecursionError):
            return msgspec.json.decode(answer.body, type=kind)
    return None
