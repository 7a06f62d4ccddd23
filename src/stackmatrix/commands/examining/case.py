"""What is to be measured, as a run would have it, with what several lines need to know of it: each is found once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from stackmatrix.application.uv import find_interpreter, find_uv
from stackmatrix.errors import AppError, ResultFileError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.cells import Cell, controls_of
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.pythons import Runtime, python_key
from stackmatrix.matrix.stacks import Stack
from stackmatrix.measurements.cost.batches import most_together
from stackmatrix.measurements.request import Request, prepare
from stackmatrix.results import store
from stackmatrix.results.conditions import Machine
from stackmatrix.results.model import Result
from stackmatrix.system import headroom, installed_pythons
from stackmatrix.system.cores import Layout
from stackmatrix.system.installed_pythons import Interpreter
from stackmatrix.system.watch import Watched, watch
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import NOX_FOLDER, session_name

WATCH_S = 1.0
"""Long enough to tell a twentieth of a core from the kernel's ticks, of which there are a hundred in it."""


def interpreter(cell: Cell) -> str:
    """The interpreter of a cell, as the axis of Pythons calls it."""
    return Runtime.of(cell.python).interpreter


def _of_uv(python: str) -> Interpreter | None:
    try:
        return installed_pythons.ask(find_interpreter(python, find_uv()))
    except AppError:
        return None


@dataclass(frozen=True)
class Case:
    """What was asked for. ``interpreters`` are those that were named by their path, by their place on the axis.

    It is to be ``committed`` in the end, or not.
    """

    request: Request
    profile: Profile
    app: AppFile | None = None
    interpreters: Mapping[str, Path] = field(default_factory=dict)
    committed: bool = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.request.cells

    @property
    def folder(self) -> Path:
        """Of results."""
        return self.request.folder

    @cached_property
    def excluded(self) -> Mapping[Cell, str]:
        """Why cells cannot be measured here, as far as that is known before anything is installed."""
        reasons = {cell: environments.why_excluded(cell, self.request.catalogue) for cell in self.cells}
        return {cell: reason for cell, reason in reasons.items() if reason is not None}

    @cached_property
    def served(self) -> tuple[Cell, ...]:
        """The cells that can be measured once their environments are there."""
        return tuple(cell for cell in self.cells if cell not in self.excluded)

    @property
    def pythons(self) -> tuple[str, ...]:
        """The interpreters of these, as the axis of Pythons calls them."""
        return tuple(sorted(set(map(interpreter, self.served)), key=python_key))

    @cached_property
    def missing(self) -> tuple[Cell, ...]:
        """Those whose environment has to be made first; of an application that is not known beforehand."""
        if self.app is not None:
            return ()
        return tuple(environments.find_missing(self.served, None, self.request.catalogue))

    @cached_property
    def interpreters_here(self) -> Mapping[str, Interpreter | None]:
        """What each place on the axis of Pythons means; ``None`` where there is none.

        It is the interpreter that was named, else of an application the one that uv finds, else that of environments
        which are there, else the one that nox would take.
        """
        return {python: self._interpreter(python) for python in self.pythons}

    def _interpreter(self, python: str) -> Interpreter | None:
        if python in self.interpreters:
            return installed_pythons.ask(self.interpreters[python])
        if self.app is not None:
            return _of_uv(python)
        there = (cell for cell in self.served if interpreter(cell) == python and cell not in self.missing)
        cell = next(there, None)
        # As nox names the folder of a session.
        prefix = None if cell is None else NOX_FOLDER / session_name(cell).replace(".", "-")
        used = None if prefix is None else installed_pythons.ask(prefix / "bin" / "python")
        return used or installed_pythons.find(python)

    def stack(self, cell: Cell) -> Stack:
        return self.request.catalogue.of(cell).stacks[cell.stack]

    @cached_property
    def _prepared(self) -> tuple[Layout, Machine, str]:
        return prepare(self.request)

    @property
    def layout(self) -> Layout:
        return self._prepared[0]

    @property
    def machine(self) -> Machine:
        return self._prepared[1]

    @property
    def machine_name(self) -> str:
        return self._prepared[2]

    @property
    def most_together(self) -> int:
        """How many cells may stand side by side on this machine."""
        return most_together(min(self.machine.memory_bytes, headroom.memory().total))

    @cached_property
    def together(self) -> tuple[Cell, ...]:
        """The cells of the workload that has the most of them, its controls among them: those of a block of costs.

        Those of Pythons that are not here are none of them, as it is not certain that they can be had. Where no costs
        are measured, cells are measured one at a time, and it is the first.
        """
        here = [cell for cell in self.served if self.interpreters_here[interpreter(cell)] is not None]
        if "cost" not in self.profile.kinds:
            return tuple(here[:1])
        by_workload: dict[str, list[Cell]] = {}
        for cell in (*here, *controls_of(here)):
            by_workload.setdefault(cell.workload, []).append(cell)
        most = max((len(some) for some in by_workload.values()), default=0)
        return next((tuple(some) for some in by_workload.values() if len(some) == most), ())

    @cached_property
    def files(self) -> Mapping[Cell, Result | ResultFileError]:
        """What the files of these cells and their controls hold, or why they cannot be read; no file, no entry."""
        found: dict[Cell, Result | ResultFileError] = {}
        for cell in (*self.served, *controls_of(self.served)):
            try:
                earlier = store.read_earlier(self.folder, self.machine_name, cell)
            except ResultFileError as error:
                found[cell] = error
                continue
            if earlier is not None:
                found[cell] = earlier
        return found

    @cached_property
    def watched(self) -> Watched | None:
        """What else the machine does; ``None`` where nothing is compared, so that it does not matter."""
        return watch(WATCH_S, self.layout.used) if self.profile.compares else None
