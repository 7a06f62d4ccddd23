"""Counts the instructions that one cell needs for a request: fresh processes, verified pages, a counter around them.

No time is measured here, so nothing has to be quiet, and the load is the simplest there is: so many clients that each
ask again as soon as they are answered. What a request costs does depend on how many others are under way.
"""

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis.callgrind import Costs
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import API_PORT, BODY_PATTERN, WORKLOADS, Workload
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions.counters import InstructionCounter
from stackmatrix.results.model import Environment
from stackmatrix.system import processes
from stackmatrix.system.cores import Layout
from stackmatrix.system.http import get
from stackmatrix.testbed import supervisor, verification
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.supervisor import Supervisor, Target

PATIENCE_S = 600.0
"""For everything that a server under valgrind does: it is some fifty times slower."""
VIEW_PATIENCE_S = 400.0
"""For the view's own calls: shorter, so that a call whose answer was lost is a page that says so."""
KEEPALIVE_S = 250.0
"""For the connections of the view's client: fifty times httpx's 5 s, as everything takes so much longer."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests at once, whose calls take ``ms`` and twice and half as long.

    Before they are counted, ``warm`` requests are made.
    """

    in_flight: int
    ms: int
    warm: int
    requests: int


def loads_of(workload: Workload, slots: int | None) -> tuple[Load, ...]:
    """One request after the other, and twenty at once, where clients that walk their connections show it.

    Alone, a request costs the same however long it waits. Where many are under way, they have to wait as many times
    longer as the server is slower: else it would be overloaded, and its client would have to do with a queue that it
    does not have at full speed. Where a stack has fewer slots, that holds for those that are in the view.
    """
    count = workload.count_requests
    slow_ms = SLOW_MS * min(MANY, slots or MANY) // MANY
    return Load(1, QUICK_MS, min(WARM, count), count), Load(MANY, slow_ms, 0, max(MANY, min(MANY_REQUESTS, 2 * count)))


MANY, MANY_REQUESTS, WARM = 20, 80, 20
"""After some ten requests Python has specialised what they run; the first twenty cost 5 % more than those after."""
QUICK_MS, SLOW_MS = 10, 15_000
"""callgrind makes a server forty to eighty times slower, so calls of 300 ms become fifty times longer."""


@dataclass(frozen=True, slots=True)
class Count:
    """What so many requests cost."""

    requests: int
    costs: Costs


@dataclass(frozen=True, slots=True)
class Counted:
    """One repeat: what was counted by the number in flight, and what served."""

    counts: dict[int, Count]
    environment: Environment


@dataclass
class CountRun:
    """Counts a cell once, in processes of its own. ``show`` hears what it is doing."""

    cell: Cell
    target_environment: TargetEnvironment
    layout: Layout
    show: Callable[[str], None]
    loads: tuple[Load, ...] | None = None
    api_port: int = API_PORT

    def run(self) -> Counted:
        """Start, verify, count, stop.

        Raises:
            TrialError: when the target cannot be counted, with the reason.
            CounterMissingError: when nothing here counts.

        """
        folder = supervisor.private_folder()
        try:
            return self._run(folder, counters.choose(folder))
        finally:
            supervisor.remove(folder)

    def _run(self, folder: Path, counter: InstructionCounter) -> Counted:
        stack, workload = STACKS[self.cell.stack], WORKLOADS[self.cell.workload]
        command = self.target_environment.command(stack, *stack.patience)
        slowly = (f"SLOW_API_TIMEOUT_S={VIEW_PATIENCE_S:g}", f"SLOW_API_KEEPALIVE_S={KEEPALIVE_S:g}")
        patient = ("env", *slowly, *counter.wrap(command))
        circus = Supervisor(
            ini=supervisor.CIRCUS_INI,
            environment=supervisor.variables(
                Target(stack.name, patient, stack.port), self.api_port, self.layout, folder
            ),
            folder=folder,
            watchers=("api", "target"),
            cores=self.layout.harness,
        )
        counted: Counted | None = None
        try:
            with circus:
                self.show("starting")
                verification.wait_for_api(self.api_port, lambda: circus.why_gone("api"))
                with circus.explaining("target"):
                    identity = verification.wait_for_target(stack.port, lambda: circus.why_gone("target"), PATIENCE_S)
                    build = verification.verify_identity(identity, stack, self.cell.python)
                environment = self.target_environment.describe(build, identity["packages"], command, self.api_port)
                loads = loads_of(workload, stack.slots) if self.loads is None else self.loads
                counts = {load.in_flight: self._count(load, counter, circus, workload) for load in loads}
                counted = Counted(counts, environment)
        except SupervisorError:
            # Stopping is slow under valgrind, too, and what had to be killed had been counted.
            if counted is None:
                raise
        return counted

    def _count(self, load: Load, counter: InstructionCounter, circus: Supervisor, workload: Workload) -> Count:
        port, workload = STACKS[self.cell.stack].port, workload.with_delays(load.ms)
        self.show(f"{load.in_flight} in flight, warming up")
        ask_many(port, workload, load.in_flight, load.warm)
        pids = [process.pid for process in processes.tree(circus.pid("target"))]
        self.show(f"{load.in_flight} in flight, counting")
        counter.begin(pids)
        before = self._calls()
        ask_many(port, workload, load.in_flight, load.requests)
        seen = self._calls() - before
        if seen != load.requests * workload.calls:
            raise TrialError(f"The external API saw {seen} calls for {load.requests} pages.")
        costs = counter.end(pids)
        if [process.pid for process in processes.tree(circus.pid("target"))] != pids:
            raise TrialError("The target's processes changed while they were counted.")
        return Count(load.requests, costs)

    def _calls(self) -> int:
        return int(get(self.api_port, "/stats/").json()["calls_started"])


class Client:
    """Asks for one page after the other, on a connection that it keeps as long as the server does."""

    def __init__(self, port: int, path: str) -> None:
        self._path = path
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
        if status != 200 or not _PAGE.fullmatch(body):
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
        """Close the connection."""
        self._connection.close()

    def hang_up(self) -> None:
        """End whatever is under way, from another thread, and do not ask again."""
        self._is_kept = False
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


_PAGE = re.compile(BODY_PATTERN)


def ask_many(port: int, workload: Workload, in_flight: int, requests: int) -> None:
    """Ask for so many pages, so many at once; the first ones spread over one response, as a trial's visitors are.

    Raises:
        TrialError: when an answer is not the page.

    """
    left = iter(range(requests))
    lock = threading.Lock()
    stopped = threading.Event()
    clients = [Client(port, workload.path) for _ in range(in_flight)]

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
