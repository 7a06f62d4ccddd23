"""uWSGI, with threads and with gevent."""

from stackmatrix.matrix.stacks.stack import Stack

# --http would add a router process: --http-socket parses HTTP in the worker itself. Without --die-on-term SIGTERM means
# reload. The listen queue is the highest that macOS grants by default; it holds the 100 users of the default ladder.
COMMAND = (
    "{bin}/uwsgi --http-socket 127.0.0.1:{port} --virtualenv {prefix} --module {wsgi} --need-app --die-on-term "
    "--disable-logging --listen 128"
)


def _uwsgi(name: str, summary: str, port: int, flags: str, *, slots: int, greenlets: bool = False) -> Stack:
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
        command=tuple(f"{COMMAND} {flags}".split()),
        monkey_patched=greenlets,
        needs_compiler=True,
        stats_port=stats_port,
        watch=("--stats", f"127.0.0.1:{stats_port}", "--memory-report"),
    )


# Patched before the application loads: its thread pool becomes cooperative only then.
GEVENT = "--gevent 100 --gevent-early-monkey-patch"

ROWS = (
    _uwsgi("uwsgi_2_threads", "uWSGI, 2 threads", 8000, "--threads 2", slots=2),
    _uwsgi("uwsgi_100_threads", "uWSGI, 100 threads", 8001, "--threads 100", slots=100),
    _uwsgi("uwsgi_gevent", "uWSGI, gevent, 100 greenlets", 8002, GEVENT, slots=100, greenlets=True),
)
