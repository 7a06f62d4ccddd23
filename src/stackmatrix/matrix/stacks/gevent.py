"""gevent's own server."""

from stackmatrix.matrix.stacks.stack import Stack

COMMAND = "{bin}/python -m launchers.gevent_pywsgi {wsgi} --port {port} --backlog {backlog} --greenlets 100"

ROWS = (
    Stack(
        name="gevent_pywsgi",
        summary="gevent's own server, 100 greenlets",
        server="gevent",
        requirements=("gevent",),
        interface="WSGI",
        waits_with="greenlets",
        slots=100,
        command=tuple(COMMAND.split()),
        flags_from=(
            "gevent's documentation (gevent.pywsgi) has WSGIServer with an application and nothing else, and a Pool to "
            "limit it; the hundred greenlets are those of the demo that this project began with."
        ),
        traits=("gevent.pywsgi.Input",),
        monkey_patched=True,
        not_on={"3.13t": "gevent does not build on a free-threaded Python"},
    ),
)
