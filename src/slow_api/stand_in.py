"""``python -m slow_api.stand_in --port N FILE``: a stand-in for one slow service that an application calls.

Every path and method has the same answer, after the same delay or one drawn from a long tail. FILE has, as JSON, what
an application's file says of the service.
"""

import argparse
import asyncio
import json
import math
from itertools import count
from pathlib import Path
from typing import Any

from slow_api import law
from slow_api.serving import Receive, Scope, Send, answer, serve

FAILED = 503


class StandIn:
    """The ASGI application. The n-th call takes the n-th delay of its seed, whoever makes it."""

    def __init__(self, said: dict[str, Any]) -> None:
        delay = said["delay"]
        self._median_ms, self._seed, self._numbers = delay["median_ms"], delay["seed"], count()
        self._tail = law.Tail(0, delay["median_ms"], delay["p99_ms"], math.inf) if delay["p99_ms"] else None
        self._status, self._faults = said["status"], law.Faults(said["fail_share"], said["hang_share"])
        is_json = said["json"] is not None
        self._body = (json.dumps(said["json"], ensure_ascii=False) if is_json else said["body"] or "").encode()
        self._type = (said["content_type"] or ("application/json" if is_json else "text/plain")).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        delay_s, fate = self.draw()
        while (await receive()).get("more_body"):
            pass
        if fate == "hangs":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await asyncio.sleep(delay_s)
        status, body = (FAILED, b"") if fate == "fails" else (self._status, self._body)
        await answer(send, status, body, self._type)

    def draw(self) -> tuple[float, law.Fate]:
        """The next call's delay, in s, and how it ends: by its seed."""
        number = next(self._numbers)
        fate = self._faults.at(law.draw(self._seed, "fate", number))
        if self._tail is None:
            return self._median_ms / 1000, fate
        return self._tail.at(law.draw(self._seed, "delay", number)) / 1000, fate


def main() -> None:
    parser = argparse.ArgumentParser(prog="slow_api.stand_in", description="A stand-in for a slow service.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    serve(StandIn(json.loads(options.file.read_text(encoding="utf-8"))), options.port)


if __name__ == "__main__":
    main()
