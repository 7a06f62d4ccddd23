"""Why open-loop load: the same stall of the same target, under users who wait and under visitors who keep coming.

The target is stopped for two seconds in the middle of a window. A closed loop's users are all waiting then, so nobody
asks while the target is worst: each of them sees the stall once, and the rest of the window hides it (coordinated
omission). Poisson visitors come all the same, and each is charged with what the stall cost them.
"""

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np

from stackmatrix.analysis.stall import Stalled
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.workloads import API_PORT
from stackmatrix.system import cores, ports
from stackmatrix.testbed.nullbench import NULL_PORT, WAITS, null_bench

RATE = 50.0
USERS = 30
"""The users who, below saturation, ask as often as the visitors: 30 / 0.6 s."""
WINDOW_S = 20.0
STALL_AFTER_S = 8.0
STALL_S = 2.0


def stall_both(show: Callable[[str], None]) -> tuple[Stalled, Stalled]:
    """Measure the stall under both kinds of load: the open one, then the closed one.

    Raises:
        PortTakenError: before anything is measured.
        TrialError: when something did not start or ended.

    """
    ports.need_free_port(API_PORT, "the external API")
    ports.need_free_port(NULL_PORT, "the null target")
    stalled = []
    with null_bench(cores.divide_cores()) as bench:
        for name, plan in (("open", LevelPlan("open", RATE)), ("closed", LevelPlan("closed", USERS))):
            show(f"{name} loop, {plan}")
            rows = bench.measure(plan, 2.0, WINDOW_S, lambda: stop_later(bench.target_pid)).driven.rows
            stalled.append(Stalled(name, plan, WAITS.floor_ms, np.sort(rows.response_ms)))
    return stalled[0], stalled[1]


def stop_later(pid: int) -> None:
    """Stop a process after a while, and let it go on, without waiting for either."""

    def stop() -> None:
        time.sleep(STALL_AFTER_S)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STALL_S)
        os.kill(pid, signal.SIGCONT)

    threading.Thread(target=stop, daemon=True).start()
