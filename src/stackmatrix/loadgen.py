"""Runs one locust process for a trial and orders its levels one by one.

Orders and events cross two pipes, one JSON object a line; the requests themselves cross a file of rows. The harness
never imports locust: that would monkey-patch it.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stackmatrix import processes
from stackmatrix.errors import TrialError
from stackmatrix.levels import LevelRows, decode_rows
from stackmatrix.plan import LevelPlan
from stackmatrix.rows import WARMUP_LEVEL
from stackmatrix.workloads import BODY_PATTERN, Workload

LOCUSTFILE = processes.PROJECT / "locust" / "locustfile.py"

REQUEST_TIMEOUT_S = 60.0
"""For one request under load: a visitor waits this long, then it is a failure of its own class."""
START_TIMEOUT_S = 30.0
"""For locust to import itself and its user to begin, which takes a second or two."""
SILENCE_TIMEOUT_S = REQUEST_TIMEOUT_S + 90.0
"""Between two events beyond what the order itself takes: a request's time-out, then the drain's."""
STOP_TIMEOUT_S = 10.0
"""For locust to end after its orders have."""
TICK_S = 0.2
"""Between looks at the processes while waiting for an event."""
WARMUP_USERS = 5
"""Enough to start every path of a server, few enough not to queue for long where there are two slots."""


@dataclass(frozen=True, slots=True)
class Order:
    """One level to run, as the driver reads it."""

    level: int
    model: str
    value: float
    settle_s: float
    window_s: float

    @classmethod
    def warmup(cls, warmup_s: float) -> "Order":
        """The warm-up: the same number of users for every cell, kept apart from all levels."""
        return cls(WARMUP_LEVEL, "closed", WARMUP_USERS, 0.0, warmup_s)

    @classmethod
    def measure(cls, level: int, plan: LevelPlan, settle_s: float, window_s: float) -> "Order":
        """A level of the ladder."""
        return cls(level, plan.model, plan.value, settle_s, window_s)


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of an order: its rows, when it began and had drained, and the API's figures before and after."""

    rows: LevelRows
    started_s: float
    drained_s: float
    api_before: dict[str, Any] | None
    api_after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Locust's own count of requests beside the recorder's; they must be equal."""

    recorded: int
    counted: int


class LoadGenerator:
    """A locust process under orders. Enter it to start it, leave it to end it."""

    def __init__(
        self,
        *,
        folder: Path,
        target_port: int,
        api_port: int,
        workload: Workload,
        seed: int,
        cores: tuple[int, ...],
    ) -> None:
        self._folder = folder
        self._rows_path = folder / "rows.bin"
        self._cores = cores
        self._plan = {
            "base_url": f"http://127.0.0.1:{target_port}",
            "path": workload.path,
            "body": BODY_PATTERN,
            "floor_ms": workload.floor_ms,
            "timeout_s": REQUEST_TIMEOUT_S,
            "seed": seed,
            "api_stats_url": f"http://127.0.0.1:{api_port}/stats/",
            "rows_path": str(self._rows_path),
        }
        self._buffer = b""
        self._child: subprocess.Popen[bytes]
        self._orders: int
        self._events: int

    def __enter__(self) -> Self:
        """Start locust; :meth:`wait_ready` waits for it, so that a target can start at the same time."""
        plan_path = self._folder / "load.json"
        plan_path.write_text(json.dumps(self._plan), encoding="utf-8")
        orders_read, self._orders = os.pipe()
        self._events, events_write = os.pipe()
        cores = ",".join(map(str, self._cores))
        command = [sys.executable, "-m", "stackmatrix.launch", f"--cores={cores}", "--", sys.executable, "-m", "locust"]
        command += ["--headless", "--users=1", "--spawn-rate=1", "--only-summary", "--skip-log-setup"]
        command += [f"--locustfile={LOCUSTFILE}", f"--plan={plan_path}"]
        command += [f"--orders-fd={orders_read}", f"--events-fd={events_write}"]
        self._child = processes.start(
            command,
            # Without a home of its own, locust would read the user's ~/.locust.conf.
            environment=processes.child_environment(HOME=str(self._folder)),
            log=self._folder / "locust.log",
            pass_fds=(orders_read, events_write),
        )
        os.close(orders_read)
        os.close(events_write)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End locust, whatever it is doing."""
        self._close_orders()
        processes.stop(self._child, timeout_s=0 if error else STOP_TIMEOUT_S)
        os.close(self._events)

    @property
    def pid(self) -> int:
        """Locust's process."""
        return self._child.pid

    def wait_ready(self, tick: Callable[[], None]) -> None:
        """Wait until orders are taken.

        Raises:
            TrialError: when locust does not come up.

        """
        self._expect("ready", START_TIMEOUT_S, tick)

    def run(self, order: Order, on_event: Callable[[str], None], tick: Callable[[], None]) -> Driven:
        """Run one level. ``on_event`` hears ``started``, ``window_start`` and ``window_end`` as they happen.

        ``tick`` is called every fraction of a second, and may raise to end the trial.

        Raises:
            TrialError: when locust ended, failed or fell silent.

        """
        os.write(self._orders, json.dumps(asdict(order)).encode() + b"\n")
        timeout_s = order.settle_s + order.window_s + SILENCE_TIMEOUT_S
        times = {}
        for name in ("started", "window_start", "window_end"):
            times[name] = self._expect(name, timeout_s, tick)["at"]
            on_event(name)
        drained = self._expect("drained", timeout_s, tick)
        recorded = decode_rows(self.rows())
        rows = LevelRows.select(recorded, order.level, times["window_start"], times["window_end"])
        return Driven(rows, times["started"], drained["at"], drained["api_before"], drained["api_after"])

    def finish(self, tick: Callable[[], None]) -> Tally:
        """Order nothing more, and return the two counts of requests.

        Raises:
            TrialError: when locust does not end well.

        """
        self._close_orders()
        end = self._expect("end", SILENCE_TIMEOUT_S, tick)
        return Tally(end["recorded"], end["counted"])

    def rows(self) -> bytes:
        """Everything that was recorded so far, as it stands in the file."""
        return self._rows_path.read_bytes()

    def _close_orders(self) -> None:
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def _expect(self, name: str, timeout_s: float, tick: Callable[[], None]) -> dict[str, Any]:
        event = self._next_event(timeout_s, tick)
        if event["event"] == "end" and event["failure"]:
            raise TrialError(f"The load generator failed: {event['failure']}.")
        if event["event"] != name:
            raise TrialError(f"The load generator told {event['event']!r} where {name!r} was expected.")
        return event

    def _next_event(self, timeout_s: float, tick: Callable[[], None]) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            if select.select([self._events], [], [], TICK_S)[0]:
                received = os.read(self._events, 65_536)
                if not received:
                    end = processes.tail(self._folder / "locust.log")
                    raise TrialError(f"The load generator ended by itself: {end}")
                self._buffer += received
            tick()
            if time.monotonic() > deadline:
                raise TrialError(f"The load generator told nothing for {timeout_s:g} s.")
        line, self._buffer = self._buffer.split(b"\n", 1)
        event: dict[str, Any] = json.loads(line)
        return event
