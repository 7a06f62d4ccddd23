"""Options that several commands share, and what is made of them."""

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from stackmatrix.errors import EnvironmentMissingError, UsageError
from stackmatrix.matrix.cells import DEFAULT_TAG, Cell, choose, choose_stacks, make_cells, why_not_served
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.pythons import FREE_THREADED, PYTHONS, Runtime, parse_overrides
from stackmatrix.matrix.workloads import DEFAULT_WORKLOADS, WORKLOADS
from stackmatrix.measurements.request import Request
from stackmatrix.system import interpreters
from stackmatrix.system.processes import PROJECT
from stackmatrix.testbed.environments import session_name, why_excluded

RESULTS = PROJECT / "results"
SMOKE_RESULTS = PROJECT / ".nox" / "smoke-results"
"""What only proves the wiring is no evidence, and stays apart from it."""
LONGEST_S, LONGEST_MINUTES = 3600.0, 1440.0


def seconds(text: str) -> float:
    """A time from 0 to an hour, in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {LONGEST_S:g}")
    return value


def window_seconds(text: str) -> float:
    """A window's length: at least a second."""
    value = seconds(text)
    if value < 1:
        raise argparse.ArgumentTypeError("a window has at least one second")
    return value


def minutes(text: str) -> float:
    """A time of measuring, above 0 and up to a day, in minutes."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= LONGEST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0, up to {LONGEST_MINUTES:g}")
    return value


def _count(what: str, most: int) -> Callable[[str], int]:

    def read(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {what} from 1 to {most}")
        return int(text)

    return read


block_count, process_count = _count("blocks", 16), _count("processes", 16)


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="results folder")


def add_listing(parser: argparse.ArgumentParser) -> None:
    """What the noxfile needs to install environments first: their sessions, and how installing them went."""
    parser.add_argument("--list", action="store_true", help="only print the nox sessions that install what is needed")
    parser.add_argument("--nox-report", type=Path, help=argparse.SUPPRESS)


def add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", metavar="NAME", help="folder of this machine's results; default: a slug of it")


def add_blocks(parser: argparse.ArgumentParser, summary: str) -> None:
    parser.add_argument("--blocks", type=block_count, metavar="N", help=summary)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as data, too")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """What makes everything random the same again."""
    parser.add_argument("--seed", type=int, metavar="N", help="for the order of cells and the plan of arrivals")


def add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=process_count, default=1, metavar="N", help="locust processes; default: 1")


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Everything that says which cells, and where their files are."""
    parser.add_argument("--stacks", metavar="A,B", help=f"which stacks, by name or tag; default: {DEFAULT_TAG}")
    pythons = "which Pythons, by version (3.14t: without the GIL) or path; default: the plain ones that are there"
    parser.add_argument("--pythons", metavar="3.12,3.13", help=pythons)
    overridden = "cells with other packages beside those as locked, such as 'django==5.2.*'; may be repeated"
    parser.add_argument("--with", action="append", default=[], dest="overrides", metavar="A==1", help=overridden)
    workloads = f"which workloads ({', '.join(WORKLOADS)}), or all; default: {','.join(DEFAULT_WORKLOADS)}"
    parser.add_argument("--workload", metavar="A,B", help=workloads)
    add_machine(parser)
    parser.add_argument("--commit", action="store_true", help="commit exactly the result files that were written")
    add_listing(parser)
    add_results(parser)


def machine_name(options: argparse.Namespace) -> str | None:
    """The name that was given for the machine's folder.

    Raises:
        UsageError: when no folder can have it.

    """
    name: str | None = options.machine
    if name is not None and (name != Path(name).name or not name.strip(".")):
        raise UsageError(f"--machine names a folder below the results, and {name!r} cannot be one.")
    return name


def choose_cells(options: argparse.Namespace) -> tuple[Cell, ...]:
    """The cells that were asked for, with those that cannot be measured anywhere among them.

    Raises:
        UsageError: for what is not known, and where none of them can be measured.

    """
    cells = make_cells(
        choose_stacks(options.stacks),
        choose_pythons(options),
        choose_workloads(options.workload),
    )
    reasons = [why_not_served(cell) for cell in cells]
    if all(reasons):
        names = ", ".join(dict.fromkeys(cell.stack for cell in cells))
        raise UsageError(f"Nothing is left to measure with {names}: {reasons[0]}.")
    return cells


def choose_workloads(wanted: str | None) -> tuple[str, ...]:
    """The workloads of a comma-separated choice, in the order of the table.

    Raises:
        UsageError: for one that is not known.

    """
    chosen = choose("workload", wanted or ",".join(DEFAULT_WORKLOADS), (*WORKLOADS, ALL))
    return tuple(WORKLOADS) if ALL in chosen else chosen


ALL = "all"
"""Chooses every workload."""


def named_interpreters(options: argparse.Namespace) -> dict[str, Path]:
    """The interpreters that were named by their path, by their place on the axis.

    Raises:
        UsageError: for what is no Python.

    """
    named = [Path(one.strip()).expanduser() for one in (options.pythons or "").split(",") if "/" in one]
    return {interpreters.call(path): path for path in named}


def choose_pythons(options: argparse.Namespace) -> tuple[str, ...]:
    """The chosen places on the axis of Pythons: each interpreter as locked, and with each ``--with``.

    Raises:
        UsageError: for what is not known, or no requirement.

    """
    by_path, texts = tuple(named_interpreters(options)), (options.pythons or "").split(",")
    names = ",".join(one for one in texts if one.strip() and "/" not in one)
    chosen = choose("Python", names, (*PYTHONS, *FREE_THREADED)) if names else () if by_path else PYTHONS
    overridden = [(), *dict.fromkeys(parse_overrides(text) for text in options.overrides)]
    return tuple(str(Runtime(one, some)) for one in (*chosen, *by_path) for some in overridden)


def is_listing(options: argparse.Namespace) -> bool:
    """Whether only the nox sessions were asked for, which are then printed."""
    cells = choose_cells(options)
    if options.list:
        print_sessions(cells)
    return bool(options.list)


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
    print("\n".join(dict.fromkeys(locked)))


def make_request(options: argparse.Namespace, profile: Profile) -> Request:
    """What was asked for.

    Raises:
        UsageError: for what is not known or cannot be.

    """
    if options.results.resolve() == RESULTS and not profile.compares:
        options.results = SMOKE_RESULTS
    return Request(
        cells=choose_cells(options),
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        folder=options.results.resolve(),
        machine_name=machine_name(options),
        nox_report=options.nox_report,
        generators=options.processes,
        fail_on_missing=options.fail_on_missing,
        minutes=profile.minutes,
    )
