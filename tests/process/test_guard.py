"""The process above the harness: whoever dies first, nothing below it is left running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import guard
from stackmatrix.system.processes import SOURCE, is_running

type Wait = Callable[[Callable[[], object]], None]

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
FAMILY = f"""
import os, subprocess, sys, time
from pathlib import Path
# A child in a session of its own, and one below that which has lost its parent.
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
daemon = subprocess.run([sys.executable, "-c", '''
import subprocess, sys
given = dict(start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
one = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], **given)
one.stdout.readline()
print(one.pid)
'''], capture_output=True, text=True).stdout
Path(sys.argv[1]).write_text(f"{{os.getpid()}} {{child.pid}} {{daemon}}")
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    time.sleep(float(sys.argv[2]))
    sys.exit(7)
"""


def start(tmp_path: Path, *more: str, ends_s: float = 0.0) -> "subprocess.Popen[bytes]":
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        [
            sys.executable,
            "-P",
            guard.__file__,
            *more,
            "--",
            sys.executable,
            "-c",
            FAMILY,
            tmp_path / "pids",
            str(ends_s),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, heard)
    return child


def family(tmp_path: Path, wait_for: Wait) -> list[int]:
    """The processes below: the command, its child, and what has lost its parent."""
    wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count(" ") == 2)
    return [int(one) for one in (tmp_path / "pids").read_text().split()]


def test_a_command_that_is_killed_takes_all_with_it_and_it_is_said(tmp_path: Path, wait_for: Wait) -> None:
    child = start(tmp_path)
    pids = family(tmp_path, wait_for)
    os.kill(pids[0], signal.SIGKILL)
    _, said = child.communicate(timeout=10)
    assert child.returncode == 137
    assert b"ended from outside by SIGKILL" in said
    assert [pid for pid in pids if is_running(pid)] == []


def test_a_second_interrupt_kills_what_holds_up_the_end_and_the_command_still_ends_by_itself(
    tmp_path: Path, wait_for: Wait
) -> None:
    child = start(tmp_path, ends_s=3.0)
    pids = family(tmp_path, wait_for)
    os.kill(child.pid, signal.SIGINT)
    assert child.stdout
    assert child.stdout.readline() == b"interrupted\n"
    assert all(map(is_running, pids))
    time.sleep(guard.SAME_PRESS_S)
    os.kill(child.pid, signal.SIGINT)
    wait_for(lambda: not any(map(is_running, pids[1:])))
    child.communicate(timeout=10)
    assert child.returncode == 7


def test_a_parent_that_is_killed_ends_all(tmp_path: Path, wait_for: Wait) -> None:
    script = f"""
import os, subprocess, sys
command = [sys.executable, "-P", {guard.__file__!r}, "--parent", str(os.getpid()), "--"]
subprocess.run([*command, sys.executable, "-c", {FAMILY!r}, {str(tmp_path / "pids")!r}, "0"])
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pids = family(tmp_path, wait_for)
    above = psutil.Process(pids[0]).ppid()
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_running, [above, *pids])))


def test_a_guard_that_is_killed_ends_the_harness_which_then_sees_to_the_rest(tmp_path: Path, wait_for: Wait) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from stackmatrix.system import guard
guard.stand_above()
Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
time.sleep(600)
"""
    child = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    below = int((tmp_path / "pid").read_text())
    child.kill()
    child.wait()
    wait_for(lambda: not is_running(below))


def test_where_the_kernel_hands_nothing_on_what_was_seen_is_ended(
    tmp_path: Path, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in for systems other than Linux: orphans go to the system's first process, and ps lists all.
    script = Path(guard.__file__).read_text().replace('sys.platform != "linux"', "True")
    (tmp_path / "guard.py").write_text(script.replace("SEEN_PERIOD_S = 5.0", "SEEN_PERIOD_S = 0.1"))
    monkeypatch.setattr(guard, "__file__", str(tmp_path / "guard.py"))
    child = start(tmp_path)
    pids = family(tmp_path, wait_for)
    time.sleep(2 * guard.LOOK_S)  # it looks who is there
    os.kill(pids[0], signal.SIGKILL)
    child.communicate(timeout=15)
    assert is_running(pids[1]) is False
    for pid in pids[2:]:  # what had lost its parent before it was seen
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_harness_that_no_nox_has_started_watches_none() -> None:
    assert guard.parent_of({}) is None
    assert guard.parent_of({guard.PARENT_VARIABLE: str(os.getppid())}) == os.getppid()
    # Started by something that nox has started.
    assert guard.parent_of({guard.PARENT_VARIABLE: str(os.getpid())}) is None
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert guard.parent_of({guard.PARENT_VARIABLE: str(child.pid)}) == child.pid  # gone before it began
