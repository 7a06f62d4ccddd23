"""Gunicorn: threads, gevent, its own ASGI worker and Uvicorn's, processes, the C parser."""

from typing import Any

from stackmatrix.matrix.stacks.stack import COMPILER, Stack, Variation, WaitModel

# The control socket's default place is under the user's home folder, shared by every gunicorn there.
COMMAND = "{bin}/gunicorn {app} --bind 127.0.0.1:{port} --workers {workers} --no-control-socket --backlog {backlog}"
# A worker that is silent for half a minute is killed, be it only that the application takes so long to load.
PATIENCE = ("--timeout", "600")
WORKERS = "gunicorn.workers"
NO_GEVENT = {"3.13t": "gevent does not build on a free-threaded Python"}


def _gunicorn(
    name: str, summary: str, flags: str, said: str, *, waits_with: WaitModel = "threads", **more: Any
) -> Stack:
    common: dict[str, Any] = {
        "server": "gunicorn",
        "requirements": ("gunicorn",),
        "interface": "WSGI",
        "slots": 100,
        "workers": 1,
        "patience": PATIENCE,
    }
    row = common | more
    application = "{wsgi}" if row["interface"] == "WSGI" else "{asgi}"
    command = COMMAND.replace("{app}", application).replace("{workers}", str(row["workers"]))
    row["command"] = tuple(f"{command} {flags}".split())
    return Stack(name=name, summary=summary, flags_from=said, waits_with=waits_with, **row)


def _gevent(name: str, summary: str, flags: str, said: str, worker: str, *traits: str, **more: Any) -> Stack:
    common: dict[str, Any] = {
        "requirements": ("gunicorn[gevent]",),
        "monkey_patched": True,
        "traits": (f"{WORKERS}.ggevent.{worker}", *traits),
        "not_on": NO_GEVENT,
    }
    return _gunicorn(name, summary, flags, said, waits_with="greenlets", **(common | more))


def _asgi(name: str, summary: str, flags: str, said: str, **more: Any) -> Stack:
    common: dict[str, Any] = {
        "interface": "ASGI",
        "slots": None,
    }
    return _gunicorn(name, summary, flags, said, waits_with="event loop", **(common | more))


THREADS, GEVENT = "--worker-class gthread --threads 100", "--worker-class gevent"
TWO_PROCESSES = "--worker-class gthread --threads 50"
FAST = f"{THREADS} --http-parser fast"
ASGI, ASGI_UVLOOP = "--worker-class asgi --asgi-loop asyncio", "--worker-class asgi"
UVICORN = "--worker-class uvicorn_worker.UvicornWorker"

THREADS_SAID = (
    "The demo that this project began with runs 100 threads. Gunicorn's documentation (Settings, threads) advises two "
    "to four per core to begin with, and to vary them for the work at hand: a view that waits wants more."
)
GEVENT_SAID = (
    "The demo that this project began with allows 100 connections. Gunicorn's documentation advises an async worker "
    "for calls that block for long, as those of other services do (Design), and allows 1000 by default (Settings)."
)
SYNC_SAID = "Gunicorn's documentation (Settings): one sync worker is what it starts without any flags."
PROCESSES_SAID = (
    "Gunicorn's documentation (Settings, workers) advises two to four processes per core; the hundred threads of the "
    "demo that this project began with are divided among them."
)
FAST_SAID = (
    "Gunicorn's documentation (Settings, http_parser): the faster C parser is what it takes by itself where that "
    "package is installed; the threads are those of gunicorn_100_threads."
)
PYWSGI_SAID = (
    "Nobody recommends it: Gunicorn knows a worker of this name, and its documentation (Settings, worker_class) has "
    "only gevent. The 100 connections are those of gunicorn_gevent."
)
ASGI_SAID = "Gunicorn's documentation (Settings, asgi_loop): asyncio is what it takes where uvloop is not installed."
UVLOOP_SAID = (
    "Gunicorn's documentation (Settings, asgi_loop) has uvloop for speed: it takes it by itself where it is installed."
)
UVICORN_SAID = (
    "uvicorn-worker's documentation (Deployment) recommends Gunicorn with this worker for production; uvloop and "
    "httptools are what Uvicorn takes by itself where they are installed."
)

THREAD_TRAITS = (f"{WORKERS}.gthread.ThreadWorker",)
ASGI_TRAITS = (f"{WORKERS}.gasgi.ASGIWorker",)

ROWS = (
    _gunicorn(
        "gunicorn_100_threads", "Gunicorn, 100 threads", THREADS, THREADS_SAID, traits=THREAD_TRAITS, demo_place=3
    ),
    _gevent(
        "gunicorn_gevent",
        "Gunicorn, gevent, 100 connections",
        f"{GEVENT} --worker-connections 100",
        GEVENT_SAID,
        "GeventWorker",
        demo_place=4,
    ),
    _gevent(
        "gunicorn_gevent_pywsgi",
        "Gunicorn, gevent's own server, 100 connections",
        f"{GEVENT}_pywsgi --worker-connections 100",
        PYWSGI_SAID,
        "GeventPyWSGIWorker",
        "gevent.pywsgi.Input",
        shares_with="gunicorn_gevent",
        varies=Variation("gunicorn_gevent", by="gevent's own server"),
    ),
    _gunicorn(
        "gunicorn_sync",
        "Gunicorn, one sync worker",
        "--worker-class sync",
        SYNC_SAID,
        traits=(f"{WORKERS}.sync.SyncWorker",),
        slots=1,
        keeps_connections=False,
        shares_with="gunicorn_100_threads",
        varies=Variation("gunicorn_100_threads", by="one request at a time and no threads"),
    ),
    _gunicorn(
        "gunicorn_2_processes",
        "Gunicorn, 2 processes of 50 threads",
        TWO_PROCESSES,
        PROCESSES_SAID,
        traits=THREAD_TRAITS,
        workers=2,
        shares_with="gunicorn_100_threads",
        varies=Variation("gunicorn_100_threads", by="two processes of 50 threads"),
    ),
    _gunicorn(
        "gunicorn_fast_parser",
        "Gunicorn, 100 threads, C parser",
        FAST,
        FAST_SAID,
        requirements=("gunicorn", "gunicorn-h1c"),
        traits=(*THREAD_TRAITS, "gunicorn_h1c"),
        needs=(COMPILER,),
        varies=Variation("gunicorn_100_threads", by="the C parser"),
    ),
    _asgi(
        "gunicorn_asgi",
        "Gunicorn's ASGI worker, asyncio",
        ASGI,
        ASGI_SAID,
        traits=ASGI_TRAITS,
        shares_with="gunicorn_100_threads",
    ),
    _asgi(
        "gunicorn_asgi_uvloop",
        "Gunicorn's ASGI worker, uvloop",
        f"{ASGI_UVLOOP} --asgi-loop uvloop",
        UVLOOP_SAID,
        requirements=("gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools"),
        traits=(*ASGI_TRAITS, "uvloop.Loop"),
        shares_with="gunicorn_uvicorn",
        varies=Variation("gunicorn_asgi", by="uvloop"),
    ),
    _asgi(
        "gunicorn_uvicorn",
        "Gunicorn with Uvicorn's worker",
        UVICORN,
        UVICORN_SAID,
        requirements=("gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools"),
        traits=("uvicorn_worker._workers.UvicornWorker", "uvicorn.protocols.http.httptools_impl", "uvloop.Loop"),
        varies=Variation("uvicorn", by="Gunicorn as its process manager"),
    ),
)
