"""Subjects of real testbeds: the stand-in of this folder, in place of a stack."""

import platform
import sys
from pathlib import Path

from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.workloads import Workload

HERE = Path(__file__).parent
THIS_PYTHON = ".".join(platform.python_version_tuple()[:2])


def standin(workload: Workload, *options: str, slots: int | None = None) -> Subject:
    """A stand-in that does not say what it is, so that nobody asks."""
    command = ("{bin}/python", str(HERE / "standin.py"), "--port", "{port}", *options)
    stack = Stack(
        name="standin", summary="", port=0, server="standin", requirements=(), interface="ASGI",
        waits_with="event loop", slots=slots, command=command,
    )  # fmt: skip
    app = App(name="standin", wsgi="", asgi="", requirements=(), wrapped=False)
    cell = Cell(stack=stack.name, python=THIS_PYTHON, workload=workload.name)
    return Subject(cell, stack, workload, app, Installation(Path(sys.prefix), "no lock"))
