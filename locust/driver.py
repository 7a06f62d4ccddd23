"""Drives one level or one ramp. What is driven, when it starts and when it ends, the harness says.

A closed level is N visitors who ask again as soon as they are answered. An open level, and a ramp, follow a seeded plan
of Poisson arrivals: each is billed from its intended time, however late it was sent, and one that finds no free visitor
is a failure. Of several targets each arrival goes to the next one. Of several load processes each drives its share of
one and the same plan.

The load of a level stays on until the last request of every process's window has ended, so the harness, which hears
them all, says when to stop. A ramp overloads the target, and to wait for everything that is left would take minutes:
when it is stopped, what is under way is given up.
"""

import gc
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import gevent
import gevent.event
from locust import User

from recorder import Recorder, now
from stackmatrix.load.protocol import Drop, Event, LevelOrder, LoadPlan, Prepared, RampOrder, Settled
from stackmatrix.matrix.arrivals import arrivals, climbing, drop_seed
from stackmatrix.matrix.page_order import OwnNumbers, PageOrder, Turn
from stackmatrix.results import rows
from visitor import Visitor

LONGEST_SLEEP_S = 0.2
"""Between looks whether the load is over: an open level's next arrival may be minutes away."""
FLUSH_S = 0.25
"""Between writes of a ramp's rows, by which the harness decides what comes next."""


class Driver:
    """Drives the orders of a :class:`LoadPlan`. ``tell`` sends an event, ``hear`` waits for an order."""

    def __init__(
        self, user: User, plan: LoadPlan, recorder: Recorder, tell: Callable[[Event], None], hear: Callable[[], Any]
    ) -> None:
        self._user = user
        self._plan = plan
        self._share = slice(plan.process, None, plan.processes)
        self._recorder = recorder
        self._tell = tell
        self._hear = hear
        self._numbers = itertools.count(plan.first_number, plan.processes)

    def run(self, order: LevelOrder | RampOrder) -> None:
        """One level or ramp, from the making of its visitors to its last answer."""
        visitors = [self._make_visitor(place % len(self._plan.ports)) for place in self._mine(order)]
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection would be charged to whichever request it hits
        self._tell(Prepared())
        starts_s = self._hear().start_s
        if isinstance(order, RampOrder):
            self._drive_ramp(order, visitors, starts_s)
        else:
            self._drive_level(order, visitors, starts_s)
        for visitor in visitors:
            visitor.close()
        gc.enable()
        gc.unfreeze()
        self._recorder.flush()

    def _mine(self, order: LevelOrder | RampOrder) -> range:
        return range(order.visitors)[self._share]

    def _make_visitor(self, target: int) -> Visitor:
        plan = self._plan
        return Visitor(
            self._user,
            target,
            f"http://127.0.0.1:{plan.ports[target]}",
            plan.pages[target],
            self._numbers,
            plan.timeout_s,
        )

    def _share_of(self, plan: Iterator[float]) -> Iterator[tuple[int, float]]:
        """The arrivals of this process, each with its number in the whole plan."""
        return islice(enumerate(plan), self._share.start, None, self._share.step)

    def _drive_level(self, order: LevelOrder, visitors: list[Visitor], starts_s: float) -> None:
        window = Window(order.level, starts_s + order.settle_s, order.window_s)
        watch = gevent.spawn(self._watch, window)
        pages = PageOrder(self._plan.pages[0], order.seed)
        if order.model == "open":
            plan = arrivals(order.value, starts_s, order.seed)
            self._drive_open(visitors, window, plan, order.turns, pages)
        else:
            window.planned.set()
            stagger_s = self._plan.unloaded_ms / 1000 / order.visitors
            first_s = [starts_s + place * stagger_s for place in self._mine(order)]
            self._drive_closed(visitors, window, first_s, pages)
        watch.get()

    def _watch(self, window: "Window") -> None:
        """Tell when the window's last request has ended, and wait to hear that the load may stop."""
        gevent.sleep(max(0.0, window.end_s - now()))
        window.wait_settled()
        self._tell(Settled())
        self._hear()
        window.stopped = True

    def _drive_closed(self, visitors: list[Visitor], window: "Window", first_s: list[float], pages: PageOrder) -> None:
        asked = [itertools.count(self._plan.process, self._plan.processes) for _ in self._plan.ports]

        # Spread over one response, so that visitors do not ask in one burst for the whole level.
        def keep_visiting(visitor: Visitor, first_s: float) -> None:
            gevent.sleep(max(0.0, first_s - now()))
            while not window.stopped:
                intended_s = now()
                phase = window.enter(intended_s)
                try:
                    visitor.visit(pages[next(asked[visitor.target])], intended_s, window.level, phase)
                finally:
                    window.leave(phase)

        greenlets = [gevent.spawn(keep_visiting, *one) for one in zip(visitors, first_s, strict=True)]
        gevent.joinall(greenlets, raise_error=True)

    def _drive_open(
        self, visitors: list[Visitor], window: "Window", plan: Iterator[float], turns: Sequence[int], pages: PageOrder
    ) -> None:
        turns = turns or range(len(self._plan.ports))
        crowd = Crowd(visitors, turns, pages, self._recorder, window.level, window.leave)
        for number, intended_s in self._share_of(plan):
            if intended_s >= window.end_s:
                window.planned.set()
            if not sleep_until(intended_s, lambda: window.stopped):
                break
            # Here and not in the greenlet: what is owed counts as under way before anybody looks whether all has ended.
            crowd.arrive(number, intended_s, window.enter(intended_s))
        crowd.join()

    def _drive_ramp(self, order: RampOrder, visitors: list[Visitor], starts_s: float) -> None:
        ramp = Ramp()
        pages, turns = PageOrder(self._plan.pages[0], order.seed), range(len(self._plan.ports))
        crowd = Crowd(visitors, turns, pages, self._recorder, order.level)
        helpers = [gevent.spawn(self._listen, ramp), gevent.spawn(self._keep_writing, ramp)]
        climb = climbing(order.rates, order.seconds, starts_s, order.seed)
        self._follow(climb, crowd, lambda intended_s: ramp.stopped or intended_s >= ramp.dropped_s)
        ramp.changed.wait()
        if ramp.drop is not None:
            dropped = arrivals(ramp.drop.rate, ramp.drop.at_s, drop_seed(order.seed))
            crowd.pages = PageOrder(self._plan.pages[0], drop_seed(order.seed))
            self._follow(dropped, crowd, lambda _: ramp.stopped)
        crowd.give_up()
        gevent.joinall(helpers, raise_error=True)

    def _follow(self, plan: Iterator[float], crowd: "Crowd", is_over: Callable[[float], bool]) -> None:
        for number, intended_s in self._share_of(plan):
            if not sleep_until(intended_s, lambda at_s=intended_s: is_over(at_s)):  # type: ignore[misc]
                break
            crowd.arrive(number, intended_s, rows.WINDOW)

    def _listen(self, ramp: "Ramp") -> None:
        """Hear that the load drops, and that it may stop."""
        try:
            while isinstance(order := self._hear(), Drop):
                ramp.drop = order
                ramp.changed.set()
        finally:
            ramp.stopped = True
            ramp.changed.set()

    def _keep_writing(self, ramp: "Ramp") -> None:
        while not ramp.stopped:
            self._recorder.flush()
            gevent.sleep(FLUSH_S)


def sleep_until(at_s: float, is_over: Callable[[], bool]) -> bool:
    """Sleep until a moment, or until the load is over; whether it is not."""
    while not (over := is_over()) and (wait_s := at_s - now()) > 0:
        gevent.sleep(min(wait_s, LONGEST_SLEEP_S))
    return not over


class Crowd:
    """The visitors of an open load: an arrival takes a free one of its target, and fails where there is none.

    ``leave`` is called with the phase of each arrival that has ended. Arrivals go to the targets in the order of
    ``turns``, again and again. Every target's own arrivals ask for the same ``pages`` in the same order.
    """

    def __init__(
        self,
        visitors: Iterable[Visitor],
        turns: Sequence[int],
        pages: PageOrder,
        recorder: Recorder,
        level: int,
        leave: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.pages = pages
        self._turns, self._own_numbers = turns, OwnNumbers(turns)
        self._free: defaultdict[int, list[Visitor]] = defaultdict(list)
        for visitor in visitors:
            self._free[visitor.target].append(visitor)
        self._recorder, self._level, self._leave = recorder, level, leave
        self._visiting: dict[gevent.Greenlet[..., None], tuple[float, float, int, int, int]] = {}
        """Intended start, when it was sent, phase, target and page of each arrival that is under way."""

    def arrive(self, number: int, intended_s: float, phase: int) -> None:
        """The arrival of this number in the plan, now."""
        target, turn, at_s = self._turns[number % len(self._turns)], self.pages[self._own_numbers[number]], now()
        if not self._free[target]:
            self._recorder.add(intended_s, at_s, at_s, self._level, phase, rows.NO_SLOT, target=target, page=turn.page)
            self._leave(phase)
            return
        greenlet = gevent.spawn(self._visit, self._free[target].pop(), turn, intended_s, phase)
        self._visiting[greenlet] = (intended_s, at_s, phase, target, turn.page)

    def _visit(self, visitor: Visitor, turn: Turn, intended_s: float, phase: int) -> None:
        try:
            visitor.visit(turn, intended_s, self._level, phase)
        finally:
            self._leave(phase)
        self._free[visitor.target].append(visitor)
        del self._visiting[gevent.getcurrent()]  # type: ignore[arg-type]

    def join(self) -> None:
        """Wait until every arrival has ended."""
        gevent.joinall(list(self._visiting), raise_error=True)

    def give_up(self) -> None:
        """End every arrival that is under way, each as one that was not finished."""
        gevent.killall(list(self._visiting))
        for greenlet, (intended_s, sent_s, phase, target, page) in self._visiting.items():
            if isinstance(greenlet.exception, Exception):
                raise greenlet.exception
            self._recorder.add(intended_s, sent_s, now(), self._level, phase, rows.UNFINISHED, target=target, page=page)


class Ramp:
    """What the harness has said of a ramp so far."""

    def __init__(self) -> None:
        self.drop: Drop | None = None
        self.stopped = False
        self.changed = gevent.event.Event()

    @property
    def dropped_s(self) -> float:
        """When the climb ends, as far as it is known."""
        return float("inf") if self.drop is None else self.drop.at_s


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
