"""Why open-loop load: the same stall of the same target, under users that wait and under visitors that keep coming.

The target is stopped for two seconds in the middle of a window. A closed loop's users are all waiting then, so nobody
asks while the target is worst: each of them sees the stall once, and the rest of the window hides it (coordinated
omission). Poisson visitors come all the same, and each is charged with what the stall cost them.
"""

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
from stackmatrix.measurements.request import Kind, Setup, Show, Step
from stackmatrix.testbed import testbed
from stackmatrix.testbed.null_target import WAITS, null_subject
from stackmatrix.testbed.testbed import Load

RATE = 50.0
USERS = 30
"""As many users as ask, below saturation, as often as the visitors: 30 / 0.6 s."""
WINDOW_S = 20.0
STALL_AFTER_S = 8.0
STALL_S = 2.0


@dataclass
class StallComparison(Kind):
    """Measures the stall under both kinds of load: the open one, then the closed one."""

    done: ClassVar[str] = "stalled"
    estimate_s = WINDOW_S + 6.0
    stalled: list[StallWindow] = field(default_factory=list)

    def begin(self, setup: Setup) -> Sequence[Step]:
        self._setup = setup
        self._levels = {"open": LoadLevel("open", RATE), "closed": LoadLevel("closed", USERS)}
        return [Step(f"{name} loop, {level}", place=place) for place, (name, level) in enumerate(self._levels.items())]

    def perform(self, step: Step, show: Show) -> str:
        name, level = list(self._levels.items())[step.place]
        subject = null_subject(WAITS)
        with testbed.start([subject], self._setup.layout, Load(WAITS), show) as bed:
            bed.verify()
            bed.warm_up(None)
            pid = bed.circus.pid(subject.name)
            order = LevelOrder.measure(step.place, level, 2.0, WINDOW_S, seed=self._setup.request.seed)
            rows = bed.drive(order, level, at_start=lambda: stop_later(pid)).facts.rows
        self.stalled.append(StallWindow(name, level, WAITS.floor_ms, np.sort(rows.response_ms)))
        return f"{self.stalled[-1].delayed} responses were delayed"


def stop_later(pid: int) -> None:
    """Stop a process after a while, and let it go on, without waiting for either."""

    def stop() -> None:
        time.sleep(STALL_AFTER_S)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STALL_S)
        os.kill(pid, signal.SIGCONT)

    threading.Thread(target=stop, daemon=True).start()
