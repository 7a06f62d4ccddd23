"""The null target as a subject: a server that costs nothing, on the target's core, in place of a stack.

What is measured of it is what the generator, the external API and the machine add to every figure.
"""

import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, Control, Installation, Subject
from stackmatrix.matrix.stacks.stack import Stack
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.results.conditions import Environment
from stackmatrix.results.types import PythonBuild
from stackmatrix.testbed import environments
from under_test import interpreter

WAITS = Workload("null", "a correct page after 600 ms", one_page("/"), (600,), makes_calls=False)
AT_ONCE = Workload("null_at_once", "a correct page at once", one_page("/0/"), (0,), makes_calls=False)

STACK = Stack(
    name="null_target",
    summary="a target that costs nothing",
    server="null_target",
    requirements=(),
    interface="ASGI",
    waits_with="event loop",
    slots=None,
    command=("{bin}/python", "-m", "null_target", "--port", "{port}"),
)
APP = App(name="null_target", wsgi="", asgi="", requirements=(), wrapped=False)


def null_subject(workload: Workload, control: Control | None = None) -> Subject:
    """The null target in the tool environment, asked for one of its pages."""
    python = ".".join(platform.python_version_tuple()[:2])
    cell = Cell(stack=STACK.name, python=python, workload=workload.name, control=control)
    return Subject(cell, STACK, workload, APP, Installation(Path(sys.prefix), environments.lock_sha256("tool") or ""))


def null_control(workload: Workload) -> Subject:
    """The null target in place of a stack that serves a workload: it answers after the floor, and does nothing else."""
    floor_ms = workload.floor_ms
    waits = replace(
        workload,
        pages=one_page(f"/{floor_ms}/"),
        delays_ms=(floor_ms,),
        makes_calls=False,
        calls_known=True,
        measured_ms=(),
        order="parallel",
        answers="steady",
        variables=(),
    )
    return null_subject(waits, "null")


def environment() -> Environment:
    """What serves it: the tool environment, which the harness itself runs in."""
    return Environment(
        python=PythonBuild(**interpreter.describe()),
        packages={"uvloop": version("uvloop")},
        lock_sha256=environments.lock_sha256("tool") or "",
        command=tuple(part.replace("{bin}", "{prefix}/bin") for part in STACK.command),
        variables=(),
    )
