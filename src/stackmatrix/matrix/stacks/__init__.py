"""The table of stacks: one row is everything the project knows about a server and its worker model.

Each module of this package has the ``ROWS`` of one server, and is all that has to be added for it. Only the standard
library is imported, so that the noxfile reads the table with nothing installed. Every row runs one process that serves
one Django application; what differs between rows is the server and how a worker waits.
"""

from importlib import import_module
from pkgutil import iter_modules

from stackmatrix.matrix.stacks.stack import Stack

__all__ = ["REFERENCE_STACK", "STACKS", "Stack"]

REFERENCE_STACK = "gunicorn_100_threads"
"""The others are compared with it: what most Django projects begin with."""


def _rows() -> list[Stack]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return [row for module in modules for row in getattr(module, "ROWS", ())]


STACKS: dict[str, Stack] = {row.name: row for row in sorted(_rows(), key=lambda row: row.port)}
"""The rows by name, in the order of the tables, which is that of their ports."""
