"""Before any load: is the target correct, is it what the cell names, and does it call the external API in parallel?

A benchmark that skips this measures error pages, the wrong interpreter or a view that waits three times. Everything is
asked of the target itself, through its own port.
"""

import contextlib
import http.client
import re
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from fanout_site.identity import Identity
from slow_api.figures import RequestFigures
from stackmatrix.errors import TrialError
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.types import PythonBuild
from stackmatrix.system.http import Answer, get, try_get
from stackmatrix.system.processes import wait_until
from stackmatrix.testbed import external_api

READY_TIMEOUT_S = 30.0
"""From starting a target to its first correct page: Django, httpx and a server import in about a second."""
SEQUENCE_SHARE = 0.95
"""A single request has to take clearly less than this share of the calls made one after the other."""
WORKERS_ASKED, WORKER_ROUNDS = 4, 10
"""Questions at once for each process of a target, and how often: which process takes one is the system's choice."""
ATTEMPTS = 3
"""A first request may meet code that was never run and be slow; the calls must be right in each, the time in one."""


def wait_for_page(port: int, workload: Workload, alive: Callable[[], str | None]) -> None:
    """Wait until a workload's page comes, and check it.

    Raises:
        TrialError: when another one comes, or none, with the reason.

    """
    verify_page(_wait_for(port, workload.path, alive, READY_TIMEOUT_S), workload)


def wait_for_identity(
    port: int, path: str, alive: Callable[[], str | None], timeout_s: float = READY_TIMEOUT_S
) -> Identity:
    """Wait until the target answers, and return what it says of itself.

    Raises:
        TrialError: when it does not answer, ended, or answers something else.

    """
    answer = _wait_for(port, path, alive, timeout_s)
    if answer.status == 200:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return Identity.from_json(answer.body)
    raise TrialError(f"The target did not say what serves it: status {answer.status}, {answer.body[:200]!r}.")


def read_loop_ms(port: int, path: str) -> float | None:
    """How long a fixed loop of pure Python takes in the target, in ms; ``None`` where it does not say.

    It has to be asked while nothing else is asked, and other targets on its core are at rest.
    """
    answer = try_get(port, f"{path}?loop=1")
    if answer is None or answer.status != 200:
        return None
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return Identity.from_json(answer.body).loop_ms
    return None


def _wait_for(port: int, path: str, alive: Callable[[], str | None], timeout_s: float) -> Answer:
    try:
        return wait_until(lambda: try_get(port, path, timeout_s), timeout_s=timeout_s, alive=alive)
    except TrialError as error:
        raise TrialError(f"The target did not start: {error}.") from error


def verify_identity(identity: Identity, stack: Stack, python: str) -> PythonBuild:
    """Check that the target is the Python, server and worker model that the cell names.

    Raises:
        TrialError: with the first thing that differs.

    """
    build = identity.python
    minor = ".".join(build.version.split(".")[:2]) + ("" if build.gil else "t")
    expected = {
        "Python": (python, minor),
        "server": (True, stack.server in _programs(identity.traits)),
        "interface": (stack.interface, identity.interface),
        "way of waiting": (stack.waits_with, identity.waits_with),
        "monkey patching": (stack.monkey_patched, identity.monkey_patched),
        "what serves": (_sorted(stack.traits), _sorted(telling_traits(stack) & {*identity.traits})),
    }
    for what, (wanted, found) in expected.items():
        if wanted != found:
            raise TrialError(f"The target is not what the cell names: {what} is {found!r}, expected {wanted!r}.")
    return PythonBuild(**asdict(build))


def telling_traits(stack: Stack) -> frozenset[str]:
    """All traits by which stacks are told apart; none for a stack that says nothing of its own."""
    if not stack.traits:
        return frozenset()
    return frozenset(trait for row in (*STACKS.values(), stack) for trait in row.traits)


def _programs(traits: Iterable[str]) -> set[str]:
    """The packages that are loaded, and the program that started the process."""
    return {trait.removeprefix("parent ").partition(".")[0].partition("-")[0] for trait in traits}


def _sorted(traits: Iterable[str]) -> str:
    return ", ".join(sorted(traits))


def verify_workers(port: int, path: str, workers: int) -> None:
    """Check that as many processes answer as the stack has workers: each is kept busy while the others are asked.

    Raises:
        TrialError: when there are more or fewer.

    """

    def ask(_: int) -> int | None:
        answer = try_get(port, f"{path}?loop=1")
        return Identity.from_json(answer.body).pid if answer is not None and answer.status == 200 else None

    found: set[int | None] = set()
    for _ in range(WORKER_ROUNDS):
        with ThreadPoolExecutor(WORKERS_ASKED * workers) as pool:
            found |= {*pool.map(ask, range(WORKERS_ASKED * workers))} - {None}
        if len(found) >= workers:
            break
    if len(found) != workers:
        raise TrialError(f"The target is not what the cell names: {len(found)} processes answer, expected {workers}.")


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
            seen = external_api.read_request(api_port, request_id)
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"A single request was not answered: {type(error).__name__}: {error}.") from error
        verify_page(answer, workload)
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


def verify_page(answer: Answer, workload: Workload) -> None:
    if answer.status != 200:
        raise TrialError(f"The page has status {answer.status}: {answer.body[:200]!r}.")
    if not re.fullmatch(workload.page, answer.body):
        raise TrialError(f"The page is not the one that was expected: {answer.body[:200]!r}.")


def verify_calls(seen: RequestFigures | None, workload: Workload) -> None:
    """Check the calls that the external API saw for one request: how many, how long, and all at once."""
    asked_ms, most = (seen.asked_ms, seen.max_in_flight) if seen else ([], 0)
    if sorted(asked_ms) != sorted(workload.delays_ms):
        expected = list(workload.delays_ms)
        raise TrialError(f"The external API saw the calls {asked_ms} ms for one request, expected {expected}.")
    if most != workload.calls:
        raise TrialError(
            f"At most {most} of the {workload.calls} calls of one request overlapped: they are not made in parallel."
        )
