"""Two sides in one run: which cells they are, what these need, and the run that has both in every block."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.analysis.comparison.contrasts import Contrast
from stackmatrix.commands.choice import asked_pythons, choose_workloads, named_interpreters
from stackmatrix.commands.comparing import two_apps
from stackmatrix.commands.comparing.sides import ChosenSide, choose_sides, with_itself
from stackmatrix.errors import AppError, UsageError
from stackmatrix.matrix.app_file import AppFile, read
from stackmatrix.matrix.app_workloads import ALL_PAGES
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import DEFAULT_TAG, Cell, choose, choose_stacks
from stackmatrix.matrix.pythons import FREE_THREADED, PYTHONS, Runtime
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.matrix.stacks.stack import Stack
from stackmatrix.matrix.workloads import DEFAULT_WORKLOADS
from stackmatrix.testbed import environments

if TYPE_CHECKING:
    import argparse

    from stackmatrix.measurements.request import Request

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared: ``pairs`` of the head's cell and the base's. ``interpreters`` are those named by their path."""

    app: AppFile | None
    catalogue: Catalogue
    base: ChosenSide
    head: ChosenSide
    pairs: tuple[Contrast, ...]
    interpreters: Mapping[str, Path]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Both of each pair, the base first."""
        return tuple(cell for head, base in self.pairs for cell in (base, head))


def make_plan(options: "argparse.Namespace", base: list[str], head: list[str], *, is_self: bool = False) -> Plan:
    """What was asked for; where it ``is_self``, the head is on both sides.

    Raises:
        UsageError: for what is not known, or cannot be compared.
        AppFileError, AppError: for what an application's file says, and for packages that cannot be had.

    """
    app, catalogue = None, BUILT_IN_CATALOGUE
    if options.app is not None:
        from stackmatrix.commands.own_app import catalogue_of

        app = read(options.app)
        catalogue = catalogue_of(app)
    pythons, interpreters = _choose_pythons(options, app)
    python = str(interpreters.get(pythons[0], pythons[0]))
    if is_self:
        sides = with_itself(head or base, app, catalogue.stacks, python)
    else:
        sides = choose_sides(base, head, app, catalogue.stacks, python)
    interpreters |= {one.place: one.interpreter for one in sides if one.interpreter is not None and one.place}
    stacks = _choose_stacks(options, catalogue, sides)
    workloads = choose_workloads(options.workload, catalogue, DEFAULT_WORKLOADS[0] if app is None else ALL_PAGES)
    pairs = _pairs(sides, stacks, pythons, workloads)
    return Plan(app, catalogue, *sides, pairs, interpreters)


def _choose_pythons(options: "argparse.Namespace", app: AppFile | None) -> tuple[tuple[str, ...], dict[str, Path]]:
    """The Pythons on which both sides stand, unless these are what is compared: the newest that is here."""
    if options.pythons is None:
        return (_newest(app),), {}
    asked = asked_pythons(options, ())
    by_path = named_interpreters(asked)
    named = [one for one in asked if "/" not in one]
    chosen = choose("Python", ",".join(named), (*PYTHONS, *FREE_THREADED)) if named or not by_path else ()
    return (*chosen, *by_path), by_path


def _newest(app: AppFile | None) -> str:
    from stackmatrix.application.environments import newest_python
    from stackmatrix.application.uv import find_interpreter, find_uv

    if app is not None:
        return newest_python(app)
    uv = find_uv()
    for python in reversed(PYTHONS):
        try:
            find_interpreter(python, uv)
        except AppError:
            continue
        return python
    raise UsageError(f"None of the Pythons {', '.join(PYTHONS)} is here: install one, or name one with --pythons.")


def _choose_stacks(
    options: "argparse.Namespace", catalogue: Catalogue, sides: tuple[ChosenSide, ChosenSide]
) -> tuple[str, ...]:
    """The stacks on which both sides stand: those asked for, else the servers whose packages differ, else two.

    These are the reference and the first of the demo's that waits in an event loop: most changes of an application, or
    of a client, cost otherwise in the one than in the other.
    """
    if sides[0].kind == "stack":
        return ()
    if options.stacks is not None:
        return choose_stacks(options.stacks, catalogue.stacks)
    changed = {_name(one) for side in sides for one in side.overrides}
    known = catalogue.stacks
    served = [name for name in choose_stacks(DEFAULT_TAG, known) if changed & _packages(known[name])]
    served = served or [name for name, stack in known.items() if changed & _packages(stack)][:1]
    if served:
        return tuple(served)
    loops = [name for name in choose_stacks(DEFAULT_TAG, known) if known[name].waits_with == "event loop"]
    chosen = [name for name in (REFERENCE_STACK, *loops[:1]) if name in known]
    return tuple(chosen or [next(iter(known))])


def _packages(stack: Stack) -> set[str]:
    return {_name(one) for one in stack.requirements}


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>~!;\s]", requirement, maxsplit=1)[0]).lower()


def _pairs(
    sides: tuple[ChosenSide, ChosenSide],
    stacks: tuple[str, ...],
    pythons: tuple[str, ...],
    workloads: tuple[str, ...],
) -> tuple[Contrast, ...]:
    """Each cell of the head with the base's."""

    def cell(side: ChosenSide, stack: str, python: str, workload: str) -> Cell:
        of_stack = side.place if side.kind == "stack" and side.place else stack
        of_python = side.place if side.kind == "python" and side.place else python
        return Cell(stack=of_stack, python=str(Runtime(of_python, side.overrides, side.label)), workload=workload)

    base, head = sides
    places = [
        (stack, python, workload)
        for workload in workloads
        for stack in stacks or ("",)
        for python in (pythons[:1] if base.kind == "python" else pythons)
    ]
    return tuple((cell(head, *place), cell(base, *place)) for place in places)


@contextmanager
def ready(plan: Plan, request: "Request", say: Say) -> "Iterator[Request]":
    """The request with everything that its cells need: environments, and applications that are set up.

    Raises:
        AppFileError, AppError: in one sentence, for what has to be mended.

    """
    if plan.app is None:
        from stackmatrix.testbed import overridden

        installed = overridden.install(plan.cells, plan.catalogue, plan.interpreters, say)
        need_both(plan, replace(request, catalogue=installed))
        yield replace(request, catalogue=installed)
    elif plan.base.kind in ("python", "stack"):
        from stackmatrix.commands import own_app

        with own_app.ready(plan.app, request, plan.interpreters, say) as prepared:
            need_both(plan, prepared)
            yield prepared
    else:
        with two_apps.ready(plan.app, (plan.base, plan.head), request, plan.interpreters, say) as prepared:
            yield prepared


def need_both(plan: Plan, request: "Request") -> None:
    """Refuse to measure one side alone.

    Raises:
        AppError: when nothing of a side can be measured, with the reason.

    """
    missing = environments.find_missing(plan.cells, request.nox_report, request.catalogue)
    for side in (plan.base, plan.head):
        cells = [cell for cell in plan.cells if Runtime.of(cell.python).side == side.label]
        if all(cell in missing for cell in cells):
            reasons = dict.fromkeys(missing[cell].reason for cell in cells)
            said = "; ".join(reasons).replace("--with ", "").rstrip(".")
            raise AppError(f"{side.side.title} ({side.label}) cannot be measured: {said}.")
