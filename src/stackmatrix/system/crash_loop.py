"""Whether a server that is starting will never answer: its first process stays up, and what that starts has failed.

A master that starts its workers again for ever, or waits for ones that are gone, would be waited for until the time is
over. Processes that end are normal at a start (a look for a library runs a compiler), and so is an exception that is
logged and mended. So it takes both: interpreters that have ended, and the log's own words for as many of them. What
calls ``sys.exit`` or crashes has no such words, but its master has some, again and again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stackmatrix.system import logs, processes

LOOK_PERIOD_S = 0.1
"""Between looks for processes: one that fails to load an application lives longer, and a look takes milliseconds."""
ALONE_S = 5.0
"""So long without any worker nobody starts one any more: servers do it within a second or two."""
MANY = 6
"""Times that a log says that a worker has ended: no start that goes well has so many."""
INTERPRETERS = ("python", "pypy")


@dataclass
class CrashLoop:
    """Watches the process ``pid`` that is starting to serve with so many ``workers``, and its log."""

    pid: int
    log: Path
    workers: int = 1
    clock_s: Callable[[], float] = time.monotonic
    _seen: set[psutil.Process] = field(default_factory=set)
    _looked_s: float = float("-inf")
    _alone_since_s: float | None = None

    def why(self) -> str | None:
        """Why it will not answer, as the beginning of a sentence; ``None`` while it may, or is gone itself."""
        now_s = self.clock_s()
        if now_s - self._looked_s < LOOK_PERIOD_S:
            return None
        self._looked_s = now_s
        alive = self._interpreters()
        self._seen |= alive
        if alive or not self._seen:
            self._alone_since_s = None
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        failed = min(len(self._seen - alive), logs.most_raised(self.log)) if self._seen - alive else 0
        failed = max(failed, ended if (ended := logs.most_ended(self.log)) >= MANY * self.workers else 0)
        is_alone = self._alone_since_s is not None and now_s - self._alone_since_s >= ALONE_S
        if failed < self.workers + (0 if is_alone else 1):
            return None
        after = "and nothing is started in its place" if is_alone else "and others are started in their place"
        return f"{failed} of its processes {'has' if failed == 1 else 'have'} failed, {after}"

    def _interpreters(self) -> set[psutil.Process]:
        """The processes below the first one that are interpreters, or the same program as that."""
        tree = processes.tree(self.pid)
        names = (*INTERPRETERS, *map(_name, tree[:1]))
        return {one for one in tree[1:] if processes.is_running(one.pid) and _name(one).startswith(names)}


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return "gone"
