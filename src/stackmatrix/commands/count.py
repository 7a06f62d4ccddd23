"""Count the instructions that a request costs, with callgrind: no noise, no time. At 1 and at 20 requests in flight."""

import argparse

from rich.console import Console

from stackmatrix.analysis.comparison.counts import compare_counts
from stackmatrix.commands.ends import commit_parts, need_all, tell_paths
from stackmatrix.commands.options import add_cell_options, choose_cells, machine_name, print_sessions, repeat_count
from stackmatrix.measurements.instructions.runner import CountPlan, CountRunner
from stackmatrix.report.terminal import counted_table, make_console

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
        results = [one.result for one in runner.written]
        for workload in dict.fromkeys(one.cell.workload for one in results):
            counted = {
                one.cell: one.instructions for one in results if one.cell.workload == workload and one.instructions
            }
            if compared := compare_counts(counted):
                runner.console.print(counted_table(compared))
        tell_paths(runner.console, runner.written)
    if commit:
        commit_parts(runner.written, f"Count the instructions of {len(runner.written)} cells on {runner.machine_name}")
    need_all(runner.failed, "counted")
