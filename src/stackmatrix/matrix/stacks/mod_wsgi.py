"""mod_wsgi in an Apache of its own."""

from stackmatrix.matrix.stacks.stack import APACHE, APXS, COMPILER, Stack

COMMAND = "{bin}/python -m launchers.mod_wsgi {wsgi} --folder {folder} --port {port} --backlog {backlog} --threads 100"

ROWS = (
    Stack(
        name="mod_wsgi",
        summary="mod_wsgi in Apache, 100 threads",
        server="mod_wsgi",
        requirements=("mod-wsgi",),
        interface="WSGI",
        waits_with="threads",
        slots=100,
        command=tuple(COMMAND.split()),
        flags_from=(
            "mod_wsgi's documentation (mod_wsgi-express) has one daemon process with five threads by default; the "
            "hundred threads are those of the demo that this project began with."
        ),
        traits=("mod_wsgi",),
        needs=(COMPILER, APACHE, APXS),
    ),
)
