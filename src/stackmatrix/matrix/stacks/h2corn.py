"""h2corn."""

from stackmatrix.matrix.stacks.stack import Stack

COMMAND = (
    "{bin}/h2corn {asgi} --bind 127.0.0.1:{port} --workers 1 --backlog {backlog} --loop uvloop --lifespan off "
    "--no-access-log"
)

ROWS = (
    Stack(
        name="h2corn",
        summary="h2corn, uvloop",
        server="h2corn",
        requirements=("h2corn", "uvloop"),
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        command=tuple(COMMAND.split()),
        flags_from=(
            "h2corn's documentation (its command line): uvloop is what it takes by itself where it is installed, with "
            "one process. Django knows no lifespan."
        ),
        traits=("h2corn", "uvloop.Loop"),
    ),
)
