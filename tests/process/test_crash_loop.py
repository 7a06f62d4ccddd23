"""A master that stays up while its workers fail is told from a slow start, by real processes and a real log."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stackmatrix.system import crash_loop
from stackmatrix.system.crash_loop import CrashLoop

FAILS = "raise LookupError('Table 7 is not there.')"
MASTER = """
import subprocess, sys, time
workers, restarts, code = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for _ in range(1 + restarts):
    command = [sys.executable, "-c", "import time; time.sleep(0.3); " + code]
    for one in [subprocess.Popen(command) for _ in range(workers)]:
        one.wait()
time.sleep(600)
"""
LONGEST_S, WHILE_S = 30.0, 3.0
"""For what has to be told at some time, and a while in which nothing is to be told."""

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def watch(start: Start, folder: Path, workers: int, restarts: int, code: str, within_s: float) -> str | None:
    """What is said of a master whose workers run some code, again and again, within so many seconds."""
    child = start((sys.executable, "-c", MASTER, str(workers), str(restarts), code))
    loop = CrashLoop(child.pid, folder / "child.log", workers)
    until_s = time.monotonic() + within_s
    why = None
    while why is None and time.monotonic() < until_s:
        why = loop.why()
        time.sleep(0.02)
    return why


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_fail_again_and_again_are_told(start_child: Start, tmp_path: Path, workers: int) -> None:
    why = watch(start_child, tmp_path, workers, 60, FAILS, LONGEST_S)
    assert why is not None
    assert why.endswith(" of its processes have failed, and others are started in their place")
    assert int(why.split()[0]) > workers


def test_a_worker_in_whose_place_nothing_is_started_is_told(
    start_child: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_loop, "ALONE_S", 0.5)
    why = watch(start_child, tmp_path, 1, 0, FAILS, LONGEST_S)
    assert why == "1 of its processes has failed, and nothing is started in its place"


def test_workers_of_which_only_the_master_says_that_they_end_again_and_again_are_told(
    start_child: Start, tmp_path: Path
) -> None:
    """As Gunicorn says it of workers that call sys.exit, or crash."""
    says = "import os; print(f'[ERROR] Worker (pid:{os.getpid()}) exited with code 1.', flush=True)"
    why = watch(start_child, tmp_path, 1, 60, says, LONGEST_S)
    assert why == f"{crash_loop.MANY} of its processes have failed, and others are started in their place"


def test_a_worker_that_failed_once_may_be_started_again(start_child: Start, tmp_path: Path) -> None:
    assert watch(start_child, tmp_path, 1, 0, FAILS, WHILE_S) is None


@pytest.mark.parametrize(
    "code",
    [
        "pass",
        "import traceback\ntry: 1 / 0\nexcept Exception: traceback.print_exc()\ntime.sleep(600)",
    ],
    ids=["processes that end without a word", "exceptions that are logged"],
)
def test_nothing_is_told_of_processes_that_end_or_exceptions_that_are_logged_alone(
    start_child: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(crash_loop, "ALONE_S", 0.5)
    assert watch(start_child, tmp_path, 2, 4, code, WHILE_S) is None


def test_a_server_that_is_gone_is_nothing_to_watch(start_child: Start, tmp_path: Path) -> None:
    child = start_child((sys.executable, "-c", "pass"))
    child.wait()
    assert CrashLoop(child.pid, tmp_path / "child.log").why() is None
