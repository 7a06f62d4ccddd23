"""The pages, charts and report of the results, and their tables in the terminal."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.commands.options import add_results
from stackmatrix.errors import ResultFileError, ResultsFolderError

if TYPE_CHECKING:
    from stackmatrix.analysis.summary import MachineSummary

MOST_IN_DETAIL = 8
"""Machines of which everything is printed: with more, nobody would find the one that they look for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every level of every trial as a table, too")
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="the same table as Parquet")
    parser.add_argument("--hlog", type=Path, metavar="FILE", help="write every histogram in HdrHistogram's log format")


def execute(options: argparse.Namespace) -> int:
    """Read everything, write the pages, print the tables.

    Raises:
        ResultFileError: at the very end, when a file had to be left out.

    """
    folder: Path = options.results.resolve()
    if not folder.is_dir():
        raise ResultsFolderError(f"There is no results folder {folder}: make results with nox -s matrix.")
    from stackmatrix.report import svg

    # Charts are drawn in a process beside, which begins while this one still imports what it needs.
    with svg.drawn_beside() as draw:
        from stackmatrix.report import publishing

        published = publishing.publish(folder, draw)
    published.write_exports(options.csv, options.parquet, options.hlog)
    show(published.machines)
    print(f"Written: {folder / 'README.md'}")
    if left_out := published.left_out:
        raise ResultFileError(f"Left out {len(left_out)} of the files: " + " ".join(left_out))
    return 0


def show(machines: "Sequence[MachineSummary]") -> None:
    """Print the tables that the page begins with, and where there are not too many machines, all others."""
    from stackmatrix.report import tables, words
    from stackmatrix.report.terminal import make_console

    console = make_console()
    in_detail = len(machines) <= MOST_IN_DETAIL
    for machine in machines:
        for workload in machine.workloads:
            for table in tables.of_workload(machine, workload, in_detail=in_detail):
                console.print(table)
        for sentence in (*map(words.refusal, machine.refused), *words.skipped(machine)):
            console.print(sentence, markup=False, highlight=False)
    if not in_detail:
        console.print("With more than eight machines, verdicts, capacities and counts are only in the page.")
