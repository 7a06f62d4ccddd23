"""What a target does wrong, by the variable MISBEHAVES: Python imports this at its start, before the server.

What it does of itself it begins when there is a file at MISBEHAVES_WHEN.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HUNDREDTH = 100
KEPT: list[bytearray] = []


def ignore_term() -> None:
    """Ignore the stop signals, whatever the server wants to do with them."""
    asked = signal.signal
    asked(signal.SIGTERM, signal.SIG_IGN)
    asked(signal.SIGINT, signal.SIG_IGN)

    def set_handler(number: int, handler: Any) -> Any:
        return None if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT) else asked(number, handler)

    vars(signal)["signal"] = set_handler


def leak() -> None:
    """Some 200 MB a second."""
    while True:
        KEPT.append(bytearray(os.urandom(1)) * 20_000_000)
        time.sleep(0.1)


def fork() -> None:
    while True:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        time.sleep(0.002)


def detach() -> None:
    """Leave a process that has a session of its own and no parent, and ignores SIGTERM."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            time.sleep(600)
        os._exit(0)


def log() -> None:
    """A gigabyte, in some seconds."""
    line = b"nothing new\n" * 100_000
    for _ in range(1_000):
        os.write(2, line)
        time.sleep(0.005)


def fail() -> None:
    """Answer 500 from the hundredth request on."""
    while (handlers := sys.modules.get("django.core.handlers.wsgi")) is None or not hasattr(handlers, "WSGIHandler"):
        time.sleep(0.001)
    answer, seen = handlers.WSGIHandler.__call__, [0]

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        seen[0] += "served-by" not in environ["PATH_INFO"]
        if seen[0] < HUNDREDTH:
            return answer(self, environ, start_response)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"no.\n"]

    handlers.WSGIHandler.__call__ = call


def when_told(does: Callable[[], None]) -> None:
    while not Path(os.environ["MISBEHAVES_WHEN"]).exists():
        time.sleep(0.02)
    does()


def begin() -> None:
    kind = os.environ.get("MISBEHAVES")
    if kind == "ignores SIGTERM":
        ignore_term()
    elif kind == "answers 500":
        # A worker, which loads the application, is forked, and takes no thread along.
        os.register_at_fork(after_in_child=lambda: threading.Thread(target=fail, daemon=True).start())
    elif kind is not None:
        does = {"leaks": leak, "forks": fork, "logs": log, "detaches": detach}[kind]
        threading.Thread(target=when_told, args=(does,), daemon=True).start()


begin()
