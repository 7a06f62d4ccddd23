"""Stops a target as a deploy does, with requests in flight and an idle kept connection, and watches what follows.

The signal goes to the process that circus started, as a process manager would send it, but from here: circus kills
after the few seconds of its own graceful time-out, and how long a server really takes is what is looked for.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from stackmatrix.errors import DisturbedError, TrialError
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.results.stops import StopTrial
from stackmatrix.system import processes
from stackmatrix.testbed import external_api
from stackmatrix.testbed.testbed import Testbed
from stackmatrix.testbed.visitors import KeptConnection, Visitor, count
from under_test import held

IN_FLIGHT = 5
"""Requests: more than the slots of stacks that have few, so that some queue, and far fewer than keep a core busy."""
DEADLINE_S = 35.0
"""After it, what is left is killed. Gunicorn gives its workers 30 s by default, and so does Kubernetes a whole pod; the
rest is for a server to clean up after its own time-out."""
INSIDE_SHARE, LATEST_SHARE = 1 / 3, 2 / 3
"""Of what the page takes without load, after the requests were sent: when all are surely inside the view, and when some
are about to leave."""
LATE_AFTER_S, LATE_PERIOD_S, MOST_LATE = 0.05, 0.25, 20
"""Visitors who come after the signal: from when on, how far apart, and how many at most."""
WARM_TIMEOUT_S = 30.0
"""For the pages of the warm-up, which even one slot gives in a few seconds."""
SETTLE_S = 5.0
"""For visitors to notice that the other end is gone: at once, on this machine."""
POLL_S = 0.02
HELD_UP_S = 2.0
"""Between two looks: this process was stopped, or the machine slept, and what it would time is not the target's."""
TREE_PERIOD_S = 0.2
"""Between looks for new processes of the target: finding them takes longer than looking whether known ones live."""


@dataclass
class Stopping:
    """One stop on a testbed of one target that was verified. Nothing can be asked of the target after it.

    The first page of the workload is asked for; with ``held_ms`` the path on which the target, which has to have been
    started so, holds a request for so long.
    """

    bed: Testbed
    deadline_s: float = DEADLINE_S
    held_ms: int | None = None
    _late: list[Visitor] = field(default_factory=list)
    _tree: dict[int, psutil.Process] = field(default_factory=dict)
    _looked_s: float = float("-inf")
    _first_gone_s: float | None = None
    _gone_s: float | None = None
    _closed_s: float | None = None

    def run(self) -> StopTrial:
        """Warm the target up, send the requests, stop it, and watch.

        Raises:
            TrialError: when the target does not answer before the signal, or answers before it could be sent.

        """
        (self._place,) = self.bed.places
        workload = self._place.subject.workload
        self._page = workload.pages[0] if self.held_ms is None else held_page(self.held_ms)
        self._page_ms = workload.first_page_ms if self.held_ms is None else self.held_ms
        self._pid = self.bed.circus.pid(self._place.subject.name)
        self.bed.show("warming up")
        self._warm_up()
        kept = KeptConnection(self._place.port, self._page, WARM_TIMEOUT_S)
        try:
            return self._stop(kept)
        finally:
            kept.close()

    def _visitor(self) -> Visitor:
        return Visitor(self._place.port, self._page, WARM_TIMEOUT_S + self.deadline_s)

    def _warm_up(self) -> None:
        """Make as many requests at once as will be under way at the signal."""
        visitors = [self._visitor().start() for _ in range(IN_FLIGHT)]
        until_s = time.monotonic() + WARM_TIMEOUT_S
        for visitor in visitors:
            visitor.wait(until_s)
        if (found := count(visitors)).answered != IN_FLIGHT:
            self.bed.tick()  # which says why, where the target has ended
            raise TrialError(f"Of {IN_FLIGHT} requests at once, only {found.answered} were answered right.")

    def _stop(self, kept: KeptConnection) -> StopTrial:
        visitors = [self._visitor().start() for _ in range(IN_FLIGHT)]
        inside = self._wait_until_inside(visitors)
        self.bed.show("stopping")
        was_kept = kept.is_open()
        self._look_for_processes(time.monotonic())
        self.bed.discarded = True
        signalled_s = time.monotonic()
        with contextlib.suppress(ProcessLookupError):  # found below: nobody was answered
            os.kill(self._pid, signal.SIGTERM)
        self._need_all_waiting(visitors, signalled_s)
        self._watch(signalled_s, kept)
        alive = self._alive()
        if self._gone_s is not None:
            for visitor in (*visitors, *self._late):
                visitor.wait(time.monotonic() + SETTLE_S)
        trial = StopTrial(
            inside=count(one for one in visitors if one.id in inside),
            queued=count(one for one in visitors if one.id not in inside),
            late=count(self._late),
            first_gone_s=self._first_gone_s,
            gone_s=self._gone_s,
            left=tuple(sorted(map(_name_of, alive))) if self._gone_s is None else (),
            kept=was_kept,
            kept_closed_s=self._closed_s if was_kept else None,
        )
        processes.end_all(alive, timeout_s=0.0)
        return trial

    def _wait_until_inside(self, visitors: Sequence[Visitor]) -> frozenset[str]:
        """Wait until as many requests as there are slots are inside the view; returns the ids of those that are."""
        subject = self._place.subject
        page_s, slots = self._page_ms / 1000, subject.stack.slots
        expected = IN_FLIGHT if slots is None else min(slots, IN_FLIGHT)
        until_s = time.monotonic() + SETTLE_S
        while any(one.sent_s is None and one.fate is None for one in visitors) and time.monotonic() < until_s:
            time.sleep(POLL_S)
        sent_s = [one.sent_s or time.monotonic() for one in visitors]
        earliest_s, latest_s = max(sent_s) + INSIDE_SHARE * page_s, min(sent_s) + LATEST_SHARE * page_s
        time.sleep(max(0.0, earliest_s - time.monotonic()))
        makes_calls = self.held_ms is None and subject.workload.calls and subject.workload.calls_known
        if not makes_calls:  # nothing shows which are inside: as many as fit, the first ones first
            return frozenset(one.id for one in visitors[:expected])
        while True:
            inside = frozenset(one.id for one in visitors if self._has_called(one))
            if len(inside) >= expected or time.monotonic() >= latest_s:
                return inside
            time.sleep(POLL_S)

    def _has_called(self, visitor: Visitor) -> bool:
        """Whether the external API knows of a call that was made for a visitor."""
        try:
            return external_api.read_request(self.bed.api_port, visitor.id) is not None
        except OSError as error:
            raise TrialError(f"The external API does not answer: {error}.") from error

    def _need_all_waiting(self, visitors: Sequence[Visitor], signalled_s: float) -> None:
        early = [one for one in visitors if one.ended_s is not None and one.ended_s <= signalled_s]
        if early:
            fates = ", ".join(sorted({(one.fate or "unanswered").replace("_", " ") for one in early}))
            raise TrialError(
                f"{len(early)} of {IN_FLIGHT} requests ended before the signal ({fates}): "
                "the machine was too slow for this trial, or the target had ended."
            )

    def _watch(self, signalled_s: float, kept: KeptConnection) -> None:
        """Look until every process is gone or the deadline is over, and send visitors meanwhile."""
        looked_s = signalled_s
        while True:
            now_s = time.monotonic()
            if now_s - looked_s > HELD_UP_S:
                raise DisturbedError(f"The harness was held up for {now_s - looked_s:.1f} s while it timed a stop.")
            looked_s, after_s = now_s, now_s - signalled_s
            self._look_for_processes(now_s)
            if self._closed_s is None and not kept.is_open():
                self._closed_s = after_s
            alive = {process.pid for process in self._alive()}
            if self._first_gone_s is None and self._pid not in alive:
                self._first_gone_s = after_s
            if not alive:
                self._gone_s = after_s
                return
            if after_s >= self.deadline_s:
                return
            if len(self._late) < MOST_LATE and after_s >= LATE_AFTER_S + LATE_PERIOD_S * len(self._late):
                self._late.append(self._visitor().start())
            time.sleep(POLL_S)

    def _look_for_processes(self, now_s: float) -> None:
        """Find the target's processes, and leave them to the supervisor's care, whatever ends this.

        Those that outlive the first one may start further ones.
        """
        if now_s - self._looked_s >= TREE_PERIOD_S:
            self._looked_s = now_s
            roots = [self._pid] if processes.is_running(self._pid) else [one.pid for one in self._alive()]
            self._tree |= {process.pid: process for root in roots for process in processes.tree(root)}
            self.bed.circus.note_tree()

    def _alive(self) -> list[psutil.Process]:
        return [process for process in self._tree.values() if processes.is_running(process.pid)]


def held_page(ms: int) -> Page:
    """What a request is answered that the harness's own wait has held inside the application."""
    return Page("a held request", held.path(ms), expect=Expectation(pattern=re.escape(held.text(ms))))


def _name_of(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return "gone"
