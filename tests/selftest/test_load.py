"""The load generator against a target that costs nothing: what it measures is what happened, and nothing of itself."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stackmatrix.analysis.level.latency import p99
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.load.generator import LoadGenerator, Moment
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed, planned
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.system import http, ports, processes
from stackmatrix.system.cores import Layout

SEED = 1
SETTLE_S, WINDOW_S = 1.0, 5.0
BEFORE_STALL_S, STALL_S = 1.0, 2.0
FLOOR_MS = 600
DELAYED_MS = FLOOR_MS + 400
"""A response that took so long has met the stall."""

type Drive = Callable[..., LevelRows]


def nothing(*_: object) -> None:
    pass


@pytest.fixture
def port() -> int:
    """A free port for the target."""
    return ports.find_free(ports.TARGET_PORT, 1)[0]


@pytest.fixture
def null_target(port: int, start_child: Callable[..., "subprocess.Popen[bytes]"], layout: Layout) -> psutil.Process:
    """A target that answers every request after 600 ms, on a core of its own."""
    cores = ",".join(map(str, layout.target))
    command = (sys.executable, "-m", "null_target", "--port", str(port))
    child = start_child(sys.executable, "-m", "stackmatrix.system.launch", f"--cores={cores}", "--", *command)
    why_dead: Callable[[], str | None] = lambda: "it ended" if child.poll() is not None else None  # noqa: E731
    processes.wait_until(lambda: http.try_get(port, "/"), timeout_s=30, alive=why_dead)
    return psutil.Process(child.pid)


@pytest.fixture
def drive(tmp_path: Path, port: int, layout: Layout, null_target: psutil.Process) -> Drive:
    """Drives one level; ``during`` is called as its window starts, and the load goes on meanwhile."""

    def run(plan: LoadLevel, during: Callable[[], None] = nothing) -> LevelRows:
        workload = WORKLOADS["fanout_shared_client"]
        generator = LoadGenerator(folder=tmp_path, ports=[port], workloads=[workload], cores=layout.generator)
        with generator:
            generator.wait_ready(nothing)
            driven = generator.run(
                LevelOrder.measure(0, plan, SETTLE_S, WINDOW_S, seed=SEED),
                lambda moment: during() if moment is Moment.START else None,
                nothing,
            )
            generator.finish(nothing)
        assert null_target.is_running()
        return driven.rows

    return run


def test_of_a_target_that_costs_nothing_every_request_is_made_and_answered_as_planned(drive: Drive) -> None:
    level = drive(LoadLevel("open", 100))
    assert len(level.window) == planned(100, SETTLE_S, WINDOW_S, plan_seed(SEED, 0))
    assert level.failures() == {}
    assert level.response_ms.min() >= FLOOR_MS


def delayed(level: LevelRows) -> int:
    return int((level.response_ms > DELAYED_MS).sum())


def test_a_stall_of_the_target_is_charged_to_every_visitor_and_a_closed_loop_would_hide_it(
    drive: Drive, null_target: psutil.Process
) -> None:
    spans_s = []

    def stall() -> None:
        time.sleep(BEFORE_STALL_S)
        for process in processes.tree(null_target.pid):
            process.suspend()
        while null_target.status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        started_s = time.monotonic()
        time.sleep(STALL_S)
        spans_s.append((started_s, time.monotonic()))
        for process in processes.tree(null_target.pid):
            process.send_signal(signal.SIGCONT)

    opened = drive(LoadLevel("open", 50), stall)
    [(started_s, ended_s)] = spans_s
    intended_s = opened.correct["intended_s"]
    came = (intended_s >= started_s) & (intended_s < ended_s)
    # Whoever came meanwhile waited for the end of the stall, and then for the page.
    assert came.sum() > STALL_S * 50 / 2
    assert (opened.response_ms[came] >= (ended_s - intended_s[came]) * 1000 + FLOOR_MS).all()
    measured = p99(opened.response_ms)
    assert measured is not None
    assert measured >= 1900 + FLOOR_MS

    users = 30
    closed = drive(LoadLevel("closed", users), stall)
    # Each user meets a stall once, however long it is, and asks no more while it lasts.
    assert 0 < delayed(closed) <= users
    assert delayed(closed) / len(closed.correct) < 0.5
    assert delayed(opened) / len(opened.correct) > delayed(closed) / len(closed.correct)
