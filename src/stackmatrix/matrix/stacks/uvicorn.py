"""Uvicorn."""

from stackmatrix.matrix.stacks.stack import Stack

COMMAND = (
    "{bin}/python -m uvicorn {asgi} --host 127.0.0.1 --port {port} --loop uvloop --http httptools --no-access-log "
    "--backlog {backlog}"
)

ROWS = (
    Stack(
        name="uvicorn",
        summary="Uvicorn, asyncio on uvloop",
        port=8005,
        server="uvicorn",
        # Named, because Uvicorn uses them only where they are installed: without them it is another stack.
        requirements=("uvicorn", "uvloop", "httptools"),
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        command=tuple(COMMAND.split()),
        flags_from=(
            "Uvicorn's documentation (Settings): uvloop and httptools are what it takes by itself where they are "
            "installed, as uvicorn[standard] does."
        ),
        is_seed=True,
    ),
)
