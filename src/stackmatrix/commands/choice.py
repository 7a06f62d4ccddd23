"""Which cells were asked for: of the built-in site, or of an application of somebody's own."""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.commands.options import RESULTS, SMOKE_RESULTS, machine_name, results_of
from stackmatrix.errors import EnvironmentMissingError, UsageError
from stackmatrix.matrix.app_file import AppFile, read
from stackmatrix.matrix.app_workloads import ALL_PAGES
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import DEFAULT_TAG, Cell, choose, choose_stacks, make_cells, why_not_served
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.pythons import FREE_THREADED, PYTHONS, Runtime, parse_overrides
from stackmatrix.matrix.workloads import DEFAULT_WORKLOADS, EVERY_WORKLOAD
from stackmatrix.measurements.request import Request
from stackmatrix.system import interpreters
from stackmatrix.testbed.environments import session_name, why_excluded


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for. ``interpreters`` are those that were named by their path, by their place on the axis."""

    app: AppFile | None
    catalogue: Catalogue
    cells: tuple[Cell, ...]
    interpreters: dict[str, Path]

    @property
    def is_one_stack(self) -> bool:
        return len({cell.stack for cell in self.cells}) == 1

    def print_sessions(self) -> None:
        """Print the nox sessions that install what cells need; what has no lock file the harness installs itself."""
        if self.app is None:
            print_sessions(self.cells)


def choose_cells(options: argparse.Namespace) -> Choice:
    """The cells that were asked for, with those that cannot be measured anywhere among them.

    Raises:
        UsageError: for what is not known, and where none of them can be measured.
        AppFileError: for what the file of an application says.

    """
    app, catalogue, default = None, BUILT_IN_CATALOGUE, ",".join(DEFAULT_WORKLOADS)
    pythons: Sequence[str] = PYTHONS
    stacks = options.stacks
    if options.app is not None:
        # Only who has an application pays for what it needs.
        from stackmatrix.application.environments import pythons_of
        from stackmatrix.commands.own_app import catalogue_of

        app = read(options.app)
        catalogue, pythons, default = catalogue_of(app), pythons_of(app), ALL_PAGES
        stacks = stacks or ",".join([DEFAULT_TAG, *(stack.name for stack in app.stacks)])
    named = named_interpreters(asked_pythons(options, pythons))
    cells = make_cells(
        choose_stacks(stacks, catalogue.stacks),
        choose_pythons(options, pythons, tuple(named)),
        choose_workloads(options.workload, catalogue, default),
    )
    if not cells:
        raise UsageError(f"None of the stacks can serve this application: choose from {', '.join(catalogue.stacks)}.")
    reasons = [why_not_served(cell) for cell in cells] if app is None else [None]
    if all(reasons):
        names = ", ".join(dict.fromkeys(cell.stack for cell in cells))
        raise UsageError(f"Nothing is left to measure with {names}: {reasons[0]}.")
    return Choice(app, catalogue, cells, named)


def choose_workloads(wanted: str | None, catalogue: Catalogue, default: str) -> tuple[str, ...]:
    """The workloads of a comma-separated choice, in the order of the table.

    Raises:
        UsageError: for one that is not known.

    """
    chosen = choose("workload", wanted or default, (*catalogue.workloads, EVERY_WORKLOAD))
    return tuple(catalogue.workloads) if EVERY_WORKLOAD in chosen else chosen


def asked_pythons(options: argparse.Namespace, usual: Sequence[str]) -> list[str]:
    """What ``--pythons`` names, by version or by path; the usual ones where it was not given."""
    return [one.strip() for one in (usual if options.pythons is None else options.pythons.split(",")) if one.strip()]


def named_interpreters(asked: Sequence[str]) -> dict[str, Path]:
    """The interpreters that were named by their path, by their place on the axis.

    Raises:
        UsageError: for what is no Python, and for two that would be called the same.

    """
    named: dict[str, Path] = {}
    for path in (Path(one).expanduser() for one in asked if "/" in one):
        name = interpreters.call(path)
        if named.setdefault(name, path) != path:
            raise UsageError(
                f"{named[name]} and {path} would both be called {name}: leave one out, or name it by a link whose "
                "folder is called otherwise."
            )
    return named


def choose_pythons(options: argparse.Namespace, usual: Sequence[str], by_path: Sequence[str]) -> tuple[str, ...]:
    """The chosen places on the axis of Pythons: each interpreter as locked, and with each ``--with``.

    Raises:
        UsageError: for what is not known, or no requirement.

    """
    chosen = tuple(one for one in asked_pythons(options, usual) if "/" not in one)
    if options.pythons is not None and (chosen or not by_path):
        chosen = choose("Python", ",".join(chosen), (*PYTHONS, *FREE_THREADED))
    overridden = [(), *dict.fromkeys(parse_overrides(text) for text in options.overrides)]
    return tuple(str(Runtime(one, some)) for one in (*chosen, *by_path) for some in overridden)


def print_sessions(cells: Sequence[Cell]) -> None:
    """Print the nox sessions whose environments cells need, one a line; excluded cells need none.

    Raises:
        EnvironmentMissingError: when all cells are excluded.

    """
    reasons = [why_excluded(cell) for cell in cells]
    if all(reasons):
        raise EnvironmentMissingError(f"{reasons[0]}.")
    there = (cell for cell, reason in zip(cells, reasons, strict=True) if reason is None)
    locked = (session_name(cell) for cell in there if Runtime.of(cell.python).is_locked)
    for name in dict.fromkeys(locked):
        print(name)


def make_request(options: argparse.Namespace, profile: Profile, choice: Choice) -> Request:
    """What was asked for.

    Raises:
        UsageError: for what cannot be.

    """
    if options.results.resolve() == RESULTS:
        options.results = RESULTS if profile.compares else SMOKE_RESULTS
    options.results = results_of(options.results.resolve(), choice.app.name if choice.app is not None else None)
    return Request(
        cells=choice.cells,
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        folder=options.results,
        machine_name=machine_name(options),
        nox_report=options.nox_report,
        generators=options.processes,
        fail_on_missing=options.fail_on_missing,
        minutes=profile.minutes,
        catalogue=choice.catalogue,
    )
