"""The one owner of child processes: argument lists, a group of their own, one shared deadline to stop, then KILL."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from stackmatrix.errors import TrialError
from stackmatrix.outside.files import read_log
from stackmatrix.outside.text import one_line
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


CRASH = re.compile(r"segmentation fault|fatal python error|bus error", re.IGNORECASE)
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\s*$")
NOT_A_CAUSE = re.compile(r"^(\w+\.)*(HaltServer|SystemExit|KeyboardInterrupt|CancelledError)\b")
"""Exceptions with which a server reports that something else has ended it."""
LAST_LINES = 3
MOST_READ_BYTES = 20_000_000
"""Of a log that are read, and kept: the end of one that has no end."""
LONGEST_REASON = 500
"""Characters of a line that are shown: an exception may quote a whole page."""


def explain(log: Path) -> str:
    """What a log says of why its process ended, on one line; empty when there is no log or it is empty.

    The line of a crash, else the last exception's own line, else the last lines: servers follow an exception with words
    of their own ("Worker failed to boot"), and a crash with a backtrace.
    """
    lines = [line.strip() for line in _lines(log)]
    crash = next((line for line in lines if CRASH.search(line)), "")
    exception = next(iter(deque(raised(log), 1)), "")
    last = [line for line in lines if line][-LAST_LINES:]
    return one_line(crash or exception or " | ".join(last), LONGEST_REASON)


def _lines(log: Path) -> list[str]:
    """The lines of a log, of a long one those of its beginning and its end; none where there is no log."""
    try:
        return read_log(log).split("\n")
    except OSError:
        return []


def raised(log: Path) -> Iterator[str]:
    """The own line of each exception that a log has a traceback of, but for those that report another one."""
    is_traceback = False
    for line in _lines(log):
        if TRACEBACK.search(line):
            is_traceback = True
        elif is_traceback and line and not line[0].isspace():
            is_traceback = False
            if not NOT_A_CAUSE.match(line):
                yield line.strip()


def most_raised(log: Path) -> int:
    """How often a log has the exception that it has most often; those that differ in numbers only are the same."""
    return max(Counter(re.sub(r"0x[0-9a-f]+|\d+", "0", line) for line in raised(log)).values(), default=0)


SHORTEST_HIDDEN = 4
"""Characters of a secret: a shorter one would be found in many words that do not have it."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, also where they are quoted as Python or JSON does."""
    for secret in secrets:
        for written in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]} if len(secret) >= SHORTEST_HIDDEN else ():
            text = text.replace(written, "…")
    return text


KEPT_LOGS = PROJECT / ".nox" / "logs"
MOST_KEPT, MOST_KEPT_BYTES = 50, 10_000_000
"""Logs, and of each its beginning and its end: a target may have written gigabytes."""


def keep(log: Path, secrets: Iterable[str] = ()) -> str:
    """Copy a log out of a folder that will be removed, without secrets.

    Returns where it is, for people, or nothing if it is empty.
    """
    try:
        if not log.stat().st_size:
            return ""
        KEPT_LOGS.mkdir(parents=True, exist_ok=True)
        kept = KEPT_LOGS / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{log.name}"
        kept.write_text(hide(read_log(log, MOST_KEPT_BYTES), secrets), encoding="utf-8")
        for old in sorted(KEPT_LOGS.iterdir())[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return ""
    return str(kept.relative_to(PROJECT) if kept.is_relative_to(PROJECT) else kept)


def last_words(log: Path, secrets: Collection[str] = ()) -> str:
    """What a log says of why its process ended, and where the whole of it is kept; empty without a log."""
    said, kept = hide(explain(log), secrets), keep(log, secrets)
    return f"{said} (its whole log: {kept})" if said and kept else said
