"""nginx before Gunicorn and before uWSGI, by a Unix socket."""

from typing import Any

from stackmatrix.matrix.stacks.stack import COMPILER, NGINX, Stack, Variation

COMMAND = "{bin}/python -m launchers.behind_nginx --port {port} --backlog {backlog} --socket {folder}/{port}.sock"
GUNICORN = (
    "{bin}/gunicorn {wsgi} --bind unix:{folder}/{port}.sock --workers 1 --worker-class gthread --threads 100 "
    "--no-control-socket --backlog {backlog}"
)
UWSGI = (
    "{bin}/uwsgi --socket {folder}/{port}.sock --virtualenv {prefix} --module {wsgi} --need-app --die-on-term "
    "--disable-logging --listen {backlog} --threads 100"
)


def _behind(server: str, summary: str, command: str, said: str, *traits: str, **more: Any) -> Stack:
    return Stack(
        name=f"nginx_{server}",
        summary=summary,
        server=server,
        requirements=(server,),
        interface="WSGI",
        waits_with="threads",
        slots=100,
        command=tuple(command.split()),
        flags_from=said,
        traits=("peer nginx", *traits),
        is_behind_nginx=True,
        **more,
    )


GUNICORN_SAID = (
    "Gunicorn's documentation (Deploying Gunicorn) strongly advises nginx before it, and has this configuration; the "
    "threads are those of gunicorn_100_threads."
)
UWSGI_SAID = (
    "uWSGI's documentation (Quickstart) has nginx before it with the uwsgi protocol; the threads are those of "
    "uwsgi_100_threads."
)

ROWS = (
    _behind(
        "gunicorn",
        "nginx before Gunicorn, 100 threads",
        f"{COMMAND} --protocol http -- {GUNICORN}",
        GUNICORN_SAID,
        "gunicorn.workers.gthread.ThreadWorker",
        patience=("--timeout", "600"),
        needs=(NGINX,),
        shares_with="gunicorn_100_threads",
        varies=Variation("gunicorn_100_threads", by="nginx before it"),
    ),
    _behind(
        "uwsgi",
        "nginx before uWSGI, 100 threads",
        f"{COMMAND} --protocol uwsgi -- {UWSGI}",
        UWSGI_SAID,
        "uwsgi --socket",
        needs=(NGINX, COMPILER),
        watch=("--stats", "127.0.0.1:{stats_port}", "--memory-report"),
        shares_with="uwsgi_100_threads",
        varies=Variation("uwsgi_100_threads", by="nginx before it"),
    ),
)
