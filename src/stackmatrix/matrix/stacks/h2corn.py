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
            "Its command line's help: one process, and uvloop where that is installed, are what it takes by itself. "
            "Nothing is recommended for this. Django knows no lifespan."
        ),
        traits=("h2corn", "uvloop.Loop"),
    ),
)
