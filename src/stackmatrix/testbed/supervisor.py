"""Runs circusd for one testbed, by the committed ``circus.ini``, and leaves nothing behind.

circus is spoken to through its client over an ``ipc://`` socket in a private folder: a ``circusctl`` would cost 0.2 s a
call. Whatever happens, leaving the ``with`` block ends every process that was seen and says what had to be killed.
"""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from circus.client import CircusClient
from circus.exc import CallError

from stackmatrix.errors import DisturbedError, SupervisorError, TrialError
from stackmatrix.outside.files import read_log
from stackmatrix.system import interrupts, linux, logs, processes
from stackmatrix.system.cores import Layout
from stackmatrix.system.crash_loop import CrashLoop
from stackmatrix.system.launch import Setting
from stackmatrix.testbed.circus_ini import CIRCUS_INI, COMMAND, graceful_s, ini_for, join, variables

CALL_TIMEOUT_S = 1.0
"""For one call of circus's client; circusd answers in milliseconds once it is up."""
START_TIMEOUT_S = 15.0
"""For circusd to answer and have started its watchers: it imports for half a second on a slow machine."""
SOONER_S = 1.0
"""So much before circus would kill without a word, what has not stopped is counted as killed."""
QUIT_TIMEOUT_S = 15.0
"""For circusd to kill what has not stopped by then, and to stop itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """What circus is to start as a target."""

    name: str
    command: tuple[str, ...]
    setting: Setting = field(default_factory=Setting)


class StubbornError(SupervisorError):
    """What had to be killed in the end; ``names`` are the watchers that it belonged to, where that is known."""

    def __init__(self, pids: Sequence[int], names: Sequence[str]) -> None:
        which = ", ".join(map(str, pids[:5])) + (f" and {len(pids) - 5} more" if len(pids) > 5 else "")
        whose = f" of {', '.join(names)}" if names else ""
        super().__init__(f"Processes {which}{whose} had to be killed: they did not stop when asked to.")
        self.names = tuple(names)


API = "api"
"""The external API's watcher in ``circus.ini``."""


@dataclass
class Supervisor:
    """circusd, the external API and targets. Enter it to start them, leave it to stop them.

    ``folder`` is a private one, in which sockets and logs are; a log is named as its watcher.
    """

    targets: Sequence[Target]
    api_port: int
    layout: Layout
    folder: Path
    _child: Any = None
    _client: CircusClient | None = None
    _pids: dict[str, int] = field(default_factory=dict)
    _seen: dict[int, psutil.Process] = field(default_factory=dict)
    _others: set[int] = field(default_factory=set)
    _trees: dict[str, set[int]] = field(default_factory=dict)
    _ends: dict[str, str] = field(default_factory=dict)

    @property
    def watchers(self) -> tuple[str, ...]:
        return (API, *(target.name for target in self.targets))

    def __enter__(self) -> Self:
        """Start circusd and wait until each watcher has a process.

        Raises:
            DisturbedError: when a watcher's process ended at once or never came.

        """
        ini = self.folder / "circus.ini"
        # circus replaces variables in what it passes on; the file of a setting is taken as it is.
        path = {"PATH": os.environ["PATH"]} if "$" in os.environ.get("PATH", "") else {}
        for target in self.targets:
            setting = replace(target.setting, variables={**path, **target.setting.variables})
            setting.write(self.folder / f"{target.name}.json")
        ini.write_text(ini_for(CIRCUS_INI.read_text(encoding="utf-8"), self.watchers[1:]), encoding="utf-8")
        given = variables(self.api_port, self.layout, self.folder, len(self.targets))
        given |= {f"{COMMAND}_{one.name.upper()}": shlex.join(one.command) for one in self.targets}
        launch = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={join(self.layout.harness)}", "--"]
        command = [*launch, sys.executable, "-m", "circus.circusd", str(ini)]
        environment, log = processes.child_environment(**given), self.folder / "circus.log"
        self._others = {one.pid for one in processes.orphans()}
        try:
            with interrupts.held():
                self._child = processes.start(command, environment=environment, log=log)
            self._client = CircusClient(endpoint=given["STACKMATRIX_ENDPOINT"], timeout=CALL_TIMEOUT_S)
            self._pids = processes.wait_until(self._look_for_pids, timeout_s=START_TIMEOUT_S, alive=self._why_dead)
        except BaseException as error:
            with interrupts.held():
                self._stop()
            if not isinstance(error, TrialError):
                raise
            told = DisturbedError(str(error))  # all of them start together: another time they may
            told.log = "".join(map(self.log_of, self.watchers[1:]))
            raise told from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything.

        Raises:
            SupervisorError: naming what had to be killed, unless an error is on its way already.

        """
        with interrupts.held():
            killed = self._stop()
        if killed and error is None:
            raise StubbornError(killed, [name for name, tree in self._trees.items() if not tree.isdisjoint(killed)])

    @property
    def _secrets(self) -> list[str]:
        settings = [target.setting for target in self.targets]
        return [one.variables[name] for one in settings for name in one.secrets]

    def pid(self, watcher: str) -> int:
        """The process that a watcher started; with ``respawn = False`` it stays the same or is gone."""
        return self._pids[watcher]

    @property
    def pids(self) -> tuple[int, ...]:  # of circusd and its watchers
        return (self._child.pid, *self._pids.values())

    def why_gone(self, watcher: str) -> str | None:
        """One sentence if a watcher's process has ended, with the end of its log; ``None`` while it lives."""
        return None if processes.is_running(self._pids[watcher]) else self._end_of(watcher)

    def has_ended_silently(self, watcher: str) -> bool:
        """Whether a watcher's process has ended and no exception in its log says why, as when it was killed."""
        ended = not processes.is_running(self._pids[watcher])
        return ended and not any(logs.raised(self.folder / f"{watcher}.log"))

    def need_own(self, watcher: str, pid: int) -> None:
        """Make sure that a process which answers is a watcher's, and not another server that has taken its port.

        Raises:
            TrialError: when it is not.

        """
        if pid not in {process.pid for process in processes.tree(self._pids[watcher])}:
            raise TrialError(f"Another server answers on the target's port (process {pid}): stop it and run again.")

    def watch_start(self, watcher: str, workers: int) -> Callable[[], str | None]:
        """What says in one sentence why it is pointless to wait any longer for a watcher that is starting."""
        loop = CrashLoop(self._pids[watcher], self.folder / f"{watcher}.log", workers)
        return lambda: self.why_gone(watcher) or loop.why()

    @contextlib.contextmanager
    def explaining(self, watcher: str) -> Iterator[None]:
        """Add to what goes wrong in the body how the watcher's process has ended, or what its log says while it lives.

        Raises:
            TrialError: the one of the body, with the end of the log.

        """
        try:
            yield
        except TrialError as error:
            ended = self.why_gone(watcher)
            said = ended or logs.last_words(self.folder / f"{watcher}.log", self._secrets)
            reason = logs.hide(str(error), self._secrets)
            if said and said not in reason:
                reason = f"{reason} {'Meanwhile' if ended else 'Its log says:'} {said}."
            told = TrialError(reason)
            told.log = self.log_of(watcher)
            raise told from error

    def log_of(self, watcher: str) -> str:
        """What a watcher's process has said so far, without secrets."""
        path = self.folder / f"{watcher}.log"
        return logs.hide(read_log(path) if path.exists() else "", self._secrets)

    def note_tree(self) -> None:
        """Remember every process that is there now, so that leaving can see to all of them."""
        for watcher, pid in self._pids.items():
            found = {process.pid: process for process in processes.tree(pid)}
            self._seen |= found
            self._trees.setdefault(watcher, set()).update(found)

    def kill(self, watcher: str) -> None:
        """Kill a watcher's process and all below it, whatever they do about it."""
        processes.kill_tree(self._pids[watcher])

    def _look_for_pids(self) -> dict[str, int] | None:
        found = {}
        for watcher in self.watchers:
            try:
                assert self._client is not None
                reply = self._client.send_message("list", name=watcher)
            except CallError:
                return None
            if not reply.get("pids"):
                return None
            found[watcher] = int(reply["pids"][0])
        return found

    def _why_dead(self) -> str | None:
        if self._child.poll() is not None:
            return f"circusd ended by itself: {logs.last_words(self.folder / 'circus.log')}"
        log = read_log(self.folder / "circus.log")
        for watcher in self.watchers:
            if f"] {watcher} stopped" in log:
                return self._end_of(watcher)
        return None

    def _end_of(self, watcher: str) -> str:
        """How a watcher's process has ended; its log is read and kept once."""
        if watcher not in self._ends:
            said = logs.last_words(self.folder / f"{watcher}.log", self._secrets)
            how = linux.how_ended(self._pids.get(watcher), with_code=not said)
            self._ends[watcher] = f"the process of {watcher!r} ended by itself{how}" + (f": {said}" if said else "")
        return self._ends[watcher]

    def _stop(self) -> list[int]:
        """Stop everything; returns what had to be killed."""
        if self._child is None:
            return []
        self.note_tree()
        for process in processes.tree(self._child.pid):
            self._seen.setdefault(process.pid, process)
        self._seen |= {one.pid: one for one in processes.orphans() if one.pid not in self._others}
        if self._client is not None:
            # When circusd does not answer it is stopped below, like any child.
            with contextlib.suppress(CallError):
                if self._child.poll() is None:
                    self._client.send_message("quit")
            self._client.stop()
        watched = [self._seen[pid] for pid in self._pids.values() if pid in self._seen]
        patience_s = graceful_s(len(self.targets))
        killed = processes.still_running(watched, patience_s - SOONER_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(QUIT_TIMEOUT_S)
        processes.stop(self._child, timeout_s=patience_s + QUIT_TIMEOUT_S)
        killed += processes.end_all(self._seen.values(), timeout_s=1.0)
        return sorted({process.pid for process in killed})
