"""Runs the locust processes of a trial and orders its levels one by one.

Orders and events cross two pipes per process, one JSON object a line; the requests themselves cross a file of rows per
process, which are merged here. The harness never imports locust: that would monkey-patch it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stackmatrix.analysis.level.facts import Recorded
from stackmatrix.analysis.level.requests import LevelRows, decode_rows
from stackmatrix.errors import TrialError
from stackmatrix.load.process import Event, LoadProcess, wait_all, wait_until
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.ladder import LevelPlan, requests_at_once
from stackmatrix.matrix.workloads import BODY_PATTERN, Workload
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.system import http

REQUEST_TIMEOUT_S = 60.0
"""For one request under load: a visitor waits this long, then it is a failure of its own class."""
START_TIMEOUT_S = 30.0
"""For locust to import itself and its user to begin, which takes a second or two."""
PREPARE_TIMEOUT_S = 30.0
"""For making the visitors of a level: a few thousand take some seconds."""
SETTLE_TIMEOUT_S = REQUEST_TIMEOUT_S + 30.0
"""From a window's end, or from the order to stop, to the end of the last request."""
DRAIN_TIMEOUT_S = 70.0
"""For the external API's last call: the longest that it sleeps is 60 s."""
DRAIN_POLL_S = 0.05
START_DELAY_S = 0.1
"""From naming the start of a level to its first request, so that the order arrives before."""
WARMUP_USERS = 5
"""Enough to start every path of a server, few enough not to queue for long where there are two slots."""

LOOK_S = 3.0
"""Between looks at a level that may end early: each look has its own chance to be wrong, so there are not many."""
FLUSHED_S = 1.0
"""What was answered so long ago is in the files of a watched level: they are written twice a second."""

type Tick = Callable[[], None]
type Look = Callable[[LevelRows], bool]
"""Whether what is known of a level until its ``end_s`` is enough; rows of later requests may be missing."""


@dataclass(frozen=True, slots=True)
class Order:
    """One level to run, as the drivers read it. ``level`` marks its rows, and ``seed`` makes its plan of arrivals.

    A ``watched`` one may end before its window does, by what is seen of it.
    """

    level: int
    model: str
    value: float
    visitors: int
    settle_s: float
    window_s: float
    seed: str = ""
    watched: bool = False

    @classmethod
    def warmup(cls, warmup_s: float) -> "Order":
        """The warm-up: the same number of users for every cell, kept apart from all levels."""
        return cls(WARMUP_LEVEL, "closed", WARMUP_USERS, WARMUP_USERS, 0.0, warmup_s)

    @classmethod
    def measure(
        cls, level: int, plan: LevelPlan, settle_s: float, window_s: float, *, trial_seed: int, mark: int | None = None
    ) -> "Order":
        """A level of the ladder. A second attempt has the same plan, and a ``mark`` of its own for its rows."""
        seed = plan_seed(trial_seed, level)
        mark = level if mark is None else mark
        return cls(mark, plan.model, plan.value, requests_at_once(plan), settle_s, window_s, seed)


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of an order: its rows, when it began and had drained, and the API's figures before and after."""

    rows: LevelRows
    started_s: float
    drained_s: float
    api_before: dict[str, Any] | None
    api_after: dict[str, Any] | None
    recorded: Recorded


class LoadGenerator:
    """Locust processes under orders. Enter it to start them, leave it to end them.

    ``count`` processes drive equal shares of one plan, all of one target, or each of a target of its own where there
    are as many ports. ``body`` is what a correct page matches. Without an ``api_port`` there are no figures of the API.
    """

    def __init__(
        self,
        *,
        folder: Path,
        target_port: int | Sequence[int],
        api_port: int | None,
        workload: Workload,
        cores: tuple[int, ...],
        count: int = 1,
        body: str = BODY_PATTERN,
    ) -> None:
        self._api_port = api_port
        targets = [target_port] * count if isinstance(target_port, int) else target_port
        plan = {
            "path": workload.path,
            "body": body,
            "floor_ms": workload.floor_ms,
            "timeout_s": REQUEST_TIMEOUT_S,
            "processes": count,
        }
        # Where each can have a core of its own, it has.
        own = len(cores) >= count
        self._processes = [
            LoadProcess(
                folder,
                number,
                {**plan, "base_url": f"http://127.0.0.1:{port}", "process": number},
                cores[number : number + 1] if own else cores,
            )
            for number, port in zip(range(count), targets, strict=True)
        ]

    def __enter__(self) -> Self:
        """Start locust; :meth:`wait_ready` waits for it, so that a target can start at the same time."""
        started = []
        try:
            for process in self._processes:
                process.start()
                started.append(process)
        except BaseException:
            for process in started:
                process.stop(at_once=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End locust, whatever it is doing."""
        for process in self._processes:
            process.close_orders()
        for process in self._processes:
            process.stop(at_once=error is not None)

    @property
    def pids(self) -> tuple[int, ...]:
        """Locust's processes."""
        return tuple(process.pid for process in self._processes)

    def wait_ready(self, tick: Tick) -> None:
        """Wait until orders are taken.

        Raises:
            TrialError: when locust does not come up.

        """
        self._wait("ready", START_TIMEOUT_S, tick)

    def run(self, order: Order, on_event: Callable[[str], None], tick: Tick, look: Look | None = None) -> Driven:
        """Run one level. ``on_event`` hears ``window_start`` and ``window_end`` as they happen.

        ``tick`` is called every fraction of a second, and may raise to end the trial. ``look`` is asked now and then
        whether a watched level may end.

        Raises:
            TrialError: when a process of locust ended, failed or fell silent.

        """
        self._tell(asdict(order))
        self._wait("prepared", PREPARE_TIMEOUT_S, tick)
        before = self._api_figures()
        started_s = time.monotonic() + START_DELAY_S
        window_start_s = started_s + order.settle_s
        window_end_s = window_start_s + order.window_s
        self._tell({"start_s": started_s})
        wait_until(self._processes, window_start_s, tick)
        on_event("window_start")
        if look is not None:
            window_end_s = self._watch(order, window_start_s, look, tick)
        wait_until(self._processes, window_end_s, tick)
        on_event("window_end")
        self._wait("settled", SETTLE_TIMEOUT_S, tick)
        self._tell({"stop": True})
        done = self._wait("done", SETTLE_TIMEOUT_S, tick)
        after = self._drain(tick)
        return Driven(
            rows=self._rows_of(order, window_start_s, window_end_s),
            started_s=started_s,
            drained_s=time.monotonic(),
            api_before=before,
            api_after=after,
            recorded=Recorded(*(sum(one[name] for one in done) for name in ("recorded", "counted", "exceptions"))),
        )

    def _watch(self, order: Order, start_s: float, look: Look, tick: Tick) -> float:
        """Wait until a look says that it is enough, or no other look would come in time; returns the window's end."""
        end_s = start_s + order.window_s
        look_s = start_s + LOOK_S
        while look_s < end_s:
            wait_until(self._processes, look_s, tick)
            if look(self._rows_of(order, start_s, look_s - FLUSHED_S)):
                end_s = time.monotonic() + START_DELAY_S
                self._tell({"end_s": end_s})
                return end_s
            look_s += LOOK_S
        return end_s

    def _rows_of(self, order: Order, start_s: float, end_s: float) -> LevelRows:
        return LevelRows.select(decode_rows(self.rows()), order.level, start_s, end_s)

    def finish(self, tick: Tick) -> None:
        """Order nothing more, and wait until locust has ended well.

        Raises:
            TrialError: when it does not.

        """
        for process in self._processes:
            process.close_orders()
        self._wait("end", START_TIMEOUT_S, tick)

    def rows(self) -> bytes:
        """Everything that all processes have recorded so far."""
        return b"".join(process.rows_path.read_bytes() for process in self._processes)

    def shares(self, level: int, whole: LevelRows) -> tuple[LevelRows, ...]:
        """The rows of a level that each process has recorded."""
        data = [process.rows_path.read_bytes() for process in self._processes]
        return tuple(LevelRows.select(decode_rows(one), level, whole.start_s, whole.end_s) for one in data)

    def _tell(self, order: dict[str, Any]) -> None:
        for process in self._processes:
            process.tell(order)

    def _wait(self, name: str, timeout_s: float, tick: Tick) -> list[Event]:
        return wait_all(self._processes, name, timeout_s, tick)

    def _api_figures(self) -> dict[str, Any] | None:
        answer = None if self._api_port is None else http.try_get(self._api_port, "/stats/")
        return answer.json() if answer is not None and answer.status == 200 else None

    def _drain(self, tick: Tick) -> dict[str, Any] | None:
        """Wait until no call is in flight at the external API; ``None`` when it does not answer."""
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        while True:
            figures = self._api_figures()
            if figures is None or figures["in_flight"] == 0:
                return figures
            if time.monotonic() > deadline_s:
                raise TrialError(f"The external API still had {figures['in_flight']} calls in flight after the load.")
            tick()
            time.sleep(DRAIN_POLL_S)
