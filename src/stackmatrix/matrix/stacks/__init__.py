"""The table of stacks: one row is everything the project knows about a server and its worker model.

Each module of this package has the ``ROWS`` of one server, and is all that has to be added for it. Only the standard
library is imported, so that the noxfile reads the table with nothing installed. A row runs one process that serves one
Django application, unless its name says more; what differs between rows is the server and how a worker waits.
"""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from stackmatrix.matrix.stacks.stack import FIRST_PORT, Stack

__all__ = ["REFERENCE_STACK", "STACKS", "Stack"]

REFERENCE_STACK = "gunicorn_100_threads"
"""The others are compared with it: what most Django projects begin with."""


def _rows() -> list[Stack]:
    """Every row, at its port: those of the demo first, as it had them, then the others by server."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    rows = [row for module in modules for row in getattr(module, "ROWS", ())]
    demo = sorted((row for row in rows if row.demo_place is not None), key=lambda row: row.demo_place or 0)
    ordered = [*demo, *(row for row in rows if row.demo_place is None)]
    return [replace(row, port=FIRST_PORT + place) for place, row in enumerate(ordered)]


STACKS: dict[str, Stack] = {row.name: row for row in _rows()}
"""The rows by name, in the order of the tables, which is that of their ports."""
