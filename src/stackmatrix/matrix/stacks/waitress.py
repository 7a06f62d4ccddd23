"""Waitress."""

from stackmatrix.matrix.stacks.stack import Stack

# Its own limit of 100 connections would let visitors wait whose request a thread is free for.
COMMAND = (
    "{bin}/waitress-serve --listen=127.0.0.1:{port} --threads=100 --connection-limit=1000 --backlog={backlog} "
    "{wsgi_callable}"
)

ROWS = (
    Stack(
        name="waitress_100_threads",
        summary="Waitress, 100 threads",
        server="waitress",
        requirements=("waitress",),
        interface="WSGI",
        waits_with="threads",
        slots=100,
        command=tuple(COMMAND.split()),
        flags_from=(
            "The hundred threads are those of the demo that this project began with. Waitress' documentation "
            "(Arguments) has four threads and 100 connections by default; nothing is recommended for this."
        ),
        trusting=("--trusted-proxy=127.0.0.1", "--trusted-proxy-headers=x-forwarded-proto"),
        traits=("waitress.channel.HTTPChannel",),
    ),
)
