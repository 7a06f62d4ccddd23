"""``python -m null_target --port 8099``: a correct page after 600 ms, or at ``/<ms>/`` after so long, on 127.0.0.1.

A bare protocol on uvloop: no framework, no router, no header looked at. It keeps connections, as HTTP/1.1 does.
"""

import argparse
import asyncio
import re
import signal
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

DEFAULT_MS = 600
BACKLOG = 2048
"""The listen queue that stacks have, too."""
PAGE = (
    b"<!doctype html>\n<title>Null target</title>\n"
    b"<ul><li>Nowhere (XX)</li><li>Nowhere (XX)</li><li>Nowhere (XX)</li></ul>\n<p>It took 0.600 s.</p>\n"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)
TIMER_TICK_S = 0.001
"""uvloop's timers count whole milliseconds of its own clock, and so fire up to one too early."""

_PATH = re.compile(rb"[A-Z]+ /(?:([0-9]{1,6})/)?")


class NullTarget(asyncio.Protocol):
    """One connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, which does not inherit from it

    def data_received(self, data: bytes) -> None:
        """Schedule the answer to each request that has come whole; none has a body."""
        *heads, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in heads:
            asked = _PATH.match(head)
            delay_ms = DEFAULT_MS if asked is None or asked[1] is None else int(asked[1])
            self._answer_at(perf_counter() + delay_ms / 1000)

    def _answer_at(self, at_s: float) -> None:
        left_s = at_s - perf_counter()
        if left_s > 0:
            self._loop.call_later(max(left_s, TIMER_TICK_S), self._answer_at, at_s)
        elif not self._transport.is_closing():
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    server = await loop.create_server(partial(NullTarget, loop), "127.0.0.1", port, backlog=BACKLOG)
    await stopped.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="null_target", description="A target that costs nothing, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8099)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
