"""Count the instructions that a request costs, with callgrind: no noise, no time. At 1 and at 20 requests in flight."""

import argparse

from rich.console import Console

from stackmatrix.count_runner import CountPlan, CountRunner
from stackmatrix.counted import compare_rows
from stackmatrix.summary import summarize_cell
from stackmatrix.tables import counted_table, make_console
from stackmatrix.verbs.ends import commit_parts, need_all, tell_paths
from stackmatrix.verbs.options import add_cell_options, choose_cells, machine_name, print_sessions, repeat_count

REPEATS = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_cell_options(parser)
    told = f"fresh starts of each cell; default: {REPEATS}"
    parser.add_argument("--repeats", type=repeat_count, default=REPEATS, metavar="N", help=told)


def execute(options: argparse.Namespace) -> int:
    """Count, show, and commit if asked."""
    if options.list:
        print_sessions(choose_cells(options))
        return 0
    count(make_runner(options, options.repeats, make_console()), commit=options.commit)
    return 0


def make_runner(options: argparse.Namespace, repeats: int, console: Console) -> CountRunner:
    """What counts the cells that were asked for."""
    plan = CountPlan(
        cells=choose_cells(options),
        repeats=repeats,
        folder=options.results.resolve(),
        machine_name=machine_name(options),
        nox_report=options.nox_report,
    )
    return CountRunner(plan, console)


def count(runner: CountRunner, *, commit: bool) -> None:
    """Count every cell, print a table, and commit if asked.

    Raises:
        CellsFailedError: when a cell could not be counted.

    """
    try:
        runner.run()
    finally:
        rows = [summarize_cell(one.result) for one in runner.written]
        for workload in dict.fromkeys(row.cell.workload for row in rows):
            counted = compare_rows(row for row in rows if row.cell.workload == workload)
            if counted:
                runner.console.print(counted_table(counted))
        tell_paths(runner.console, runner.written)
    if commit:
        commit_parts(runner.written, f"Count the instructions of {len(runner.written)} cells on {runner.machine_name}")
    need_all(runner.failed, "counted")
