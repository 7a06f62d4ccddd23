"""uWSGI: threads, gevent, its HTTP/1.1 socket, its HTTP router, a master, and processes."""

from typing import Any

from stackmatrix.matrix.stacks.stack import COMPILER, Stack, Variation

# --http-socket parses HTTP in the worker itself, and answers one request a connection. Without either of the two ends
# SIGTERM means reload. uWSGI does not start where the system allows a shorter listen queue than it is told to have.
COMMON = "--virtualenv {prefix} --module {wsgi} --need-app"
QUIET = "--disable-logging --listen {backlog}"
DIES = ("--die-on-term",)
# As one argument: what the hook does has a space in it.
ENDS_GRACEFULLY = ("--hook-master-start", "unix_signal:15 gracefully_kill_them_all")
THREADS = "--threads 100"


def _uwsgi(
    name: str,
    summary: str,
    flags: str,
    said: str,
    *,
    socket: str = "--http-socket",
    also: str = "",
    on_term: tuple[str, ...] = DIES,
    **more: Any,
) -> Stack:
    """``also`` are options that come with the socket's, ``on_term`` those that say what SIGTERM does."""
    begin = f"{{bin}}/uwsgi {socket} 127.0.0.1:{{port}} {also} {COMMON}"
    common: dict[str, Any] = {
        "server": "uwsgi",
        "requirements": ("uwsgi",),
        "interface": "WSGI",
        "waits_with": "threads",
        "slots": 100,
        "command": (*begin.split(), *on_term, *QUIET.split(), *flags.split()),
        "traits": (f"uwsgi {socket}",),
        "keeps_connections": False,
        "needs": (COMPILER,),
        "watch": ("--stats", "127.0.0.1:{stats_port}", "--memory-report"),
    }
    return Stack(name=name, summary=summary, flags_from=said, **(common | more))


MASTER_TRAITS = ("uwsgi --http-socket", "uwsgi --master")
KEPT_ROUTER = "--http-keepalive=1 --http-auto-chunked"

# Patched before the application loads: its thread pool becomes cooperative only then.
GEVENT = "--gevent 100 --gevent-early-monkey-patch"

TWO_SAID = "uWSGI's documentation has --threads 2 in its example (Quickstart), and so had this project's first demo."
HUNDRED_SAID = "The demo that this project began with runs 100 threads."
GEVENT_SAID = (
    "uWSGI's documentation has --gevent 100 in its example (The Gevent loop engine), and so had the demo that this "
    "project began with; the early patch is for a thread pool in the view."
)
HTTP11_SAID = (
    "uWSGI's documentation (Options) has --http11-socket for HTTP/1.1, which keeps connections. The threads are those "
    "of the demo that this project began with."
)
ROUTER_SAID = (
    "uWSGI's documentation has --http in its example (Quickstart), which is a router process before the workers; the "
    "threads are those of the demo."
)
KEPT_SAID = (
    "uWSGI's documentation (Native HTTP support) has --http-keepalive for kept connections, where answers say how long "
    "they are; --http-auto-chunked (Options) is for those that do not. The rest is that of uwsgi_http_router."
)
MASTER_SAID = (
    "uWSGI's documentation has --master in its example (Quickstart), to start processes again that have died. The "
    "threads are those of the demo that this project began with."
)
GRACEFUL_SAID = (
    "uWSGI's documentation (release notes of 2.0.11.1) has this hook, which gives a signal another meaning. Nothing "
    "there recommends the function that it calls here, which images for containers use. The rest is as in uwsgi_master."
)
PROCESSES_SAID = (
    "uWSGI's documentation has --master with several processes and threads in its example (Quickstart); the hundred "
    "threads of the demo are divided among them."
)

ROWS = (
    _uwsgi("uwsgi_2_threads", "uWSGI, 2 threads", "--threads 2", TWO_SAID, slots=2, demo_place=0),
    _uwsgi("uwsgi_100_threads", "uWSGI, 100 threads", THREADS, HUNDRED_SAID, demo_place=1),
    _uwsgi(
        "uwsgi_gevent",
        "uWSGI, gevent, 100 greenlets",
        GEVENT,
        GEVENT_SAID,
        requirements=("uwsgi", "gevent"),
        waits_with="greenlets",
        monkey_patched=True,
        not_on={"3.13t": "gevent does not build on a free-threaded Python"},
        demo_place=2,
    ),
    _uwsgi(
        "uwsgi_http11",
        "uWSGI, HTTP/1.1 socket, 100 threads",
        THREADS,
        HTTP11_SAID,
        socket="--http11-socket",
        keeps_connections=True,
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_100_threads", by="the HTTP/1.1 socket", is_asked_for=True),
    ),
    _uwsgi(
        "uwsgi_http_router",
        "uWSGI behind its HTTP router, 100 threads",
        THREADS,
        ROUTER_SAID,
        socket="--http",
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_100_threads", by="a router process before it"),
    ),
    _uwsgi(
        "uwsgi_http_router_kept",
        "uWSGI behind its HTTP router, connections kept, 100 threads",
        THREADS,
        KEPT_SAID,
        socket="--http",
        also=KEPT_ROUTER,
        traits=("uwsgi --http", "uwsgi --http-keepalive"),
        keeps_connections=True,
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_http_router", by="connections that are kept"),
    ),
    _uwsgi(
        "uwsgi_master",
        "uWSGI with a master, 100 threads",
        f"--master --processes 1 {THREADS}",
        MASTER_SAID,
        traits=MASTER_TRAITS,
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_100_threads", by="a master process"),
    ),
    _uwsgi(
        "uwsgi_graceful",
        "uWSGI with a master that answers who is inside before it ends, 100 threads",
        f"--master --processes 1 {THREADS}",
        GRACEFUL_SAID,
        on_term=ENDS_GRACEFULLY,
        traits=(*MASTER_TRAITS, "uwsgi --hook-master-start"),
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_master", by="a stop that waits for who is inside"),
    ),
    _uwsgi(
        "uwsgi_2_processes",
        "uWSGI with a master, 2 processes of 50 threads",
        "--master --processes 2 --threads 50",
        PROCESSES_SAID,
        traits=MASTER_TRAITS,
        workers=2,
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_master", by="two processes of 50 threads"),
    ),
)
