"""Which cells there are, which are chosen, and which stands beside which: stack by Python by workload."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

from stackmatrix.errors import UsageError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.pythons import Runtime, newest_key, python_key
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.matrix.stacks.stack import BACKLOG
from stackmatrix.matrix.workloads import WORKLOADS, Workload

Control = Literal["twin", "planted", "null"]


class Cell(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, kw_only=True):
    """Stack by Python by workload; the Python is a place on the axis of :mod:`stackmatrix.matrix.pythons`.

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
class Missing:
    """Why a cell cannot be measured.

    There is no such Python (``skipped``), its packages did not install (``failed``), or it is known beforehand that it
    cannot run on this Python or this system (``excluded``).
    """

    state: Literal["skipped", "failed", "excluded"]
    reason: str


NO_PYTHON = Missing("skipped", "this Python was not found")


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
        parts = (self.cell.stack, self.runtime.file_name, self.cell.control)
        return re.sub(r"\W", "_", "_".join(part for part in parts if part))

    @property
    def runtime(self) -> Runtime:
        return Runtime.of(self.cell.python)

    @property
    def application(self) -> str:
        """The callable that is served, as ``module:callable``."""
        if self.stack.interface == "WSGI":
            return self.app.wsgi
        return (self.app.asgi_sync or self.app.asgi) if self.stack.view == "sync" else self.app.asgi

    def command(
        self, port: int, *added: str, backlog: int = BACKLOG, folder: Path = Path("/nowhere")
    ) -> tuple[str, ...]:
        """The server's command line on a port, with the arguments that a use of it adds, and this listen queue.

        ``folder`` is a private one for what the target writes while it runs.
        """
        prefix = self.environment.prefix
        places = {"bin": str(prefix / "bin"), "prefix": str(prefix), "port": str(port), "backlog": str(backlog)}
        places |= {"folder": str(folder), "stats_port": str(self.stack.stats_port), "wsgi": WRAPPED_WSGI}
        places |= {"wsgi_callable": f"{WRAPPED_WSGI}:application", "asgi": WRAPPED_ASGI}
        program, *rest = self.stack.command
        trusting = self.stack.trusting if self.app.claims_https else ()
        return tuple(part.format(**places) for part in (program, *trusting, *rest, *added))


WRAPPED_WSGI, WRAPPED_ASGI = "under_test.wsgi", "under_test.asgi:application"
"""What servers are told to serve: the application with what a target has around it."""


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
            # The server's name alone means one of its rows, and no other server that is spelt nearly so.
            rows = [one for one in known if one.startswith(f"{name}_")]
            near = rows or get_close_matches(name, known, 1)
            hint = f"did you mean {' or '.join(near)}?" if near else "choose from: " + ", ".join(known) + "."
            raise UsageError(f"Unknown {kind} {name!r}: {hint}")
    if not names:
        raise UsageError(f"No {kind} was named: choose from: {', '.join(known)}.")
    return tuple(name for name in known if name in names)


def choose_stacks(wanted: str | None, stacks: Mapping[str, Stack] = STACKS) -> tuple[str, ...]:
    """The stacks of a comma-separated choice of names and tags, in the order of the table.

    Raises:
        UsageError: for what is neither, with the nearest that is.

    """
    tags = dict.fromkeys(tag for stack in stacks.values() for tag in stack.tags)
    chosen = choose("stack or tag", wanted or DEFAULT_TAG, (*stacks, *tags))
    return tuple(name for name, stack in stacks.items() if name in chosen or set(stack.tags) & set(chosen))


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


def why_not_served(cell: Cell) -> str | None:
    """Why the stack of a cell of the tables cannot serve its workload anywhere; ``None`` where it can."""
    stack, workload = STACKS.get(cell.stack), WORKLOADS.get(cell.workload)
    return None if stack is None or workload is None else workload.why_excluded(stack.serves_views_of)


def excluded_stacks(cells: Iterable[Cell], workload: str) -> dict[str, str]:
    """Why stacks of these cells cannot be measured under a workload, by stack; those that can are left out."""
    cells_of = {cell.stack: Cell(stack=cell.stack, python=cell.python, workload=workload) for cell in cells}
    return {stack: reason for stack, cell in cells_of.items() if (reason := why_not_served(cell)) is not None}


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
    return max((cell for cell in known if cell.stack == stack), key=lambda one: newest_key(one.python), default=None)


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


def of_newest_python(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Of each workload and stack the cell on the newest Python, in their order.

    Builds without the GIL, interpreters by path and overridden packages were asked for by name, so that the newest one
    of each of these is among them, too.
    """
    newest: dict[tuple[str, str, str], Cell] = {}
    for cell in sorted(cells, key=lambda one: python_key(one.python)):
        newest[cell.workload, cell.stack, Runtime.of(cell.python).variant] = cell
    return tuple(cell for cell in cells if cell in newest.values())
