"""Before any load: is the target correct, is it what the cell names, and does it make its calls as the workload says?

A benchmark that skips this measures error pages, the wrong interpreter or a view that waits three times. Everything is
asked of the target itself, through its own port. What a request's calls meet, where the external API draws it, follows
from the request's id: so one whose calls fail, and one whose call hangs, are among those that are asked.
"""

import http.client
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from slow_api import law
from slow_api.figures import RequestFigures
from stackmatrix.errors import TrialError
from stackmatrix.load.numbers import NUMBERS
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import FAILED_ITEM, Workload
from stackmatrix.results.types import PythonBuild
from stackmatrix.system.http import Answer, ask, try_get
from stackmatrix.system.logs import cut
from stackmatrix.system.processes import wait_until
from stackmatrix.testbed import external_api, identities
from under_test.identity import IDENTITY_PATH, LOOP, PROCESS, Identity

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
    page = workload.pages[0]
    verify_page(_wait_for(lambda: try_get(port, page.path, READY_TIMEOUT_S), alive, READY_TIMEOUT_S), page)


def wait_for_identity(port: int, alive: Callable[[], str | None], timeout_s: float = READY_TIMEOUT_S) -> Identity:
    """Wait until the target answers, and return what it says of itself.

    Raises:
        TrialError: when it does not answer, ended, or answers something else.

    """
    answer = _wait_for(lambda: try_get(port, IDENTITY_PATH, timeout_s), alive, timeout_s)
    identity = identities.read(answer)
    if identity is None:
        raise TrialError(f"The target did not say what serves it: status {answer.status}, {cut(answer.body, 200)!r}.")
    return identity


def read_loop_ms(port: int) -> float | None:
    """How long a fixed loop of pure Python takes in the target, in ms; ``None`` where it does not say.

    It has to be asked while nothing else is asked, and other targets on its core are at rest.
    """
    answer = try_get(port, f"{IDENTITY_PATH}?{LOOP}")
    identity = identities.read(answer) if answer is not None else None
    return None if identity is None else identity.loop_ms


def _wait_for(asking: Callable[[], Answer | None], alive: Callable[[], str | None], timeout_s: float) -> Answer:
    try:
        return wait_until(asking, timeout_s=timeout_s, alive=alive)
    except TrialError as error:
        raise TrialError(f"The target did not start: {error}.") from error


def verify_identity(identity: Identity, stack: Stack, python: str, log: str = "") -> PythonBuild:
    """Check that the target is the Python, server and worker model that the cell names.

    ``python`` is its version, such as ``3.14t``; ``log`` is what the target has said so far.

    Raises:
        TrialError: with the first thing that differs.

    """
    build = msgspec.convert(identity.python, PythonBuild)
    if build.free_threaded and build.gil and python.endswith("t"):
        raise TrialError(why_gil_is_on(log))
    expected = {
        "Python": (python, version_of(build)),
        "interface": (stack.interface, identity.interface),
        # An ASGI server calls the application on its event loop, also where Django has the view wait in a thread.
        "way of waiting": ("event loop" if stack.interface == "ASGI" else stack.waits_with, identity.waits_with),
        "monkey patching": (stack.monkey_patched, identity.monkey_patched),
        "what serves": (_sorted(stack.traits), _sorted(telling_traits(stack) & {*identity.traits})),
    }
    if reason := stack.why_not_its_server(identity.programs):
        key = "" if stack.name in STACKS else ' Say it in your file by server = "NAME".'
        raise TrialError(f"The target is not what the cell names: {reason}{key}")
    for what, (wanted, found) in expected.items():
        if wanted != found:
            raise TrialError(f"The target is not what the cell names: {what} is {found!r}, expected {wanted!r}.")
    return build


def version_of(build: PythonBuild) -> str:
    """What the axis of Pythons calls a build: ``3.13``, ``3.14t``, ``pypy3.11``."""
    kind = "" if build.implementation == "CPython" else build.implementation.lower()
    return kind + ".".join(build.version.split(".")[:2]) + ("t" if build.free_threaded else "")


def why_gil_is_on(log: str) -> str:
    """Which extension has turned the GIL on in a build without it, by the interpreter's own warning."""
    named = re.search(r"has been enabled to load module '([^']+)'", log)
    by = f"{named[1]} has turned it on, as it does not say that it can run without" if named else "nothing says by what"
    return f"The GIL is on, though this Python is built without it: {by}. Leave the stack out on such a Python."


def telling_traits(stack: Stack) -> frozenset[str]:
    """All traits by which stacks are told apart; none for a stack that says nothing of its own."""
    if not stack.traits:
        return frozenset()
    return frozenset(trait for row in (*STACKS.values(), stack) for trait in row.traits)


def _sorted(traits: Iterable[str]) -> str:
    return ", ".join(sorted(traits))


def verify_workers(port: int, workers: int) -> None:
    """Check that as many processes answer as the stack has workers: each is kept busy while the others are asked.

    Raises:
        TrialError: when there are more or fewer.

    """

    def ask(_: int) -> int | None:
        answer = try_get(port, f"{IDENTITY_PATH}?{PROCESS}")
        return None if answer is None else identities.read_pid(answer)

    found: set[int | None] = set()
    for _ in range(WORKER_ROUNDS):
        with ThreadPoolExecutor(WORKERS_ASKED * workers) as pool:
            found |= {*pool.map(ask, range(WORKERS_ASKED * workers))} - {None}
        if len(found) >= workers:
            break
    if len(found) != workers:
        raise TrialError(f"The target is not what the cell names: {len(found)} processes answer, expected {workers}.")


def verify_workload(target_port: int, api_port: int, workload: Workload) -> None:
    """Ask for each page once, and check it; check the time of the first, too, and what the external API saw of it.

    Of calls that are not known nothing is checked, and of a page without any not how they overlap. Pages that change
    something come last: the others may not be right after them.

    Raises:
        TrialError: with what was wrong.

    """
    number = NUMBERS.take(len(workload.pages))
    for place, page in sorted(enumerate(workload.pages), key=lambda one: (not one[1].is_read, one[0] == 0)):
        if place == 0:
            _verify_time(target_port, api_port, workload)
        else:
            verify_page(ask_page(target_port, page, number + place), page)
    if workload.answers == "flaky":
        for fate in ("fails", "hangs"):
            _ask_first(target_port, api_port, workload, _find_id(workload, fate))


def _verify_time(target_port: int, api_port: int, workload: Workload) -> None:
    """Check some requests whose calls are all answered; of parallel calls one has to be faster than in sequence."""
    took_ms = []
    for _ in range(ATTEMPTS):
        request_id = _find_id(workload, "answers")
        answer = _ask_first(target_port, api_port, workload, request_id)
        least_ms, most_ms = _bounds_ms(workload, request_id)
        if answer.took_ms < least_ms:
            raise TrialError(
                f"A page came after {answer.took_ms:.0f} ms, faster than {_calls(workload)} ({least_ms:.0f} ms)."
            )
        took_ms.append(answer.took_ms)
        if len(workload.delays_ms) < 2 or workload.order != "parallel" or answer.took_ms < SEQUENCE_SHARE * most_ms:
            return
    raise TrialError(
        f"A single request took {min(took_ms):.0f} ms at best: the calls are not made in parallel, "
        f"which takes {workload.floor_ms} ms (one after the other: {workload.sequence_ms} ms)."
    )


def _calls(workload: Workload) -> str:
    return "all calls in sequence" if workload.order == "in sequence" else "the slowest call"


def _ask_first(target_port: int, api_port: int, workload: Workload, request_id: str) -> Answer:
    """The first page, which has to be right, and the right calls for it."""
    page = workload.pages[0]
    answer = ask_page(target_port, page, NUMBERS.take(1), {"X-Request-ID": request_id})
    verify_page(answer, page)
    if workload.calls_known:
        verify_calls(_read_request(api_port, request_id), workload)
    if workload.answers == "flaky":
        verify_failures(answer, workload, request_id)
    return answer


def _find_id(workload: Workload, fate: law.Fate) -> str:
    """An id for a request: of one call that ends so and others that are answered, or of calls that all are answered."""
    wanted = Counter([fate]) + Counter(["answers"] * (len(workload.delays_ms) - 1))
    while True:
        request_id = uuid.uuid4().hex
        if workload.answers != "flaky" or Counter(one.fate for one in _meant(workload, request_id)) == wanted:
            return request_id


def _meant(workload: Workload, request_id: str) -> list[law.Meant]:
    """What becomes of each call of a request."""
    return [law.meant(workload.answers, request_id, ms) for ms in workload.delays_ms]


def _bounds_ms(workload: Workload, request_id: str) -> tuple[float, float]:
    """The least time that a request takes, and what its calls would take one after the other."""
    takes_ms = [one.takes_ms for one in _meant(workload, request_id)]
    in_sequence = sum(takes_ms)
    return in_sequence if workload.order == "in sequence" else max(takes_ms, default=0.0), in_sequence


def verify_failures(answer: Answer, workload: Workload, request_id: str) -> None:
    """Check that a page says of as many calls as failed that they have, and of no other."""
    said = answer.body.count(FAILED_ITEM)
    failed = sum(one.fate != "answers" for one in _meant(workload, request_id))
    if said != failed:
        raise TrialError(f"The page says of {said} calls that they failed, and {failed} of its calls did.")


def ask_page(port: int, page: Page, number: int, headers: Mapping[str, str] | None = None, turn: int = 0) -> Answer:
    """One request for a page, with the headers beside its own, and the values whose turn it is.

    Raises:
        TrialError: when it is not answered.

    """
    path, body = page.request(number, turn)
    try:
        return ask(port, page.method, path, {**dict(page.headers), **(headers or {})}, body)
    except (OSError, http.client.HTTPException) as error:
        raise TrialError(f"{page.name} was not answered: {type(error).__name__}: {error}.") from error


def _read_request(api_port: int, request_id: str) -> RequestFigures | None:
    try:
        return external_api.read_request(api_port, request_id)
    except (OSError, http.client.HTTPException) as error:
        raise TrialError(f"The external API did not answer: {type(error).__name__}: {error}.") from error


def verify_page(answer: Answer, page: Page) -> None:
    """Check one answer to a page.

    Raises:
        TrialError: with the page, why it is not right, and how it begins.

    """
    why = page.expect.why_wrong(answer.status, answer.headers, answer.body)
    if why is not None:
        begins = f" It begins {cut(answer.body, 200)!r}." if answer.body else ""
        raise TrialError(f"{page.name} {why}.{begins}")


def verify_calls(seen: RequestFigures | None, workload: Workload) -> None:
    """Check the calls that the external API saw for one request: how many, how long, and all at once or in sequence."""
    asked_ms, most = (seen.asked_ms, seen.max_in_flight) if seen else ([], 0)
    expected = list(workload.delays_ms) if workload.makes_calls else []
    if sorted(asked_ms) != sorted(expected):
        raise TrialError(f"The external API saw the calls {asked_ms} ms for one request, expected {expected}.")
    if workload.order == "in sequence":
        if most > 1:
            raise TrialError(
                f"{most} of the {workload.calls} calls of one request overlapped: they are not made in sequence."
            )
    elif most != workload.calls:
        raise TrialError(
            f"At most {most} of the {workload.calls} calls of one request overlapped: they are not made in parallel."
        )
