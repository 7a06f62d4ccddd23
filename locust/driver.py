"""Drives one level: settle, window and tail. What is driven, when it starts and when it ends, the harness says.

Both models are here. A closed level is N visitors who ask again as soon as they are answered. An open level follows a
seeded plan of Poisson arrivals: each is billed from its intended time, however late it was sent, and one that finds no
free visitor is a failure. Of several targets each arrival goes to the next one. Of several load processes each drives
its share of one and the same plan. Load stays on until the last request of every process's window has ended, so the
harness, which hears them all, says when to stop.
"""

import gc
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import gevent
import gevent.event
from locust import User

from recorder import Recorder, now
from stackmatrix.load.protocol import Event, LevelOrder, LoadPlan, Prepared, Settled, Stop
from stackmatrix.matrix.arrivals import arrivals
from stackmatrix.results import rows
from visitor import Visitor

LONGEST_SLEEP_S = 0.2
"""Between looks whether a level is over: an open one's next arrival may be minutes away, and its end may be moved."""
FLUSH_S = 0.5
"""Between writes of a level that the harness watches while it lasts."""


class Driver:
    """Drives the levels of a :class:`LoadPlan`. ``tell`` sends an event, ``hear`` waits for an order."""

    def __init__(
        self, user: User, plan: LoadPlan, recorder: Recorder, tell: Callable[[Event], None], hear: Callable[[], Any]
    ) -> None:
        self._user = user
        self._plan = plan
        self._share = slice(plan.process, None, plan.processes)
        self._recorder = recorder
        self._tell = tell
        self._hear = hear
        self._page = re.compile(plan.page)

    def run_level(self, order: LevelOrder) -> None:
        """One level from the making of its visitors to its last answer."""
        plan, mine = self._plan, range(order.visitors)[self._share]
        visitors = [self._make_visitor(place % len(plan.ports)) for place in mine]
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection would be charged to whichever request it hits
        self._tell(Prepared())
        starts_s = self._hear().start_s
        window = Window(order.level, starts_s + order.settle_s, order.window_s)
        watch = gevent.spawn(self._watch, window, watched=order.watched)
        if order.model == "open":
            self._drive_open(visitors, window, enumerate(arrivals(order.value, starts_s, order.seed)))
        else:
            window.planned.set()
            stagger_s = plan.floor_ms / 1000 / order.visitors
            self._drive_closed(visitors, window, [starts_s + place * stagger_s for place in mine])
        watch.get()
        for visitor in visitors:
            visitor.close()
        gc.enable()
        gc.unfreeze()
        self._recorder.flush()

    def _make_visitor(self, target: int) -> Visitor:
        plan = self._plan
        return Visitor(
            self._user, target, f"http://127.0.0.1:{plan.ports[target]}", plan.path, self._page, plan.timeout_s
        )

    def _watch(self, window: "Window", *, watched: bool) -> None:
        """Tell when the window's last request has ended, and wait to hear that the load may stop."""
        ears = gevent.spawn(self._listen, window)
        flush_s = now()
        while (left_s := window.end_s - now()) > 0:
            gevent.sleep(min(left_s, LONGEST_SLEEP_S))
            if watched and now() >= flush_s:
                self._recorder.flush()
                flush_s = now() + FLUSH_S
        window.wait_settled()
        self._tell(Settled())
        ears.get()

    def _listen(self, window: "Window") -> None:
        """Hear that a watched window ends earlier, and that the load may stop."""
        while not isinstance(order := self._hear(), Stop):
            window.end_s = order.end_s
        window.stopped = True

    def _drive_closed(self, visitors: list[Visitor], window: "Window", first_s: list[float]) -> None:
        # Spread over one response, so that visitors do not ask in one burst for the whole level.
        def keep_visiting(visitor: Visitor, first_s: float) -> None:
            gevent.sleep(max(0.0, first_s - now()))
            while not window.stopped:
                intended_s = now()
                self._visit(visitor, window, intended_s, window.enter(intended_s))

        greenlets = [gevent.spawn(keep_visiting, *one) for one in zip(visitors, first_s, strict=True)]
        gevent.joinall(greenlets, raise_error=True)

    def _drive_open(self, visitors: list[Visitor], window: "Window", plan: Iterator[tuple[int, float]]) -> None:
        targets = len(self._plan.ports)
        free: list[list[Visitor]] = [[one for one in visitors if one.target == target] for target in range(targets)]
        running: set[gevent.Greenlet[..., None]] = set()

        def visit_once(visitor: Visitor, intended_s: float, phase: int) -> None:
            self._visit(visitor, window, intended_s, phase)
            free[visitor.target].append(visitor)

        for number, intended_s in islice(plan, self._share.start, None, self._share.step):
            if intended_s >= window.end_s:
                window.planned.set()
            while (wait_s := intended_s - now()) > 0 and not window.stopped:
                gevent.sleep(min(wait_s, LONGEST_SLEEP_S))
            if window.stopped:
                break
            # Here and not in the greenlet: what is owed counts as under way before anybody looks whether all has ended.
            phase, target = window.enter(intended_s), number % targets
            if not free[target]:
                at = now()
                self._recorder.add(intended_s, at, at, window.level, phase, rows.NO_SLOT, target=target)
                window.leave(phase)
                continue
            greenlet = gevent.spawn(visit_once, free[target].pop(), intended_s, phase)
            running.add(greenlet)
            greenlet.link(running.discard)
        gevent.joinall(list(running), raise_error=True)

    def _visit(self, visitor: Visitor, window: "Window", intended_s: float, phase: int) -> None:
        try:
            visitor.visit(intended_s, window.level, phase)
        finally:
            window.leave(phase)


class Window:
    """The span whose requests are measured, and how many of them are still under way."""

    def __init__(self, level: int, start_s: float, window_s: float) -> None:
        self.level = level
        self.start_s = start_s
        self.end_s = start_s + window_s
        self.stopped = False
        self._pending = 0
        self._none_pending = gevent.event.Event()
        self._none_pending.set()
        self.planned = gevent.event.Event()
        """Set when no request is still to come that was meant for the window: a late generator may owe some."""

    def enter(self, intended_s: float) -> int:
        """Begin a request; returns the phase that its intended start falls in."""
        if intended_s < self.start_s:
            return rows.SETTLE
        if intended_s >= self.end_s:
            return rows.TAIL
        self._pending += 1
        self._none_pending.clear()
        return rows.WINDOW

    def leave(self, phase: int) -> None:
        """End a request of the phase that :meth:`enter` gave."""
        if phase == rows.WINDOW:
            self._pending -= 1
            if not self._pending:
                self._none_pending.set()

    def wait_settled(self) -> None:
        """Wait, after the window's end, until all of its requests have ended."""
        self.planned.wait()
        self._none_pending.wait()
