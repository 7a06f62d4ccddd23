"""Runs the locust processes of a measurement and orders its levels and ramps one by one.

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

import numpy as np

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level.facts import RecorderTally, WrongAnswer
from stackmatrix.analysis.level.latency import REQUEST_TIMEOUT_S
from stackmatrix.analysis.level.requests import LevelRows, Rows, decode_rows
from stackmatrix.errors import TrialError
from stackmatrix.load.numbers import NUMBERS, OF_A_GENERATOR
from stackmatrix.load.process import LoadProcess, wait_all, wait_until
from stackmatrix.load.protocol import (
    Done,
    Drop,
    End,
    Event,
    LevelOrder,
    LoadPlan,
    Order,
    Prepared,
    RampOrder,
    Ready,
    Settled,
    Start,
    Stop,
)
from stackmatrix.matrix.workloads import Workload
from stackmatrix.system import interrupts

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
LOOK_S = 0.5
"""Between looks at a ramp."""
FLUSHED_S = 0.6
"""What was answered so long ago is in the files of a ramp: they are written every quarter of a second."""
DROP_DELAY_S = 0.3
"""From deciding that a ramp's load drops to the drop: a load process that waits for an arrival looks every 0.2 s."""

type Tick = Callable[[], None]
type Watch = Callable[[Rows, float], Drop | Stop | None]
"""What follows from the rows of a ramp, of which those of answers until a moment are all there."""


class Moment(Enum):
    """What happens to a window."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class DrivenLevel:
    """What came of an order: its rows, when it began and had drained, and the API's figures before and after.

    A ramp's window is its climb, to the drop or to its end, and ``drained_s`` is when it was stopped. ``late_s`` is how
    long after the moments that the plan has for them its window began or ended here, whichever was more.
    """

    rows: LevelRows
    started_s: float
    drained_s: float
    api_before: ApiFigures | None
    api_after: ApiFigures | None
    recorded: RecorderTally
    late_s: float = 0.0


class LoadGenerator:
    """Locust processes under orders. Enter it to start them, leave it to end them.

    ``count`` processes drive equal shares of one plan, whose arrivals go to the targets at ``ports`` in turn, and ask
    each for the pages of its own of the ``workloads``.
    ``read_api`` gives the external API's figures, or ``None`` where there are none.
    """

    def __init__(
        self,
        *,
        folder: Path,
        ports: Sequence[int],
        workloads: Sequence[Workload],
        cores: tuple[int, ...],
        count: int = 1,
        read_api: Callable[[], ApiFigures | None] = lambda: None,
    ) -> None:
        self._read_api = read_api
        self._ports = tuple(ports)
        # Where each can have a core of its own, it has.
        own = len(cores) >= count
        first_number = NUMBERS.take(OF_A_GENERATOR)
        self._processes = [
            LoadProcess(
                folder,
                self._plan(folder, workloads, first_number, number, count),
                cores[number : number + 1] if own else cores,
            )
            for number in range(count)
        ]

    def _plan(
        self, folder: Path, workloads: Sequence[Workload], first_number: int, number: int, count: int
    ) -> LoadPlan:
        return LoadPlan(
            ports=list(self._ports),
            pages=tuple(one.pages for one in workloads),
            first_number=first_number + number,
            unloaded_ms=workloads[0].unloaded_ms,
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
                with interrupts.held():
                    process.start()
                    started.append(process)
        except BaseException:
            with interrupts.held():
                for process in started:
                    process.stop(at_once=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with interrupts.held():
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

    def run(self, order: LevelOrder, on_window: Callable[[Moment], None], tick: Tick) -> DrivenLevel:
        """Run one level. ``on_window`` is called as its window starts and ends.

        ``tick`` is called every fraction of a second, and may raise to end the measurement.

        Raises:
            TrialError: when a process of locust ended, failed or fell silent.

        """
        before, started_s = self._prepare(order, tick)
        window_start_s = started_s + order.settle_s
        window_end_s = window_start_s + order.window_s
        wait_until(self._processes, window_start_s, tick)
        late_s = time.monotonic() - window_start_s
        on_window(Moment.START)
        wait_until(self._processes, window_end_s, tick)
        late_s = max(late_s, time.monotonic() - window_end_s)
        on_window(Moment.END)
        self._wait(Settled, SETTLE_TIMEOUT_S, tick)
        self._send(Stop())
        recorded = self._tally(tick)
        after = self._drain(tick)
        rows = LevelRows.select(self._rows(), order.level, window_start_s, window_end_s)
        return DrivenLevel(rows, started_s, time.monotonic(), before, after, recorded, late_s)

    def climb(
        self,
        order: RampOrder,
        begin: Callable[[float], None],
        on_window: Callable[[Moment], None],
        tick: Tick,
        watch: Watch,
    ) -> DrivenLevel:
        """Run one ramp. ``begin`` is given the moment of its start, ``on_window`` called as its climb starts and ends.

        ``watch`` is asked twice a second whether the load drops, or stops. The external API is not waited for: after
        an overload, the target may still work off for minutes what visitors have given up.

        Raises:
            TrialError: when a process of locust ended, failed or fell silent.

        """
        before, started_s = self._prepare(order, tick)
        begin(started_s)
        wait_until(self._processes, started_s, tick)
        on_window(Moment.START)
        climbed_s = None
        look_s = started_s
        while True:
            look_s = max(look_s + LOOK_S, time.monotonic())
            wait_until(self._processes, look_s, tick)
            decision = watch(self._rows(order.level), look_s - FLUSHED_S)
            if decision is None:
                continue
            self._send(decision)
            if climbed_s is None:
                climbed_s = decision.at_s if isinstance(decision, Drop) else look_s
                on_window(Moment.END)
            if isinstance(decision, Stop):
                break
        stopped_s = time.monotonic()
        recorded = self._tally(tick)
        after = self._read_api()
        rows = LevelRows(self._rows(order.level), started_s, climbed_s)
        return DrivenLevel(rows, started_s, stopped_s, before, after, recorded)

    def _prepare(self, order: LevelOrder | RampOrder, tick: Tick) -> tuple[ApiFigures | None, float]:
        """Have the visitors made, and name the start; returns the external API's figures before it, and the start."""
        self._send(order)
        self._wait(Prepared, PREPARE_TIMEOUT_S, tick)
        before = self._read_api()
        started_s = time.monotonic() + START_DELAY_S
        self._send(Start(started_s))
        return before, started_s

    def _tally(self, tick: Tick) -> RecorderTally:
        """Wait until the order is done."""
        done = self._wait(Done, SETTLE_TIMEOUT_S, tick)
        wrong = dict.fromkeys(WrongAnswer(target, words) for one in done for target, words in one.wrong)
        return RecorderTally(
            recorded=sum(one.recorded for one in done),
            counted=sum(one.counted for one in done),
            exceptions=sum(one.exceptions for one in done),
            wrong=tuple(wrong),
        )

    def _rows(self, level: int | None = None) -> Rows:
        """What was recorded until now, of one level or of all; each file may end in the middle of a row."""
        found = np.concatenate([decode_rows(process.rows_path.read_bytes()) for process in self._processes])
        return found if level is None else found[found["level"] == level]

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
