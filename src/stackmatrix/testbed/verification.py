"""Before any load: is the target correct, is it what the cell names, and does it call the external API in parallel?

A benchmark that skips this measures error pages, the wrong interpreter or a view that waits three times. Everything is
asked of the target itself, through its own port.
"""

import http.client
import re
import uuid
from collections.abc import Callable
from typing import Any

from stackmatrix.errors import TrialError
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.workloads import BODY_PATTERN, Workload
from stackmatrix.results.types import PythonBuild
from stackmatrix.system.http import Answer, get, try_get
from stackmatrix.system.processes import wait_until

READY_TIMEOUT_S = 30.0
"""From starting a target to its first correct page: Django, httpx and a server import in about a second."""
SEQUENCE_SHARE = 0.95
"""A single request has to take clearly less than this share of the calls made one after the other."""
ATTEMPTS = 3
"""A first request may meet code that was never run and be slow; the calls must be right in each, the time in one."""


def wait_for_api(port: int, alive: Callable[[], str | None]) -> None:
    """Wait until the external API gives its figures.

    Raises:
        TrialError: when it does not, with the reason.

    """
    try:
        wait_until(lambda: try_get(port, "/stats/"), timeout_s=READY_TIMEOUT_S, alive=alive)
    except TrialError as error:
        raise TrialError(f"The external API did not start: {error}.") from error


def wait_for_page(port: int, path: str, alive: Callable[[], str | None]) -> None:
    """Wait until a path is answered with the correct page.

    Raises:
        TrialError: when it is not, with the reason.

    """
    try:
        answer = wait_until(lambda: try_get(port, path), timeout_s=READY_TIMEOUT_S, alive=alive)
    except TrialError as error:
        raise TrialError(f"The target did not start: {error}.") from error
    verify_page(answer)


def wait_for_target(port: int, alive: Callable[[], str | None], timeout_s: float = READY_TIMEOUT_S) -> dict[str, Any]:
    """Wait until the target answers, and return what it says of itself.

    Raises:
        TrialError: when it does not answer, ended, or answers something else.

    """
    try:
        answer = wait_until(lambda: try_get(port, "/served-by/", timeout_s), timeout_s=timeout_s, alive=alive)
    except TrialError as error:
        raise TrialError(f"The target did not start: {error}.") from error
    try:
        identity = answer.json()
    except ValueError:
        identity = None
    if answer.status != 200 or not isinstance(identity, dict):
        raise TrialError(f"The target did not tell what serves it: status {answer.status}, {answer.body[:200]!r}.")
    return identity


def verify_identity(identity: dict[str, Any], stack: Stack, python: str) -> PythonBuild:
    """Check that the target is the Python, server and worker model that the cell names.

    Raises:
        TrialError: with the first thing that differs.

    """
    build = identity["python"]
    minor = ".".join(build["version"].split(".")[:2]) + ("" if build["gil"] else "t")
    expected = {
        "Python": (python, minor),
        "server": (True, stack.server in identity["servers"]),
        "interface": (stack.interface, identity["interface"]),
        "way of waiting": (stack.waits_with, identity["waits_with"]),
        "monkey patching": (stack.monkey_patched, identity["monkey_patched"]),
    }
    for what, (wanted, found) in expected.items():
        if wanted != found:
            raise TrialError(f"The target is not what the cell names: {what} is {found!r}, expected {wanted!r}.")
    return PythonBuild(**build)


def verify_workload(target_port: int, api_port: int, workload: Workload) -> None:
    """Send single requests and check the page, its time, and what the external API saw of it.

    Raises:
        TrialError: with what was wrong.

    """
    took_ms = []
    for _ in range(ATTEMPTS):
        request_id = uuid.uuid4().hex
        try:
            answer = get(target_port, workload.path, {"X-Request-ID": request_id})
            seen = get(api_port, f"/stats/?request_id={request_id}")
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"A single request was not answered: {type(error).__name__}: {error}.") from error
        verify_page(answer)
        verify_calls(seen, workload)
        if answer.took_ms < workload.floor_ms:
            raise TrialError(
                f"A page came after {answer.took_ms:.0f} ms, faster than the slowest call ({workload.floor_ms} ms)."
            )
        took_ms.append(answer.took_ms)
        if answer.took_ms < SEQUENCE_SHARE * workload.sequence_ms:
            return
    raise TrialError(
        f"A single request took {min(took_ms):.0f} ms at best: the calls are not made in parallel, "
        f"which takes {workload.floor_ms} ms (one after the other: {workload.sequence_ms} ms)."
    )


def verify_page(answer: Answer) -> None:
    """Check status and body of a page."""
    if answer.status != 200:
        raise TrialError(f"The page has status {answer.status}: {answer.body[:200]!r}.")
    if not re.fullmatch(BODY_PATTERN, answer.body):
        raise TrialError(f"The page is not the one that was expected: {answer.body[:200]!r}.")


def verify_calls(seen: Answer, workload: Workload) -> None:
    """Check the calls that the external API saw for one request: how many, how long, and all at once."""
    calls: dict[str, Any] = seen.json() if seen.status == 200 else {"asked_ms": [], "max_in_flight": 0}
    if sorted(calls["asked_ms"]) != sorted(workload.delays_ms):
        raise TrialError(
            f"The external API saw the calls {calls['asked_ms']} ms for one request, "
            f"expected {list(workload.delays_ms)}."
        )
    if calls["max_in_flight"] != workload.calls:
        raise TrialError(
            f"At most {calls['max_in_flight']} of the {workload.calls} calls of one request overlapped: "
            "they are not made in parallel."
        )
