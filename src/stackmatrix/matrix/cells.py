"""Which cells there are, which are chosen, and which stands beside which: stack by Python by workload."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

from stackmatrix.errors import UsageError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.matrix.stacks.stack import BACKLOG
from stackmatrix.matrix.workloads import WORKLOADS, Workload

Control = Literal["twin", "planted", "null"]


class Cell(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, kw_only=True):
    """Stack by Python by workload; the Python is its minor version, such as ``3.13``.

    A control stands beside the reference cell in every run: its ``twin`` is the very same cell once more, and the
    ``planted`` one burns a known CPU time more for each request. The ``null`` one is a target that costs nothing: what
    latency it shows is the harness's own.
    """

    stack: str
    python: str
    workload: str
    control: Control | None = None

    def __str__(self) -> str:
        return f"{self.stack} on {self.python}, {self.workload}{f' ({self.control})' if self.control else ''}"


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with the packages of one stack on one Python, and the hash of the lock file they came from."""

    prefix: Path
    lock_sha256: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A cell with everything that its names stand for. What measures it looks nothing up in a table."""

    cell: Cell
    stack: Stack
    workload: Workload
    app: App
    environment: Installation

    @property
    def name(self) -> str:
        """A name that is unlike those of the other subjects of a run, for the processes that are supervised."""
        parts = (self.cell.stack, self.cell.python.replace(".", "_"), self.cell.control)
        return "_".join(part for part in parts if part)

    def command(self, port: int, *added: str, backlog: int = BACKLOG) -> tuple[str, ...]:
        """The server's command line on a port, with the arguments that a use of it adds, and this listen queue."""
        prefix = self.environment.prefix
        places = {"bin": str(prefix / "bin"), "prefix": str(prefix), "port": str(port), "backlog": str(backlog)}
        places |= {"wsgi": self.app.wsgi, "asgi": self.app.asgi}
        return tuple(part.format(**places) for part in (*self.stack.command, *added))


def choose(kind: str, wanted: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The names in a comma-separated choice, in the order of ``known``; all of them when there is no choice.

    Raises:
        UsageError: for a name that is not known, with the nearest that is.

    """
    if wanted is None:
        return tuple(known)
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    for name in sorted(names):
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "choose from: " + ", ".join(known) + "."
            raise UsageError(f"Unknown {kind} {name!r}: {hint}")
    if not names:
        raise UsageError(f"No {kind} was named: choose from: {', '.join(known)}.")
    return tuple(name for name in known if name in names)


def choose_stacks(wanted: str | None) -> tuple[str, ...]:
    """The stacks of a comma-separated choice of names and tags, in the order of the table.

    Raises:
        UsageError: for what is neither, with the nearest that is.

    """
    tags = dict.fromkeys(tag for stack in STACKS.values() for tag in stack.tags)
    chosen = choose("stack or tag", wanted or DEFAULT_TAG, (*STACKS, *tags))
    return tuple(name for name, stack in STACKS.items() if name in chosen or set(stack.tags) & set(chosen))


DEFAULT_TAG = "seed"
"""The stacks that are measured unless others are chosen."""


def choose_one(kind: str, wanted: str, known: Sequence[str]) -> str:
    """The one name that is wanted.

    Raises:
        UsageError: for a name that is not known, or more than one.

    """
    names = choose(kind, wanted, known)
    if len(names) > 1:
        raise UsageError(f"Only one {kind} can be chosen, not {wanted!r}: choose from {', '.join(names)}.")
    return names[0]


def why_excluded(cell: Cell) -> str | None:
    """Why a cell of the tables cannot be measured anywhere; ``None`` where it can."""
    stack, workload = STACKS.get(cell.stack), WORKLOADS.get(cell.workload)
    return None if stack is None or workload is None else workload.why_excluded(stack.interface)


def make_cells(stacks: Sequence[str], pythons: Sequence[str], workloads: Sequence[str]) -> tuple[Cell, ...]:
    """Every chosen cell, workload by workload, in the order of the tables."""
    return tuple(
        Cell(stack=stack, python=python, workload=workload)
        for workload in workloads
        for stack in stacks
        for python in pythons
    )


def reference_of(cells: Iterable[Cell]) -> Cell | None:
    """The cell of one workload beside which the controls stand: the reference stack's, on the newest Python.

    Where the reference stack is not chosen, the first stack takes its place; ``None`` where there is no cell.
    """
    known = [cell for cell in cells if cell.control is None]
    stacks = dict.fromkeys(cell.stack for cell in known)
    stack = REFERENCE_STACK if REFERENCE_STACK in stacks else next(iter(stacks), None)
    return max((cell for cell in known if cell.stack == stack), key=lambda one: python_key(one.python), default=None)


def controls_of(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The twin and the planted cell of each workload's reference cell."""
    by_workload: dict[str, list[Cell]] = {}
    for cell in cells:
        by_workload.setdefault(cell.workload, []).append(cell)
    return tuple(
        msgspec.structs.replace(reference, control=control)
        for some in by_workload.values()
        if (reference := reference_of(some)) is not None
        for control in CONTROLS
    )


CONTROLS: tuple[Control, ...] = ("twin", "planted")


def python_key(python: str) -> tuple[int, ...]:
    """Orders Pythons by age, free-threaded builds after their plain ones."""
    number = python.removesuffix("t")
    return (*(int(part) for part in number.split(".")), int(python.endswith("t")))
