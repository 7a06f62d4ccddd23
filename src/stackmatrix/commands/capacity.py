"""Find the highest rate of arrivals at which p99 stays within 660, 750, 900 and 1200 ms, and confirm it in blocks."""

import argparse
import random

from rich.console import Console

from stackmatrix.analysis.summary import summarize_cell
from stackmatrix.commands.ends import commit_parts, need_all, tell_paths
from stackmatrix.commands.options import (
    add_cell_options,
    block_count,
    choose_cells,
    machine_name,
    print_sessions,
    process_count,
    window_seconds,
)
from stackmatrix.measurements.capacity.runner import CapacityOrder, CapacityRunner
from stackmatrix.report.terminal import capacity_table, make_console

BLOCKS = 6
LONGEST_S = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_cell_options(parser)
    blocks = f"fresh starts that confirm what the search has found; default: {BLOCKS}"
    parser.add_argument("--blocks", type=block_count, default=BLOCKS, metavar="N", help=blocks)
    longest = f"seconds after which an undecided probe ends; default: {LONGEST_S:g}"
    parser.add_argument("--window", type=window_seconds, default=LONGEST_S, metavar="S", help=longest)
    parser.add_argument("--seed", type=int, metavar="N", help="for the order of cells and the plan of arrivals")
    parser.add_argument("--processes", type=process_count, default=1, metavar="N", help="locust processes; default: 1")


def execute(options: argparse.Namespace) -> int:
    """Search, show, and commit if asked."""
    if options.list:
        print_sessions(choose_cells(options))
        return 0
    runner = make_runner(options, make_console(), blocks=options.blocks, longest_s=options.window)
    search(runner, commit=options.commit)
    return 0


def make_runner(options: argparse.Namespace, console: Console, *, blocks: int, longest_s: float) -> CapacityRunner:
    """What searches the cells that were asked for."""
    order = CapacityOrder(
        cells=choose_cells(options),
        blocks=blocks,
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        longest_s=longest_s,
        folder=options.results.resolve(),
        machine_name=machine_name(options),
        nox_report=options.nox_report,
        generators=options.processes,
    )
    return CapacityRunner(order, console)


def search(runner: CapacityRunner, *, commit: bool) -> None:
    """Search every cell, print a table, and commit if asked.

    Raises:
        CellsFailedError: when a cell could not be searched.

    """
    try:
        runner.run()
    finally:
        written = list(runner.written.values())
        rows = [summarize_cell(one.result) for one in written]
        for workload in dict.fromkeys(row.cell.workload for row in rows):
            runner.console.print(capacity_table([row for row in rows if row.cell.workload == workload]))
        tell_paths(runner.console, written)
    if commit:
        commit_parts(written, f"Search the capacity of {len(written)} cells on {runner.machine_name}")
    need_all(runner.failed, "searched")
