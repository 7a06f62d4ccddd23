"""The one owner of child processes: argument lists, a group of their own, one shared deadline to stop, then KILL."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from stackmatrix.errors import TrialError

POLL_S = 0.02
"""Between looks at a condition: short against every wait, long against the look."""

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")
"""What a child gets of this process's environment; everything else is given by name."""

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "src"


def child_environment(**given: str) -> dict[str, str]:
    """The environment of a child of the tool environment."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", **given}


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide the order of stopping."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )


def stop(child: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Ask a child to end, and kill its whole group when it has not within the time."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def wait_until[T](look: Callable[[], T | None], *, timeout_s: float, alive: Callable[[], str | None]) -> T:
    """Look again and again until there is something to see.

    ``alive`` says why waiting has become pointless, or ``None`` while it has not.

    Raises:
        TrialError: when the time is over or waiting has become pointless.

    """
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen is not None:
            return seen
        reason = alive()
        if reason is not None:
            raise TrialError(reason)
        if time.monotonic() > deadline:
            raise TrialError(f"it was not ready within {timeout_s:g} s")
        time.sleep(POLL_S)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it; empty when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def still_running(processes: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Those of these processes that have not ended within the time; one that nobody has reaped yet has ended."""
    _, alive = psutil.wait_procs(list(processes), timeout=timeout_s)
    return [process for process in alive if is_running(process.pid)]


def is_running(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_all(processes: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait for processes to end and kill those that stay; returns the ones that had to be killed."""
    alive = still_running(processes, timeout_s)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=timeout_s)
    return alive


CRASH = re.compile(r"segmentation fault|fatal python error|bus error", re.IGNORECASE)


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log on one line, for the reason of a failure; empty when there is none.

    Of a crash, the line that tells of it: what follows is a backtrace, whose end says nothing.
    """
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    every = [line.strip() for line in text.splitlines() if line.strip()]
    crash = next((line for line in every if CRASH.search(line)), None)
    return " | ".join(every[-lines:]) if crash is None else crash
