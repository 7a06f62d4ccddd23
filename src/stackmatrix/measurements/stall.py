"""Why open-loop load: the same stall of the same target, under users that wait and under visitors that keep coming.

The target is stopped for two seconds in the middle of a window. A closed loop's users are all waiting then, so nobody
asks while the target is worst: each of them sees the stall once, and the rest of the window hides it (coordinated
omission). Poisson visitors come all the same, and each is charged with what the stall cost them.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from stackmatrix.analysis.stall import StallWindow
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.testbed import testbed
from stackmatrix.testbed.null_target import WAITS, null_subject
from stackmatrix.testbed.testbed import Load

RATE = 50.0
USERS = 30
"""As many users as ask, below saturation, as often as the visitors: 30 / 0.6 s."""
WINDOW_S = 20.0
STALL_AFTER_S = 8.0
STALL_S = 2.0
LEVELS = {"open": LoadLevel("open", RATE), "closed": LoadLevel("closed", USERS)}


@dataclass
class StallComparison(Kind):
    """Measures the stall under both kinds of load: the open one, then the closed one. It measures no cell."""

    name: ClassVar[str] = "stall"
    stalled: list[StallWindow] = field(default_factory=list)

    def begin(self, setup: Setup) -> None:
        self._setup = setup

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:  # noqa: ARG002 - it needs no evidence
        if turn > 0:
            return ()
        names = enumerate(LEVELS.items())
        return [
            Step(f"{name} loop, {level}", number=place, estimate_s=WINDOW_S + 6.0) for place, (name, level) in names
        ]

    def perform(self, step: Step, show: Show) -> Outcome:
        name, level = list(LEVELS.items())[step.number]
        subject = null_subject(WAITS)
        with testbed.start([subject], self._setup.layout, Load(), show) as bed:
            bed.verify()
            bed.warm_up(None)
            pid = bed.circus.pid(subject.name)
            order = LevelOrder.measure(step.number, level, 2.0, WINDOW_S, seed=self._setup.request.seed)
            rows = bed.drive(order, level, at_start=lambda: stop_later([pid], STALL_AFTER_S, STALL_S)).facts.rows
        self.stalled.append(StallWindow(name, level, WAITS.floor_ms, np.sort(rows.response_ms)))
        return Outcome(f"{self.stalled[-1].delayed} responses were delayed")


def stop_later(pids: Sequence[int], after_s: float, for_s: float) -> None:
    """Stop processes after a while, and let them go on, without waiting for either."""

    def send(number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # the measurement has ended before
                os.kill(pid, number)

    def stop() -> None:
        time.sleep(after_s)
        send(signal.SIGSTOP)
        time.sleep(for_s)
        send(signal.SIGCONT)

    threading.Thread(target=stop, daemon=True).start()
