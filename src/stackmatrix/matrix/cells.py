"""Which cells there are, which are chosen, and which stands beside which: stack by Python by workload."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import msgspec

from stackmatrix.errors import UsageError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.stacks import REFERENCE_STACK, Stack
from stackmatrix.matrix.workloads import Workload


class Cell(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, kw_only=True):
    """Stack by Python by workload; the Python is its minor version, such as ``3.13``.

    A ``twin`` is the very same cell under another name: what it differs by is the run's noise (A/A).
    """

    stack: str
    python: str
    workload: str
    twin: bool = False

    def __str__(self) -> str:
        return f"{self.stack} on {self.python}, {self.workload}{' (twin)' if self.twin else ''}"


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
        return f"{self.cell.stack}_{self.cell.python.replace('.', '_')}{'_twin' if self.cell.twin else ''}"

    def command(self, port: int, *added: str) -> tuple[str, ...]:
        """The server's command line on a port, with the arguments that a use of it adds."""
        prefix = self.environment.prefix
        places = {"bin": str(prefix / "bin"), "prefix": str(prefix), "port": str(port)}
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


def choose_one(kind: str, wanted: str, known: Sequence[str]) -> str:
    """The one name that is wanted.

    Raises:
        UsageError: for a name that is not known, or more than one.

    """
    names = choose(kind, wanted, known)
    if len(names) > 1:
        raise UsageError(f"Only one {kind} can be chosen, not {wanted!r}: choose from {', '.join(names)}.")
    return names[0]


def make_cells(stacks: Sequence[str], pythons: Sequence[str], workloads: Sequence[str]) -> tuple[Cell, ...]:
    """Every chosen cell, workload by workload, in the order of the tables."""
    return tuple(
        Cell(stack=stack, python=python, workload=workload)
        for workload in workloads
        for stack in stacks
        for python in pythons
    )


def references(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cell of each workload with which the run's noise is measured: the reference stack's, on the newest Python."""
    chosen: dict[str, Cell] = {}
    for cell in cells:
        before = chosen.get(cell.workload)
        if before is None or _reference_order(cell) > _reference_order(before):
            chosen[cell.workload] = cell
    return tuple(chosen.values())


def _reference_order(cell: Cell) -> tuple[bool, tuple[int, ...]]:
    return cell.stack == REFERENCE_STACK, python_key(cell.python)


def python_key(python: str) -> tuple[int, ...]:
    """Orders Pythons by age, free-threaded builds after their plain ones."""
    number = python.removesuffix("t")
    return (*(int(part) for part in number.split(".")), int(python.endswith("t")))


def with_twins(cells: Sequence[Cell], blocks: int) -> tuple[Cell, ...]:
    """The cells, and where there are several blocks the twin of each reference cell."""
    twins = [Cell(stack=one.stack, python=one.python, workload=one.workload, twin=True) for one in references(cells)]
    return (*cells, *(twins if blocks > 1 else ()))
