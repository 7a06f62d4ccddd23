"""The one owner of child processes: argument lists, a group of their own, one shared deadline to stop, then KILL."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from stackmatrix.errors import TrialError
from stackmatrix.system import guard

POLL_S = 0.02
"""Between looks at a condition: short against every wait, long against the look."""

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")
"""What a child gets of this process's environment; everything else is given by name."""

PROJECT = Path(__file__).resolve().parents[3]
SOURCE = PROJECT / "src"


def child_environment(**given: str) -> dict[str, str]:
    """The environment of a child of the tool environment."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", **given}


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    pass_fds: Sequence[int] = (),
    cwd: Path = PROJECT,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide the order of stopping."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            umask=0o077,  # logs, sockets and what it writes beside them are this user's own
        )


def stop(child: subprocess.Popen[bytes], timeout_s: float, ask: signal.Signals = signal.SIGTERM) -> None:
    """Ask a child to end, and kill its whole group when it has not within the time."""
    if child.poll() is None:
        child.send_signal(ask)
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


def orphans() -> list[psutil.Process]:
    """What has lost its parent below the harness, and is now beside it; empty where nobody stands above."""
    above = guard.above()
    beside = psutil.Process(above).children() if above is not None and psutil.pid_exists(above) else []
    return [one for one in beside if one.pid != os.getpid()]


KILL_ROUNDS = 20
"""Of looking for what a process that is being killed has started meanwhile."""


def kill_tree(pid: int) -> None:
    """Kill a process with its group and all that descend from it; each is stopped first, so that none forks on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGSTOP)
    found: dict[int, psutil.Process] = {}
    for _ in range(KILL_ROUNDS):
        new = [one for one in tree(pid) if one.pid not in found]
        if not new:
            break
        found |= {one.pid: one for one in new}
        for one in new:
            with contextlib.suppress(psutil.Error):
                one.suspend()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    end_all(found.values(), timeout_s=0.0)
