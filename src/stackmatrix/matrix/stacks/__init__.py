"""The table of stacks: one row is everything the project knows about a server and its worker model.

Only the standard library is imported, so that the noxfile reads the table with nothing installed. Every row runs one
process that serves one Django application; what differs between rows is the server and how a worker waits.
"""

from dataclasses import dataclass
from typing import Literal

PYTHONS = ("3.12", "3.13", "3.14", "3.15")
"""The Python axis, oldest first; the oldest is also the oldest that the harness itself runs on."""

BASE_REQUIREMENTS = ("django", "httpx")
"""What every target environment holds beside its server."""

Interface = Literal["WSGI", "ASGI"]
WaitModel = Literal["threads", "greenlets", "event loop"]


@dataclass(frozen=True, slots=True)
class Stack:
    """One row: a server, its flags, and what verification expects the running target to say of itself.

    ``command`` is an argument list in which ``{bin}`` is the environment's folder of programs, ``{prefix}`` the
    environment and ``{port}`` the port. ``slots`` is how many requests can be inside the view at once; ``None`` means
    that the server sets no limit. ``watch`` is added by ``serve`` only, so that a measured target pays nothing for it,
    and ``patience`` where instructions are counted, which makes the server some fifty times slower.
    """

    name: str
    summary: str
    port: int
    server: str
    requirements: tuple[str, ...]
    interface: Interface
    waits_with: WaitModel
    slots: int | None
    command: tuple[str, ...]
    monkey_patched: bool = False
    needs_compiler: bool = False
    stats_port: int | None = None
    watch: tuple[str, ...] = ()
    patience: tuple[str, ...] = ()


def _uwsgi(name: str, summary: str, port: int, *flags: str, slots: int, greenlets: bool = False) -> Stack:
    stats_port = port - 8000 + 3030
    return Stack(
        name=name,
        summary=summary,
        port=port,
        server="uwsgi",
        requirements=("uwsgi", "gevent") if greenlets else ("uwsgi",),
        interface="WSGI",
        waits_with="greenlets" if greenlets else "threads",
        monkey_patched=greenlets,
        slots=slots,
        needs_compiler=True,
        stats_port=stats_port,
        watch=("--stats", f"127.0.0.1:{stats_port}", "--memory-report"),
        command=(
            "{bin}/uwsgi",
            # --http would add a router process; --http-socket parses HTTP in the worker itself.
            "--http-socket",
            "127.0.0.1:{port}",
            "--virtualenv",
            "{prefix}",
            "--module",
            "fanout_site.wsgi",
            "--need-app",
            # Without it SIGTERM means reload.
            "--die-on-term",
            "--disable-logging",
            # The highest queue that macOS grants by default; it holds the 100 users of the default ladder.
            "--listen",
            "128",
            *flags,
        ),
    )


def _gunicorn(name: str, summary: str, port: int, *flags: str, greenlets: bool = False) -> Stack:
    return Stack(
        name=name,
        summary=summary,
        port=port,
        server="gunicorn",
        requirements=("gunicorn[gevent]",) if greenlets else ("gunicorn",),
        interface="WSGI",
        waits_with="greenlets" if greenlets else "threads",
        monkey_patched=greenlets,
        slots=100,
        command=(
            "{bin}/gunicorn",
            "fanout_site.wsgi",
            "--bind",
            "127.0.0.1:{port}",
            "--workers",
            "1",
            # Its default place is under the user's home folder, shared by every gunicorn there.
            "--no-control-socket",
            *flags,
        ),
        # A worker that is silent for half a minute is killed, be it only that the application takes so long to load.
        patience=("--timeout", "600"),
    )


_ROWS = (
    _uwsgi("uwsgi_2_threads", "uWSGI, 2 threads", 8000, "--threads", "2", slots=2),
    _uwsgi("uwsgi_100_threads", "uWSGI, 100 threads", 8001, "--threads", "100", slots=100),
    _uwsgi(
        "uwsgi_gevent",
        "uWSGI, gevent, 100 greenlets",
        8002,
        "--gevent",
        "100",
        # Patched before the application loads: its thread pool becomes cooperative only then.
        "--gevent-early-monkey-patch",
        slots=100,
        greenlets=True,
    ),
    _gunicorn("gunicorn_100_threads", "Gunicorn, 100 threads", 8003, "--worker-class", "gthread", "--threads", "100"),
    _gunicorn(
        "gunicorn_gevent",
        "Gunicorn, gevent, 100 connections",
        8004,
        "--worker-class",
        "gevent",
        "--worker-connections",
        "100",
        greenlets=True,
    ),
    Stack(
        name="uvicorn",
        summary="Uvicorn, asyncio on uvloop",
        port=8005,
        server="uvicorn",
        # Named, because Uvicorn uses them only where they are installed: without them it is another stack.
        requirements=("uvicorn", "uvloop", "httptools"),
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        command=(
            "{bin}/python",
            "-m",
            "uvicorn",
            "fanout_site.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
        ),
    ),
)

REFERENCE_STACK = "gunicorn_100_threads"
"""The others are compared with it: what most Django projects begin with."""

STACKS: dict[str, Stack] = {row.name: row for row in _ROWS}
"""The rows by name, in the order of the tables."""
