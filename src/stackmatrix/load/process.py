"""One locust process, and how several are told and heard: a pipe for orders, a pipe for events, a file of rows."""

import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stackmatrix.errors import TrialError
from stackmatrix.system import processes

LOCUSTFILE = processes.PROJECT / "locust" / "locustfile.py"

STOP_TIMEOUT_S = 10.0
"""For locust to end after its orders have."""
TICK_S = 0.2
"""Between looks at everything else while waiting for an event."""

type Event = dict[str, Any]


class LoadProcess:
    """Locust with one conductor (``locust/locustfile.py``); ``plan`` is what it reads once at its start."""

    def __init__(self, folder: Path, number: int, plan: dict[str, Any], cores: tuple[int, ...]) -> None:
        self.rows_path = folder / f"rows-{number}.bin"
        self._folder = folder
        self._plan_path = folder / f"load-{number}.json"
        self._plan = {**plan, "rows_path": str(self.rows_path)}
        self._log = folder / f"locust-{number}.log"
        self._cores = cores
        self._buffer = b""
        self.heard: deque[Event] = deque()
        """Events that have come and were not waited for yet."""
        self._child: subprocess.Popen[bytes]
        self._orders: int
        self._events: int

    def start(self) -> None:
        """Start it, without waiting for it."""
        self._plan_path.write_text(json.dumps(self._plan), encoding="utf-8")
        self.rows_path.write_bytes(b"")
        orders_read, self._orders = os.pipe()
        self._events, events_write = os.pipe()
        cores = ",".join(map(str, self._cores))
        command = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={cores}", "--open-files=32768", "--"]
        command += [sys.executable, "-m", "locust", "--headless", "--users=1", "--spawn-rate=1", "--only-summary"]
        command += ["--skip-log-setup", f"--locustfile={LOCUSTFILE}", f"--plan={self._plan_path}"]
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
        """End it, whatever it is doing."""
        self.close_orders()
        processes.stop(self._child, timeout_s=0 if at_once else STOP_TIMEOUT_S)
        os.close(self._events)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    @property
    def events(self) -> int:
        """The open file on which its events come."""
        return self._events

    def tell(self, order: dict[str, Any]) -> None:
        """Send an order.

        Raises:
            TrialError: when it has ended.

        """
        try:
            os.write(self._orders, json.dumps(order).encode() + b"\n")
        except BrokenPipeError as error:
            raise self._ended() from error

    def close_orders(self) -> None:
        """Say that no more orders will come."""
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def receive(self) -> None:
        """Take in what has come; whole events go to ``heard``.

        Raises:
            TrialError: when it has ended or failed.

        """
        received = os.read(self._events, 65_536)
        if not received:
            raise self._ended()
        *lines, self._buffer = (self._buffer + received).split(b"\n")
        for line in lines:
            event: Event = json.loads(line)
            if event["event"] == "end" and event["failure"]:
                raise TrialError(f"The load generator failed: {event['failure']}.")
            self.heard.append(event)

    def _ended(self) -> TrialError:
        return TrialError(f"The load generator ended by itself: {processes.last_words(self._log)}")


def wait_until(every: Sequence[LoadProcess], until_s: float, tick: Callable[[], None]) -> None:
    """Wait for a moment of the monotonic clock, and take in what is told meanwhile.

    Raises:
        TrialError: when one has ended or failed.

    """
    while (left_s := until_s - time.monotonic()) > 0:
        _listen(every, min(left_s, TICK_S))
        tick()


def wait_all(every: Sequence[LoadProcess], name: str, timeout_s: float, tick: Callable[[], None]) -> list[Event]:
    """Wait until each has told the event of that name; returns the events in the order of the processes.

    Raises:
        TrialError: when one has ended, failed, told something else or fell silent.

    """
    deadline_s = time.monotonic() + timeout_s
    while not all(process.heard for process in every):
        if time.monotonic() > deadline_s:
            raise TrialError(f"The load generator told nothing for {timeout_s:g} s, where {name!r} was expected.")
        _listen([process for process in every if not process.heard], TICK_S)
        tick()
    events = [process.heard.popleft() for process in every]
    for event in events:
        if event["event"] != name:
            raise TrialError(f"The load generator told {event['event']!r} where {name!r} was expected.")
    return events


def _listen(every: Sequence[LoadProcess], timeout_s: float) -> None:
    told = select.select([process.events for process in every], [], [], timeout_s)[0]
    for process in every:
        if process.events in told:
            process.receive()
