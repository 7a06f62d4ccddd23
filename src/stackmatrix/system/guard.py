"""A process above the harness, which sees to it that nothing of it is left running, whoever dies first.

The harness can be killed outright, and so can nox, of which it then knows nothing. So a small process stands between
the two: it passes signals on, notices that nox is gone, and ends all that is left below it when the harness has ended.
On Linux the kernel hands it whatever loses its parent; elsewhere it remembers what it has seen. It is
:func:`stand_above` in a program of Python, and ``python -P guard.py --parent PID -- COMMAND`` around any other.
Standard library only: nox runs it with nothing installed.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PARENT_VARIABLE = "STACKMATRIX_NOX"
"""Has the id of the nox that started the harness, which then ends with it; a harness that people start has none."""
LOOK_S = 1.0
"""Between looks whether a parent is there."""
SAME_PRESS_S = 1.0
"""Signals within this time are one: a key press reaches every process of the terminal, and is passed on, too."""
PATIENCE_S = 5.0
"""From the first signal on for servers to stop; then what is below the harness is killed, and it goes on without."""
ALONE_S = 3.0
"""From then on for the harness itself, where nobody is left to see it."""
WATCHED_S = 60.0
"""The same where somebody waits: it still says what is known, which takes a while after a large run."""
LEFT_S = 2.0
"""For what a dead harness has left: it was asked to end by the kernel already, or is asked now."""
ROUNDS = 50
"""Of killing: what forks without end can be ahead of a few."""
SEEN_PERIOD_S = 5.0
"""Between looks at who is there, where the kernel does not say."""
PR_SET_CHILD_SUBREAPER = 36
FIRST_CODE = 128
"""Shells count a process that a signal has ended from here on."""

_above: list[int] = []
"""The process above this one, where there is one."""

Known = dict[int, tuple[int, str]]
"""Processes by id: the parent's, and when each began, by which it is told from a later one with its id."""


def stand_above(parent: int | None = None) -> None:
    """Fork: this returns in the new process alone, and the old one ends when nothing of that is left.

    ``parent`` is a process whose end is the end of this, too.
    """
    adopts = _adopt_orphans()
    this = os.getpid()
    below = os.fork()
    if below == 0:
        _above[:] = [this]
        end_with(this)
        return
    code = 1
    try:
        code = Guard(below, parent, adopts=adopts).wait()
    finally:
        os._exit(code)  # what is to be flushed is the child's


def above() -> int | None:
    """The process above this one, to which goes whatever loses its parent; ``None`` where nobody stands there."""
    return next(iter(_above), None)


def parent_of(environment: Mapping[str, str]) -> int | None:
    """The nox that started this process, where one did, also if that is gone already."""
    told = environment.get(PARENT_VARIABLE, "")
    if not told.isdigit():
        return None
    return int(told) if int(told) == os.getppid() or not _is_there(int(told)) else None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_with(parent: int) -> None:
    """End this process as by SIGTERM when it is no longer the child of that one."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@dataclass
class Guard:
    """Waits for the process ``below``, and for whatever that leaves."""

    below: int
    parent: int | None
    adopts: bool = True
    clock_s: Callable[[], float] = time.monotonic
    _asked_s: float | None = None
    _press_s: float = 0.0
    _is_alone: bool = False
    _is_killed: bool = False
    _seen: Known = field(default_factory=dict)
    _looked_s: float = float("-inf")
    _received: list[int] = field(default_factory=list)

    def wait(self) -> int:
        """Wait until all is over; returns the exit code, as a shell counts it."""
        woken = self._listen()
        while (status := self._reap()) is None:
            self._look()
            select.select([woken], [], [], LOOK_S)
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        self._end_rest()
        if status >= 0:
            return status
        _say(
            f"stackmatrix: it was ended from outside by {signal.Signals(-status).name}. What was measured until then "
            "is written, and nothing is left running: run it again, and it goes on from there."
        )
        return FIRST_CODE - status

    def _listen(self) -> int:
        """Take signals; returns an open file that can be read when there was one."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and shells that run it in the background
                signal.signal(number, lambda received, _: self._received.append(received))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        return woken

    def _reap(self) -> int | None:
        """Take leave of every child that has ended, those that were handed on among them; how the one has ended."""
        status = None
        while True:
            try:
                pid, how = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return status
            if pid == 0:
                return status
            if pid == self.below:
                status = os.waitstatus_to_exitcode(how)

    def _look(self) -> None:
        now_s = self.clock_s()
        while self._received:
            self._ask(self._received.pop(0), now_s)
        if self.parent is not None and not self._is_alone and os.getppid() != self.parent:
            self._is_alone = True
            self._ask(signal.SIGTERM, now_s)
        if not self.adopts and now_s - self._looked_s >= SEEN_PERIOD_S:
            self._looked_s = now_s
            self._seen |= _below(os.getpid(), _table())
        if self._asked_s is None:
            return
        if not self._is_killed and now_s - self._asked_s >= PATIENCE_S:
            self._kill_below()
        if now_s - self._asked_s >= PATIENCE_S + (ALONE_S if self._is_alone else WATCHED_S):
            _send([self.below], signal.SIGKILL)

    def _ask(self, number: int, now_s: float) -> None:
        """Pass a signal on; a second one ends what is below the harness at once, so that stopping waits for nobody."""
        is_same = self._asked_s is not None and now_s - self._press_s < SAME_PRESS_S
        self._press_s = now_s
        if self._asked_s is None:
            self._asked_s = now_s
            _send([self.below], signal.Signals(number))
        elif not is_same and not self._is_killed:
            self._kill_below()

    def _kill_below(self) -> None:
        self._is_killed = True
        _kill_all(lambda: {pid: one for pid, one in self._family().items() if pid != self.below})

    def _family(self) -> Known:
        """All that is below this process, or was seen there and is still the same."""
        table = _table()
        seen = {pid: one for pid, one in self._seen.items() if pid in table and table[pid][1] == one[1]}
        return {**seen, **_below(os.getpid(), table)}

    def _end_rest(self) -> None:
        """End what the harness has left: after an orderly end that is what has escaped its care."""
        # The kernel has asked most of it, where the harness was killed; a second time does no harm.
        _send({pid: one for pid, one in self._family().items() if one[0] == os.getpid() or pid in self._seen})
        until_s = self.clock_s() + LEFT_S
        while self._family() and self.clock_s() < until_s:
            time.sleep(0.05)
            self._reap()
        _kill_all(self._family)
        self._reap()


def _adopt_orphans() -> bool:
    """Have the kernel hand this process what loses its parent below it; whether it does. Linux only."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def _table() -> Known:
    """Every process that has not ended."""
    if sys.platform != "linux":
        return _parse(
            subprocess.run(
                ["ps", "-axo", "pid=,ppid=,stat=,lstart="], check=False, capture_output=True, text=True
            ).stdout
        )
    found: Known = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name, in brackets, may have anything in it. See proc_pid_stat(5).
            state, parent, *more = path.read_text(errors="replace").rpartition(")")[2].split()
            if state not in "ZX":
                found[int(path.parent.name)] = (int(parent), more[17])
    return found


def _parse(listed: str) -> Known:
    """The table as ps(1) prints it."""
    lines = (line.split(maxsplit=3) for line in listed.splitlines())
    return {int(pid): (int(parent), began) for pid, parent, state, began in lines if not state.startswith("Z")}


def _below(root: int, table: Known) -> Known:
    """All that descend from a process, as the table has them."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: Known = {}
    next_ones = children.get(root, [])
    while next_ones:
        found |= {pid: table[pid] for pid in next_ones}
        next_ones = [child for pid in next_ones for child in children.get(pid, []) if child not in found]
    return found


def _send(every: Iterable[int], sent: signal.Signals = signal.SIGTERM) -> None:
    for pid in every:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sent)


def _kill_all(find: Callable[[], Known]) -> None:
    """Kill until nothing is found: each is stopped first, so that what forks cannot be ahead of it."""
    for _ in range(ROUNDS):
        if not (found := find()):
            return
        _send(found, signal.SIGSTOP)
        _send(found, signal.SIGKILL)
        time.sleep(0.02)


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{sentence}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser(prog="guard.py")
    parser.add_argument("--parent", type=int, help="a process with whose end the command ends")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    stand_above(options.parent)
    try:
        os.execvp(options.command[0], options.command)
    except OSError as error:
        sys.exit(f"{options.command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
