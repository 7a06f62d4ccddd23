"""The load generator with a fault: ``from faulty_generator import <fault>`` in a locustfile of its own, then called.

Everything else is the real one. Faults under load begin after ``SOUND`` requests: the warm-up makes fewer.
"""

import itertools
from typing import Any

from recorder import Recorder

SOUND = 20
EVERY = 10

add, on_request = Recorder.add, Recorder.on_request
requests = itertools.count(1)


def is_time() -> bool:
    number = next(requests)
    return number > SOUND and number % EVERY == 0


def rows_that_are_lost() -> None:
    def lose(self: Recorder, *row: Any, **more: Any) -> None:
        if not is_time():
            add(self, *row, **more)

    Recorder.add = lose  # type: ignore[method-assign]


def a_recorder_that_fails() -> None:
    """What goes wrong in a listener, locust only logs."""

    def fail(self: Recorder, *request: Any, **more: Any) -> None:
        if is_time():
            raise RuntimeError("not recorded")
        on_request(self, *request, **more)

    Recorder.on_request = fail  # type: ignore[method-assign]


def a_listener_that_fails() -> None:
    """The request is kept, and still something has gone wrong."""

    def fail(self: Recorder, *request: Any, **more: Any) -> None:
        on_request(self, *request, **more)
        if is_time():
            raise RuntimeError("recorded, and then this")

    Recorder.on_request = fail  # type: ignore[method-assign]
