"""Runs the locust processes of a measurement and orders its levels one by one.

Orders and events cross two pipes per process (:mod:`stackmatrix.load.protocol`); the requests themselves cross a file
of rows per process, which are merged here. The harness never imports locust: that would monkey-patch it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level.facts import RecorderTally
from stackmatrix.analysis.level.requests import LevelRows, decode_rows
from stackmatrix.errors import TrialError
from stackmatrix.load.process import LoadProcess, wait_all, wait_until
from stackmatrix.load.protocol import (
    Done,
    End,
    EndEarly,
    Event,
    LevelOrder,
    LoadPlan,
    Order,
    Prepared,
    Ready,
    Settled,
    Start,
    Stop,
)
from stackmatrix.matrix.workloads import Workload

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
LOOK_S = 3.0
"""Between looks at a level that may end early: each look has its own chance to be wrong, so there are not many."""
FLUSHED_S = 1.0
"""What was answered so long ago is in the files of a watched level: they are written twice a second."""

type Tick = Callable[[], None]
type Look = Callable[[LevelRows], bool]
"""Whether what is known of a level until its ``end_s`` is enough; rows of later requests may be missing."""


class Moment(Enum):
    """What happens to a window."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class DrivenLevel:
    """What came of an order: its rows, when it began and had drained, and the API's figures before and after."""

    rows: LevelRows
    started_s: float
    drained_s: float
    api_before: ApiFigures | None
    api_after: ApiFigures | None
    recorded: RecorderTally


class LoadGenerator:
    """Locust processes under orders. Enter it to start them, leave it to end them.

    ``count`` processes drive equal shares of one plan, whose arrivals go to the targets at ``ports`` in turn.
    ``read_api`` gives the external API's figures, or ``None`` where there are none.
    """

    def __init__(
        self,
        *,
        folder: Path,
        ports: Sequence[int],
        workload: Workload,
        cores: tuple[int, ...],
        count: int = 1,
        read_api: Callable[[], ApiFigures | None] = lambda: None,
    ) -> None:
        self._read_api = read_api
        self._ports = tuple(ports)
        # Where each can have a core of its own, it has.
        own = len(cores) >= count
        self._processes = [
            LoadProcess(
                folder, self._plan(folder, workload, number, count), cores[number : number + 1] if own else cores
            )
            for number in range(count)
        ]

    def _plan(self, folder: Path, workload: Workload, number: int, count: int) -> LoadPlan:
        return LoadPlan(
            ports=list(self._ports),
            path=workload.path,
            page=workload.page,
            floor_ms=workload.floor_ms,
            timeout_s=REQUEST_TIMEOUT_S,
            process=number,
            processes=count,
            rows_path=str(folder / f"rows-{number}.bin"),
        )

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
        for process in self._processes:
            process.close_orders()
        for process in self._processes:
            process.stop(at_once=error is not None)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes)

    def wait_ready(self, tick: Tick) -> None:
        """Wait until orders are taken.

        Raises:
            TrialError: when locust does not come up.

        """
        self._wait(Ready, START_TIMEOUT_S, tick)

    def run(
        self, order: LevelOrder, on_window: Callable[[Moment], None], tick: Tick, look: Look | None = None
    ) -> DrivenLevel:
        """Run one level. ``on_window`` is called as its window starts and ends.

        ``tick`` is called every fraction of a second, and may raise to end the measurement. ``look`` is asked now and
        then whether a watched level may end.

        Raises:
            TrialError: when a process of locust ended, failed or fell silent.

        """
        self._send(order)
        self._wait(Prepared, PREPARE_TIMEOUT_S, tick)
        before = self._read_api()
        started_s = time.monotonic() + START_DELAY_S
        window_start_s = started_s + order.settle_s
        window_end_s = window_start_s + order.window_s
        self._send(Start(started_s))
        wait_until(self._processes, window_start_s, tick)
        on_window(Moment.START)
        if look is not None:
            window_end_s = self._watch(order, window_start_s, look, tick)
        wait_until(self._processes, window_end_s, tick)
        on_window(Moment.END)
        self._wait(Settled, SETTLE_TIMEOUT_S, tick)
        self._send(Stop())
        done = self._wait(Done, SETTLE_TIMEOUT_S, tick)
        after = self._drain(tick)
        return DrivenLevel(
            rows=self._rows_of(order, window_start_s, window_end_s),
            started_s=started_s,
            drained_s=time.monotonic(),
            api_before=before,
            api_after=after,
            recorded=RecorderTally(
                *map(sum, zip(*((one.recorded, one.counted, one.exceptions) for one in done), strict=True))
            ),
        )

    def _watch(self, order: LevelOrder, start_s: float, look: Look, tick: Tick) -> float:
        """Wait until a look says that it is enough, or no other look would come in time; returns the window's end."""
        end_s = start_s + order.window_s
        look_s = start_s + LOOK_S
        while look_s < end_s:
            wait_until(self._processes, look_s, tick)
            if look(self._rows_of(order, start_s, look_s - FLUSHED_S)):
                end_s = time.monotonic() + START_DELAY_S
                self._send(EndEarly(end_s))
                return end_s
            look_s += LOOK_S
        return end_s

    def _rows_of(self, order: LevelOrder, start_s: float, end_s: float) -> LevelRows:
        return LevelRows.select(decode_rows(self.rows()), order.level, start_s, end_s)

    def finish(self, tick: Tick) -> None:
        """Order nothing more, and wait until locust has ended well.

        Raises:
            TrialError: when it does not.

        """
        for process in self._processes:
            process.close_orders()
        self._wait(End, START_TIMEOUT_S, tick)

    def rows(self) -> bytes:
        """Everything that all processes have recorded so far."""
        return b"".join(process.rows_path.read_bytes() for process in self._processes)

    def _send(self, order: Order) -> None:
        for process in self._processes:
            process.send(order)

    def _wait[E: Event](self, kind: type[E], timeout_s: float, tick: Tick) -> list[E]:
        return wait_all(self._processes, kind, timeout_s, tick)

    def _drain(self, tick: Tick) -> ApiFigures | None:
        """Wait until no call is in flight at the external API; ``None`` when it does not answer."""
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        while True:
            figures = self._read_api()
            if figures is None or figures.in_flight == 0:
                return figures
            if time.monotonic() > deadline_s:
                raise TrialError(f"The external API still had {figures.in_flight} calls in flight after the load.")
            tick()
            time.sleep(DRAIN_POLL_S)
