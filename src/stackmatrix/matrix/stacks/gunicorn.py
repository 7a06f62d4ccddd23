"""Gunicorn, with threads and with gevent."""

from stackmatrix.matrix.stacks.stack import Stack

# The control socket's default place is under the user's home folder, shared by every gunicorn there.
COMMAND = "{bin}/gunicorn {wsgi} --bind 127.0.0.1:{port} --workers 1 --no-control-socket --backlog {backlog}"


def _gunicorn(name: str, summary: str, port: int, flags: str, said: str, *, greenlets: bool = False) -> Stack:
    return Stack(
        name=name,
        summary=summary,
        port=port,
        server="gunicorn",
        requirements=("gunicorn[gevent]",) if greenlets else ("gunicorn",),
        interface="WSGI",
        waits_with="greenlets" if greenlets else "threads",
        slots=100,
        is_seed=True,
        command=tuple(f"{COMMAND} {flags}".split()),
        flags_from=said,
        monkey_patched=greenlets,
        # A worker that is silent for half a minute is killed, be it only that the application takes so long to load.
        patience=("--timeout", "600"),
    )


THREADS, GEVENT = "--worker-class gthread --threads 100", "--worker-class gevent --worker-connections 100"
THREADS_SAID = (
    "The demo that this project began with runs 100 threads. Gunicorn's documentation (Settings, threads) advises two "
    "to four per core to begin with, and to vary them for the work at hand: a view that waits wants more."
)
GEVENT_SAID = (
    "The demo that this project began with allows 100 connections. Gunicorn's documentation advises an async worker "
    "for calls that block for long, as those of other services do (Design), and allows 1000 by default (Settings)."
)

ROWS = (
    _gunicorn("gunicorn_100_threads", "Gunicorn, 100 threads", 8003, THREADS, THREADS_SAID),
    _gunicorn("gunicorn_gevent", "Gunicorn, gevent, 100 connections", 8004, GEVENT, GEVENT_SAID, greenlets=True),
)
