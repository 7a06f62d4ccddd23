"""Cheroot, the server of CherryPy."""

from stackmatrix.matrix.stacks.stack import Stack

COMMAND = "{bin}/cheroot --bind 127.0.0.1:{port} --threads 100 --max-threads 100 --request-queue-size {backlog} {wsgi}"

ROWS = (
    Stack(
        name="cheroot_100_threads",
        summary="Cheroot, 100 threads",
        server="cheroot",
        requirements=("cheroot",),
        interface="WSGI",
        waits_with="threads",
        slots=100,
        command=tuple(COMMAND.split()),
        flags_from=(
            "The hundred threads are those of the demo that this project began with. Cheroot's documentation "
            "(cheroot.wsgi) has ten threads and a listen queue of five by default; nothing is recommended for this."
        ),
        traits=("cheroot.server.HTTPConnection",),
    ),
)
