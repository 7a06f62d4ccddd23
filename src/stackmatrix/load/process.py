"""One locust process, with a pipe for orders, a pipe for events and a file of rows; and waiting for several."""

import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from stackmatrix.errors import DisturbedError, TrialError
from stackmatrix.load.protocol import End, Event, LoadPlan, Order, decode, encode
from stackmatrix.system import logs, processes

LOCUSTFILE = processes.PROJECT / "locust" / "locustfile.py"

STOP_TIMEOUT_S = 10.0
"""For locust to end after its orders have."""
LONGEST_TOLD = 200
"""Bytes of a message that is none, in a sentence."""
TICK_S = 0.2
"""Between looks at everything else while waiting for an event."""


class LoadProcess:
    """Locust with one conductor (``locust/locustfile.py``), which reads ``plan`` once at its start."""

    def __init__(self, folder: Path, plan: LoadPlan, cores: tuple[int, ...]) -> None:
        self.rows_path = Path(plan.rows_path)
        self.received: deque[Event] = deque()
        """Events that have come and were not waited for yet."""
        self._folder, self._plan, self._cores = folder, plan, cores
        self._log = folder / f"locust-{plan.process}.log"
        self._buffer = b""
        self._child: subprocess.Popen[bytes]
        self._orders: int
        self.events: int
        """The open file on which its events come."""

    def start(self) -> None:
        plan_path = self._folder / f"load-{self._plan.process}.json"
        plan_path.write_text(json.dumps(asdict(self._plan)), encoding="utf-8")
        self.rows_path.write_bytes(b"")
        orders_read, self._orders = os.pipe()
        self.events, events_write = os.pipe()
        cores = ",".join(map(str, self._cores))
        command = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={cores}", "--open-files=32768", "--"]
        command += [sys.executable, "-m", "locust", "--headless", "--users=1", "--spawn-rate=1", "--only-summary"]
        # From the project's folder: locust takes a comma in a path for the beginning of another file.
        command += [
            "--skip-log-setup",
            f"--locustfile={os.path.relpath(LOCUSTFILE, processes.PROJECT)}",
            f"--plan={plan_path}",
        ]
        command += [f"--orders-fd={orders_read}", f"--events-fd={events_write}"]
        try:
            self._child = processes.start(
                command,
                # Without a home of its own, locust would read the user's ~/.locust.conf.
                environment=processes.child_environment(HOME=str(self._folder)),
                log=self._log,
                pass_fds=(orders_read, events_write),
            )
        finally:
            os.close(orders_read)
            os.close(events_write)

    def stop(self, *, at_once: bool) -> None:
        self.close_orders()
        processes.stop(self._child, timeout_s=0 if at_once else STOP_TIMEOUT_S)
        os.close(self.events)

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, order: Order) -> None:
        """Send an order.

        Raises:
            TrialError: when it has ended.

        """
        try:
            os.write(self._orders, encode(order))
        except BrokenPipeError as error:
            raise self._ended() from error

    def close_orders(self) -> None:
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def receive(self) -> None:
        """Take in what has come; whole events go to ``received``.

        Raises:
            TrialError: when it has ended or failed.

        """
        received = os.read(self.events, 65_536)
        if not received:
            raise self._ended()
        *lines, self._buffer = (self._buffer + received).split(b"\n")
        for line in lines:
            try:
                event: Event = decode(line)
            except ValueError as error:
                raise TrialError(f"The load generator sent what is no message: {line[:LONGEST_TOLD]!r}.") from error
            if isinstance(event, End) and event.failure:
                raise TrialError(f"The load generator failed: {event.failure}.")
            self.received.append(event)

    def _ended(self) -> TrialError:
        return DisturbedError(f"The load generator ended by itself: {logs.last_words(self._log)}")


def wait_until(every: Sequence[LoadProcess], until_s: float, tick: Callable[[], None]) -> None:
    """Wait for a moment of the monotonic clock, and take in the events that come meanwhile.

    Raises:
        TrialError: when one has ended or failed.

    """
    while (left_s := until_s - time.monotonic()) > 0:
        _listen(every, min(left_s, TICK_S))
        tick()


def wait_all[E: Event](
    every: Sequence[LoadProcess], kind: type[E], timeout_s: float, tick: Callable[[], None]
) -> list[E]:
    """Wait until each has sent an event of that kind; returns the events in the order of the processes.

    Raises:
        TrialError: when one has ended, failed, sent another event or fell silent.

    """
    deadline_s = time.monotonic() + timeout_s
    while not all(process.received for process in every):
        is_over = time.monotonic() > deadline_s
        _listen([process for process in every if not process.received], TICK_S)
        # Only now: what has come while this process was stopped, as by a closed lid, is there.
        if is_over and not all(process.received for process in every):
            raise DisturbedError(
                f"The load generator was silent for {timeout_s:g} s, where {kind.__name__} was expected."
            )
        tick()
    events: list[E] = []
    for process in every:
        event = process.received.popleft()
        if not isinstance(event, kind):
            raise TrialError(f"The load generator sent {type(event).__name__} where {kind.__name__} was expected.")
        events.append(event)
    return events


def _listen(every: Sequence[LoadProcess], timeout_s: float) -> None:
    ready = select.select([process.events for process in every], [], [], timeout_s)[0]
    for process in every:
        if process.events in ready:
            process.receive()
