"""Drives one level: settle, window, tail and drain. Which level comes next is the harness's decision.

Both models are here. A closed level is N visitors who ask again as soon as they are answered. An open level follows a
seeded plan of Poisson arrivals: each is billed from its intended time, however late it was sent, and one that finds no
free visitor is a failure. Load stays on until the last request of the window has ended.
"""

import gc
import json
import math
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from locust import User

from recorder import Recorder, now
from stackmatrix import rows
from visitor import Visitor

DRAIN_TIMEOUT_S = 70.0
"""Longer than any call: the longest that the external API sleeps is 60 s."""
DRAIN_POLL_S = 0.05
OPEN_SLOTS_S = 10.0
"""An open level has visitors for this many seconds of arrivals at once."""
MOST_OPEN_SLOTS = 4096
LONGEST_SLEEP_S = 0.2
"""Between looks whether an open level is over: its next arrival may be minutes away."""
START_DELAY_S = 0.05
"""From planning a level to its first request, so that the first is not late."""


class Driver:
    """Drives the levels of one trial. ``plan`` is what stays the same for all of them, ``tell`` reports an event."""

    def __init__(
        self, user: User, plan: dict[str, Any], recorder: Recorder, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._user = user
        self._plan = plan
        self._recorder = recorder
        self._tell = tell
        self._body = re.compile(plan["body"])
        gc.collect()
        gc.freeze()

    def run_level(self, order: dict[str, Any]) -> None:
        """One level from its first request to its drain, told to the harness as it goes."""
        is_open = order["model"] == "open"
        count = min(MOST_OPEN_SLOTS, math.ceil(order["value"] * OPEN_SLOTS_S)) if is_open else int(order["value"])
        plan = self._plan
        visitors = [
            Visitor(self._user, plan["base_url"], plan["path"], self._body, plan["timeout_s"]) for _ in range(count)
        ]
        before = self._api_figures()
        gc.collect()
        gc.disable()  # a collection would be charged to whichever request it hits
        starts = now() + START_DELAY_S
        window = Window(order["level"], starts + order["settle_s"], starts + order["settle_s"] + order["window_s"])
        self._tell({"event": "started", "at": starts})
        watch = gevent.spawn(self._announce, window)
        if is_open:
            self._drive_open(visitors, window, order["value"], starts)
        else:
            self._drive_closed(visitors, window, starts)
        watch.join()
        gc.enable()
        for visitor in visitors:
            visitor.close()
        self._recorder.flush()
        after = self._drain()
        self._tell({"event": "drained", "at": now(), "api_before": before, "api_after": after})

    def _announce(self, window: "Window") -> None:
        """Tell the harness when the window begins and ends, so that it reads its meters then."""
        for event, at in (("window_start", window.start_s), ("window_end", window.end_s)):
            gevent.sleep(max(0.0, at - now()))
            self._tell({"event": event, "at": at})

    def _drive_closed(self, visitors: list[Visitor], window: "Window", starts: float) -> None:
        stagger_s = self._plan["floor_ms"] / 1000 / len(visitors)

        def keep_visiting(visitor: Visitor, first_s: float) -> None:
            gevent.sleep(max(0.0, first_s - now()))
            while not window.over():
                self._visit(visitor, window, now())

        # Spread over one response, so that visitors do not ask in one burst for the whole level.
        greenlets = [gevent.spawn(keep_visiting, v, starts + i * stagger_s) for i, v in enumerate(visitors)]
        gevent.joinall(greenlets, raise_error=True)

    def _drive_open(self, visitors: list[Visitor], window: "Window", rate: float, starts: float) -> None:
        free = list(visitors)
        running: set[gevent.Greenlet[..., None]] = set()

        def visit_once(visitor: Visitor, intended_s: float) -> None:
            self._visit(visitor, window, intended_s)
            free.append(visitor)

        for intended_s in arrivals(rate, starts, f"{self._plan['seed']}:{window.level}"):
            while (wait_s := intended_s - now()) > 0 and not window.over():
                gevent.sleep(min(wait_s, LONGEST_SLEEP_S))
            if window.over():
                break
            if not free:
                at = now()
                phase = window.enter(intended_s)
                self._recorder.add(intended_s, at, at, window.level, phase, rows.NO_SLOT)
                window.leave(phase)
                continue
            greenlet = gevent.spawn(visit_once, free.pop(), intended_s)
            running.add(greenlet)
            greenlet.link(running.discard)
        gevent.joinall(list(running), raise_error=True)

    def _visit(self, visitor: Visitor, window: "Window", intended_s: float) -> None:
        phase = window.enter(intended_s)
        try:
            visitor.visit(intended_s, window.level, phase)
        finally:
            window.leave(phase)

    def _api_figures(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(self._plan["api_stats_url"], timeout=5) as answer:  # noqa: S310 - of 127.0.0.1
                figures: dict[str, Any] = json.load(answer)
                return figures
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def _drain(self) -> dict[str, Any] | None:
        """Wait until no call is in flight at the external API; ``None`` when it does not answer."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while True:
            figures = self._api_figures()
            if figures is None or figures["in_flight"] == 0 or time.monotonic() > deadline:
                return figures
            gevent.sleep(DRAIN_POLL_S)


class Window:
    """The span whose requests are measured, and how many of them are still under way."""

    def __init__(self, level: int, start_s: float, end_s: float) -> None:
        self.level = level
        self.start_s = start_s
        self.end_s = end_s
        self._pending = 0

    def enter(self, intended_s: float) -> int:
        """Begin a request; returns the phase that its intended start falls in."""
        if intended_s < self.start_s:
            return rows.SETTLE
        if intended_s >= self.end_s:
            return rows.TAIL
        self._pending += 1
        return rows.WINDOW

    def leave(self, phase: int) -> None:
        """End a request of the phase that :meth:`enter` gave."""
        if phase == rows.WINDOW:
            self._pending -= 1

    def over(self) -> bool:
        """Whether the window has passed and all its requests have ended."""
        return self._pending == 0 and now() >= self.end_s


def arrivals(rate: float, starts: float, seed: str) -> Iterator[float]:
    """Intended starts of a Poisson process of ``rate`` per second; the same seed gives the same plan."""
    generator = random.Random(seed)
    at = starts
    while True:
        at += generator.expovariate(rate)
        yield at
