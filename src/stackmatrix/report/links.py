"""Where evidence is: result files, and the places on a machine's page that sentences point to. Pure."""

import re
from pathlib import Path
from urllib.parse import quote

from stackmatrix.matrix.cells import Cell
from stackmatrix.results.store import path_of

PAGE = "README.md"
CAUSES, VARIATIONS, UNSAID, CONDITIONS, HISTORY = "causes", "variations", "not-said", "conditions", "history"
"""Anchors of what is of a whole machine."""


def workload(name: str) -> str:
    """The anchor of all that is of a workload."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def part(name: str, of: str) -> str:
    """The anchor of a part of a workload: a metric by its name, ``ramps`` or ``latency``."""
    return f"{workload(name)}-{of}"


def on_page(machine: str, anchor: str) -> str:
    """A place on a machine's page, from the results folder."""
    return f"{quote(machine)}/{PAGE}#{anchor}"


def file(machine: str, cell: Cell) -> str:
    """A cell's file, from the results folder."""
    return path_of(Path(), machine, cell).as_posix()
