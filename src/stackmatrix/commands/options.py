"""Options that several commands share, and what is made of them."""

import argparse
from collections.abc import Callable
from pathlib import Path

from stackmatrix.errors import UsageError
from stackmatrix.matrix.cells import DEFAULT_TAG
from stackmatrix.matrix.stacks.stack import FIRST_PORT, FIRST_STATS_PORT
from stackmatrix.matrix.workloads import DEFAULT_WORKLOADS, WORKLOADS
from stackmatrix.outside.text import one_line, why_no_name
from stackmatrix.results.types import LARGEST_COUNT
from stackmatrix.system.ports import LAST_PORT
from stackmatrix.system.processes import PROJECT

RESULTS = PROJECT / "results"
SMOKE_RESULTS = PROJECT / ".nox" / "smoke-results"
"""What only proves the wiring is no evidence, and stays apart from it."""
FORMATS = ("text", "json", "markdown", "github", "bencher", "benchmark", "csv")
LONGEST_S, LONGEST_MINUTES = 3600.0, 1440.0
LONGEST_COUNT = 20
"""Digits of a whole number that is looked at."""


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


def seed(text: str) -> int:
    """What makes everything random the same again: a whole number that every tool can keep."""
    if not text.isdecimal() or len(text) > LONGEST_COUNT or int(text) > LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"{text[:LONGEST_COUNT]!r} is not a whole number from 0 to {LARGEST_COUNT}")
    return int(text)


def _count(what: str, most: int) -> Callable[[str], int]:

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > LONGEST_COUNT or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:LONGEST_COUNT]!r} is not a number of {what} from 1 to {most}")
        return int(text)

    return read


block_count, process_count, repeat_count = _count("blocks", 16), _count("processes", 16), _count("times", 100)


def _port(first: int) -> Callable[[str], int]:

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > len(str(LAST_PORT)) or not first <= int(text) < LAST_PORT:
            raise argparse.ArgumentTypeError(f"{text!r} is not a port from {first} to {LAST_PORT - 1}")
        return int(text)

    return read


LOWEST_PORT = 1024
"""Those below are root's."""
port_number, stack_port = _port(LOWEST_PORT), _port(LOWEST_PORT + FIRST_PORT - FIRST_STATS_PORT)


def add_port(parser: argparse.ArgumentParser) -> None:
    """Where the stacks are that are served by hand, and so their statistics."""
    what = f"the port of the first stack of the table, which the others follow; default: {FIRST_PORT}"
    parser.add_argument("--port", type=stack_port, default=FIRST_PORT, metavar="N", help=what)


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="results folder")


def add_listing(parser: argparse.ArgumentParser) -> None:
    """What the noxfile needs to install environments first: their sessions, and how installing them went."""
    parser.add_argument("--list", action="store_true", help="only print the nox sessions that install what is needed")
    parser.add_argument("--nox-report", type=Path, help=argparse.SUPPRESS)


def add_app(parser: argparse.ArgumentParser) -> None:
    file = "an application of your own: its stackmatrix.toml, its pyproject.toml, or their folder"
    parser.add_argument("--app", type=Path, metavar="FILE", help=file)


def add_overrides(parser: argparse.ArgumentParser, summary: str) -> None:
    parser.add_argument("--with", action="append", default=[], dest="overrides", metavar="A==1", help=summary)


def add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", metavar="NAME", help="folder of this machine's results; default: a slug of it")


def add_blocks(parser: argparse.ArgumentParser, summary: str) -> None:
    parser.add_argument("--blocks", type=block_count, metavar="N", help=summary)


def add_json(parser: argparse.ArgumentParser, data: str = "the verdicts") -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"write {data} as data, too")


def add_published(parser: argparse.ArgumentParser) -> None:
    """In which form a comparison is given, and where its files go."""
    what = "what standard output has; github also adds to the job's summary; default: text"
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=what)
    where = "write every form into this folder; default: the comparison's own"
    parser.add_argument("--output", type=Path, metavar="DIR", help=where)
    add_json(parser)


def add_seed(parser: argparse.ArgumentParser) -> None:
    """What makes everything random the same again."""
    parser.add_argument("--seed", type=seed, metavar="N", help="for the order of cells and the plan of arrivals")


def add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=process_count, default=1, metavar="N", help="locust processes; default: 1")


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Everything that says which cells, and where their files are."""
    parser.add_argument("--stacks", metavar="A,B", help=f"which stacks, by name or tag; default: {DEFAULT_TAG}")
    pythons = "which Pythons, by version (3.14t: without the GIL) or path; default: the plain ones that are there"
    parser.add_argument("--pythons", metavar="3.12,3.13", help=pythons)
    overridden = "cells with other packages beside those as locked, such as 'django==5.2.*'; may be repeated"
    add_overrides(parser, overridden)
    add_app(parser)
    workloads = f"which workloads ({', '.join(WORKLOADS)}), or all; default: {','.join(DEFAULT_WORKLOADS)}"
    parser.add_argument("--workload", metavar="A,B", help=workloads)
    add_machine(parser)
    parser.add_argument("--commit", action="store_true", help="commit exactly the result files that were written")
    add_listing(parser)
    add_results(parser)


def results_of(folder: Path, app: str | None) -> Path:
    """Where results of an application are: in a folder of its name, so that two of them never share a file."""
    return folder if app is None or folder.name == app else folder / app


def machine_name(options: argparse.Namespace) -> str | None:
    """The name that was given for the machine's folder.

    Raises:
        UsageError: when no folder can have it.

    """
    name: str | None = options.machine
    if name is not None and (why := why_no_name(name)):
        raise UsageError(f"--machine names a folder below the results, and {one_line(ascii(name))} {why}.")
    return name
