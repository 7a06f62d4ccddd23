"""The null target as a subject: a server that costs nothing, on the target's core, in place of a stack.

What is measured of it is what the generator, the external API and the machine add to every figure.
"""

import platform
import sys
from pathlib import Path

from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.stacks.stack import Stack
from stackmatrix.matrix.workloads import Workload

WAITS = Workload("null", "a correct page after 600 ms", "/", (600,))
AT_ONCE = Workload("null_at_once", "a correct page at once", "/0/", (0,))

STACK = Stack(
    name="null_target",
    summary="a target that costs nothing",
    port=8099,
    server="null_target",
    requirements=(),
    interface="ASGI",
    waits_with="event loop",
    slots=None,
    command=("{bin}/python", "-m", "null_target", "--port", "{port}"),
)
APP = App(name="null_target", wsgi="", asgi="", identity_path=None, requirements=())


def null_subject(workload: Workload) -> Subject:
    """The null target in the tool environment, asked for one of its pages."""
    python = ".".join(platform.python_version_tuple()[:2])
    cell = Cell(stack=STACK.name, python=python, workload=workload.name)
    return Subject(cell, STACK, workload, APP, Installation(Path(sys.prefix), ""))
