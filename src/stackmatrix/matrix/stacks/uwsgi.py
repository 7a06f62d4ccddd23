"""uWSGI, with threads and with gevent."""

from stackmatrix.matrix.stacks.stack import Stack

# --http would add a router process: --http-socket parses HTTP in the worker itself. Without --die-on-term SIGTERM means
# reload. uWSGI does not start where the system allows a shorter listen queue than it is told to have.
COMMAND = (
    "{bin}/uwsgi --http-socket 127.0.0.1:{port} --virtualenv {prefix} --module {wsgi} --need-app --die-on-term "
    "--disable-logging --listen {backlog}"
)


def _uwsgi(name: str, summary: str, port: int, flags: str, said: str, *, slots: int, greenlets: bool = False) -> Stack:
    stats_port = port - 8000 + 3030
    return Stack(
        name=name,
        summary=summary,
        port=port,
        server="uwsgi",
        requirements=("uwsgi", "gevent") if greenlets else ("uwsgi",),
        interface="WSGI",
        waits_with="greenlets" if greenlets else "threads",
        slots=slots,
        is_seed=True,
        command=tuple(f"{COMMAND} {flags}".split()),
        flags_from=said,
        monkey_patched=greenlets,
        needs_compiler=True,
        stats_port=stats_port,
        watch=("--stats", f"127.0.0.1:{stats_port}", "--memory-report"),
    )


# Patched before the application loads: its thread pool becomes cooperative only then.
GEVENT = "--gevent 100 --gevent-early-monkey-patch"

TWO_SAID = "uWSGI's documentation has --threads 2 in its example (Quickstart), and so had this project's first demo."
HUNDRED_SAID = "The demo that this project began with runs 100 threads."
GEVENT_SAID = (
    "uWSGI's documentation has --gevent 100 in its example (The Gevent loop engine), and so had the demo that this "
    "project began with; the early patch is for a thread pool in the view."
)

ROWS = (
    _uwsgi("uwsgi_2_threads", "uWSGI, 2 threads", 8000, "--threads 2", TWO_SAID, slots=2),
    _uwsgi("uwsgi_100_threads", "uWSGI, 100 threads", 8001, "--threads 100", HUNDRED_SAID, slots=100),
    _uwsgi("uwsgi_gevent", "uWSGI, gevent, 100 greenlets", 8002, GEVENT, GEVENT_SAID, slots=100, greenlets=True),
)
