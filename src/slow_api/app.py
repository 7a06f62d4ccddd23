"""The external API: plain ASGI, because anything heavier would be the bottleneck before the servers under test are.

``GET /`` sleeps 300 ms, ``GET /<ms>/`` that long, and both answer a country as JSON. ``GET /tail/<ms>/`` sleeps that
long at least, with a long tail, and of ``GET /flaky/<ms>/`` one in twenty fails with status 503 after its sleep, or is
never answered; :mod:`slow_api.law` says which. ``GET /stats/`` gives the figures of :mod:`slow_api.ledger`; it is not
counted and not timed.
"""

import asyncio
import csv
import json
import random
import re
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import cast
from urllib.parse import parse_qs

from slow_api import law
from slow_api.ledger import Ledger
from slow_api.serving import Receive, Scope, Send, answer

DEFAULT_MS = 300
LONGEST_MS = 60_000
REQUEST_ID_HEADER = b"x-request-id"
TIMER_TICK_S = 0.001
"""uvloop's timers count whole milliseconds of its own clock, and so fire up to one too early."""

_DELAY_PATH = re.compile(r"/(?:(?:(tail|flaky)/)?([0-9]{1,9})/)?")
_NUMBER_LIKE = re.compile(r"/[-+.0-9][^/]*/?")


def _encode(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


FAILURE = _encode({"error": "this call was meant to fail"})


def read_countries() -> list[dict[str, str]]:
    """All countries and areas of ISO 3166-1: ``code`` and the usual English ``name``."""
    with (Path(__file__).parent / "countries.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class SlowApi:
    """The ASGI application; one instance keeps one ledger."""

    def __init__(self, countries: list[dict[str, str]]) -> None:
        self.ledger = Ledger()
        self._numbers = count()
        self._answers = [_encode({"name": country["name"], "code": country["code"]}) for country in countries]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        path = scope["path"]
        delay = _DELAY_PATH.fullmatch(path)
        if scope["method"] != "GET":
            await self._refuse(send, 405, "only GET is answered here")
        elif delay is not None:
            await self._sleep(scope, receive, send, cast("law.Kind", delay[1] or "steady"), int(delay[2] or DEFAULT_MS))
        elif path == "/stats/":
            await self._stats(scope, send)
        elif _NUMBER_LIKE.fullmatch(path):
            await self._refuse(send, 400, f"the delay must be a whole number of ms from 0 to {LONGEST_MS}: /<ms>/")
        else:
            await self._refuse(send, 404, "known paths: /, /<ms>/, /tail/<ms>/, /flaky/<ms>/ and /stats/")

    async def _sleep(self, scope: Scope, receive: Receive, send: Send, kind: law.Kind, asked_ms: int) -> None:
        if asked_ms > LONGEST_MS:
            await self._refuse(send, 400, f"the delay must be at most {LONGEST_MS} ms")
            return
        request_id = None
        for name, value in scope["headers"]:
            if name == REQUEST_ID_HEADER:
                request_id = value.decode("latin-1")
        # A call that names no request is one of its own.
        meant = law.meant(kind, request_id or f"call {next(self._numbers)}", asked_ms)
        takes_ms = LONGEST_MS if meant.fate == "hangs" else meant.takes_ms
        request = self.ledger.start(request_id, meant)
        overshoot_ms = None
        started = perf_counter()
        try:
            if not await _client_stays(receive, started + takes_ms / 1000):
                return
            overshoot_ms = max(0.0, (perf_counter() - started) * 1000 - takes_ms)
        finally:
            self.ledger.finish(request, meant, overshoot_ms)
        if meant.fate == "answers":
            await answer(send, 200, random.choice(self._answers))
        else:
            await answer(send, 503, FAILURE)

    async def _stats(self, scope: Scope, send: Send) -> None:
        wanted = parse_qs(scope["query_string"].decode("latin-1")).get("request_id")
        if not wanted:
            await answer(send, 200, self.ledger.figures().to_json())
            return
        figures = self.ledger.request_figures(wanted[0])
        if figures is None:
            await answer(send, 404, _encode({"error": "no call came with this request id, or too long ago"}))
        else:
            await answer(send, 200, figures.to_json())

    async def _refuse(self, send: Send, status: int, sentence: str) -> None:
        self.ledger.refuse()
        await answer(send, status, _encode({"error": sentence}))


async def _client_stays(receive: Receive, until: float) -> bool:
    """Sleep until that ``perf_counter()``, never less; ``False`` at once when the client leaves before.

    Servers do not cancel the call of a client that has left: they only say so through ``receive``.
    """
    while (left_s := until - perf_counter()) > 0:
        try:
            async with asyncio.timeout(max(left_s, TIMER_TICK_S)):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            continue
        return False
    return True
