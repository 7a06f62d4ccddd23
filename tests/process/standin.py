"""A target for tests, on the standard library alone: the path says how it answers, and what it saw can be asked for.

``python standin.py --port N [--api-port N] [--page TEXT] [--later-ms N] [--burn-ms N] [--stubborn]
[--with-child] [--graceful] [--holds N [--metastable]] [--slots N]``

The external API is where ``SLOW_API_URL`` says, unless its port is given.

/after/<ms>/      a correct page after so long; ``/one-by-one/<ms>/`` the same, to one request at a time
/wrong/           another page, with status 200; ``/status/<n>/`` another status
/close/           no answer, the connection is closed; ``/cut/`` half an answer
/turns/           a correct page to the first request of a connection, and to its second as ``/close/``
/garbage/         what is no HTTP; ``/never/`` nothing; ``/drip/`` one byte of a correct page after the other
/each/            some of these, one after the other, request by request
/calls/<a,b,c>/<how>/   calls of the external API for so many ms: ``parallel``, ``sequence``, ``early`` (answers before
                  they end), ``late`` (answers long after), ``wrong`` (then the wrong page) or ``none`` (makes none)
/boom/            status 500, and in the log the exception that is to blame
/.stackmatrix/served-by/  what it says of itself; ``/seen/`` how many requests each path has had
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from urllib.parse import urlsplit

PAGE = "<!doctype html><ul><li>A (AA)</li><li>B (BB)</li><li>C (CC)</li></ul><p>It took 0.601 s.</p>"
LOOP_MS = 5.5
EACH = ("/after/1/", "/wrong/", "/status/500/", "/after/1/", "/cut/", "/status/404/", "/garbage/")
STUBBORN_CHILD = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def identity(loop_ms: float | None) -> dict[str, object]:
    """What verification asks for, as a site of another project would tell it."""
    return {
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "compiler": platform.python_compiler(),
            "origin": "other",
            "pgo": False,
            "lto": None,
            "shared": None,
            "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
            "jit": None,
        },
        "servers": {"standin": "1.0"},
        "interface": "ASGI",
        "event_loop": None,
        "pid": os.getpid(),
        "waits_with": "event loop",
        "monkey_patched": False,
        "threads": 1,
        "packages": {"standin": "1.0"},
        "loop_ms": loop_ms,
    }


class Gate:
    """What lets requests in: one after the other, ``holds`` of them a second, and at most ``slots`` at once.

    A metastable one that was once so far behind that a request waits for half a second goes on at half its rate, until
    nobody has asked for five seconds. An honest one only has to work off what waits.
    """

    PATIENCE_S, IDLE_S = 0.5, 5.0

    def __init__(self, holds: float, slots: int, *, metastable: bool) -> None:
        self._holds, self._metastable = holds, metastable
        self._slots = asyncio.Semaphore(slots) if slots else contextlib.nullcontext()
        self._is_down, self._next_s = False, 0.0

    async def __aenter__(self) -> None:
        now_s = time.monotonic()
        if self._holds:
            begin_s = max(now_s, self._next_s)
            if now_s - self._next_s > self.IDLE_S:
                self._is_down = False
            elif self._metastable and begin_s - now_s > self.PATIENCE_S:
                self._is_down = True
            self._next_s = begin_s + 1 / (self._holds / 2 if self._is_down else self._holds)
            await asyncio.sleep(begin_s - now_s)
        await self._slots.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._slots.__aexit__(None, None, None)


class StandIn:
    """One server; ``api_port`` is where its calls go.

    Pages of ``/after/`` come so much later, and those of ``/calls/`` cost so much CPU time and pass the gate.
    """

    def __init__(
        self, api_port: int, page: str = PAGE, later_ms: int = 0, burn_ms: int = 0, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate(0, 0, metastable=False)
        self._api_port = api_port
        self._page = page
        self._later_s, self._burn_s = later_ms / 1000, burn_ms / 1000
        self._seen: Counter[str] = Counter()
        self._turn = asyncio.Lock()
        self.in_flight = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection."""
        asked = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                asked += 1
                request_id = re.search(rb"(?i)^x-request-id: *(\S+)", head, re.MULTILINE)
                self._seen[path] += 1
                if path == "/turns/" and asked == 2:
                    return
                self.in_flight += 1
                try:
                    if not await self._answer(writer, path, request_id[1].decode() if request_id else "none"):
                        return
                finally:
                    self.in_flight -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(  # noqa: C901, PLR0912 - one branch for each way to answer
        self, writer: asyncio.StreamWriter, path: str, request_id: str
    ) -> bool:
        """Answer one request; whether the connection stays."""
        if path == "/each/":
            path = EACH[self._seen["/each/"] % len(EACH)]
            self._seen[path] += 1
        kind, _, rest = path.strip("/").partition("/")
        status, body, cut = 200, self._page, 0
        match kind:
            case "after":
                await asyncio.sleep(int(rest) / 1000 + self._later_s)
            case "one-by-one":
                async with self._turn:
                    await asyncio.sleep(int(rest) / 1000)
            case "wrong":
                body = "<p>It works!</p>"
            case "status":
                status = int(rest)
            case "close":
                return False
            case "cut":
                cut = 10
            case "garbage":
                writer.write(b"0123456789\r\n\r\n")
                return False
            case "never":
                await asyncio.sleep(600)
            case "calls":
                async with self._gate:
                    body = await self._call(rest, request_id)
            case "seen":
                body = json.dumps(self._seen)
            case ".stackmatrix":
                body = json.dumps(identity(LOOP_MS if "?loop=1" in path else None))
            case "boom":
                status, body = 500, "Internal Server Error"
                try:
                    look_up("orders")
                except LookupError:
                    traceback.print_exc()
        data = body.encode()
        writer.write(b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n" % (status, len(data)))
        while data and kind == "drip":
            writer.write(data[:1])
            data = data[1:]
            await asyncio.sleep(0.1)
        writer.write(data[: len(data) - cut])
        await writer.drain()
        return not cut

    async def _call(self, rest: str, request_id: str) -> str:
        delays, _, how = rest.partition("/")
        until_s = time.process_time() + self._burn_s
        while time.process_time() < until_s:
            pass
        delays_ms = [int(delay) for delay in delays.split(",")]
        calls = [self._call_api(delay_ms, request_id) for delay_ms in delays_ms]
        if how == "sequence":
            for call in calls:
                await call
        elif how == "early":
            self._running = [asyncio.ensure_future(call) for call in calls]
            await asyncio.sleep(min(delays_ms) / 1000)
        elif how == "none":
            for call in calls:
                call.close()
            await asyncio.sleep(max(delays_ms) / 1000)
        else:
            await asyncio.gather(*calls)
            await asyncio.sleep(sum(delays_ms) / 1000 if how == "late" else 0)
        return "wrong" if how == "wrong" else self._page

    async def _call_api(self, delay_ms: int, request_id: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._api_port)
        head = (
            f"GET /{delay_ms}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {request_id}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        await reader.read()
        writer.close()


def look_up(table: str) -> None:
    """Fail as an application does."""
    raise LookupError(f"Table {table!r} is not there.")


def start_stubborn_child() -> None:
    """A child in a session of its own that ignores SIGTERM, and is up when this returns."""
    child = subprocess.Popen([sys.executable, "-c", STUBBORN_CHILD], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    child.stdout.readline()


async def main() -> None:
    """Serve until SIGTERM, or for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-port", type=int, default=urlsplit(os.environ.get("SLOW_API_URL", "")).port or 0)
    parser.add_argument("--page", default=PAGE)
    parser.add_argument("--later-ms", type=int, default=0, help="of /after/ only")
    parser.add_argument("--burn-ms", type=int, default=0, help="of /calls/ only")
    parser.add_argument("--holds", type=float, default=0, help="requests a second of /calls/, 0 for no limit")
    parser.add_argument("--metastable", action="store_true", help="half as many after an overload")
    parser.add_argument("--slots", type=int, default=0, help="of /calls/ at once, 0 for no limit")
    parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--graceful", action="store_true", help="on SIGTERM answer those who wait, then end")
    parser.add_argument(
        "--with-child", action="store_true", help="start a child in another session that ignores SIGTERM"
    )
    options = parser.parse_args()
    if options.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.with_child:
        start_stubborn_child()
    gate = Gate(options.holds, options.slots, metastable=options.metastable)
    stopped = asyncio.Event()
    if options.graceful:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    target = StandIn(options.api_port, options.page, options.later_ms, options.burn_ms, gate)
    server = await asyncio.start_server(target.serve, "127.0.0.1", options.port, backlog=1024)
    print("stand-in is up", flush=True)
    await stopped.wait()
    server.close()
    while target.in_flight:  # noqa: ASYNC110 - simple, and soon over
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
