"""``python -m slow_api.stand_in --port N FILE``: a stand-in for one slow service that an application calls.

Every path and method has the same answer, after the same delay or one drawn from a long tail. FILE has, as JSON, what
an application's file says of the service.
"""

import argparse
import asyncio
import json
import math
import random
from pathlib import Path
from typing import Any

import uvicorn

from slow_api.__main__ import BACKLOG
from slow_api.app import Receive, Scope, Send

P99_DEVIATIONS = 2.326347874
"""How many standard deviations above its middle the 99th percentile of a normal distribution lies."""
FAILED = 503


class StandIn:
    """The ASGI application. The n-th call takes the n-th delay of its seed, whoever makes it."""

    def __init__(self, said: dict[str, Any]) -> None:
        delay = said["delay"]
        self._median_s, self._p99_ms = delay["median_ms"] / 1000, delay["p99_ms"]
        self._sigma = math.log(self._p99_ms / delay["median_ms"]) / P99_DEVIATIONS if self._p99_ms else 0.0
        self._draws = random.Random(delay["seed"])
        self._status, self._fail, self._hang = said["status"], said["fail_share"], said["hang_share"]
        is_json = said["json"] is not None
        self._body = (json.dumps(said["json"], ensure_ascii=False) if is_json else said["body"] or "").encode()
        self._type = (said["content_type"] or ("application/json" if is_json else "text/plain")).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        delay_s, fate = self.draw()
        while (await receive()).get("more_body"):
            pass
        if fate == "hang":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await asyncio.sleep(delay_s)
        status, body = (FAILED, b"") if fate == "fail" else (self._status, self._body)
        headers = [(b"content-type", self._type), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def draw(self) -> tuple[float, str]:
        """The next call's delay, in s, and whether it is answered, fails or hangs: log-normal, by its seed."""
        share, deviations = self._draws.random(), self._draws.gauss(0, 1)
        delay_s = self._median_s * math.exp(self._sigma * deviations)
        return delay_s, "hang" if share < self._hang else "fail" if share < self._hang + self._fail else "answer"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="slow_api.stand_in", description="A stand-in for a slow service.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    uvicorn.run(
        StandIn(json.loads(options.file.read_text(encoding="utf-8"))),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        timeout_keep_alive=300,
    )


if __name__ == "__main__":
    main()
