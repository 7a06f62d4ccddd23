"""Daphne, on Twisted."""

from stackmatrix.matrix.stacks.stack import Stack

COMMAND = "{bin}/daphne --endpoint tcp:port={port}:interface=127.0.0.1:backlog={backlog} --verbosity 0 {asgi}"

ROWS = (
    Stack(
        name="daphne",
        summary="Daphne, on Twisted",
        server="daphne",
        requirements=("daphne",),
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        command=tuple(COMMAND.split()),
        flags_from=(
            "Django's documentation (How to use Django with Daphne) starts it with the application alone; the endpoint "
            "is for the listen queue, as Daphne's documentation has endpoints."
        ),
        traits=("daphne.http_protocol.WebRequest",),
        not_on={"3.13t": "cffi, which cryptography needs, does not build on a free-threaded Python 3.13"},
    ),
)
