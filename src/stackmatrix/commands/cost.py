"""Measure the CPU time that a request costs on all chosen cells side by side, in blocks, each with an A/A twin."""

import argparse
import random

from rich.console import Console

from stackmatrix.analysis.comparison.compare import compare_results
from stackmatrix.analysis.metrics import COST_FIGURE
from stackmatrix.commands.ends import commit_parts, need_all, tell_paths
from stackmatrix.commands.options import (
    add_cell_options,
    block_count,
    choose_cells,
    machine_name,
    print_sessions,
    window_seconds,
)
from stackmatrix.measurements.cost.runner import REQUESTS, CostOrder, CostRunner
from stackmatrix.report.terminal import cost_table, make_console, verdict_table

BLOCKS = 7
"""One more than a verdict needs."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_cell_options(parser)
    blocks = f"how often each cell is started and measured; default: {BLOCKS}"
    parser.add_argument("--blocks", type=block_count, default=BLOCKS, metavar="N", help=blocks)
    window = f"seconds measured in each block; default: as long as {REQUESTS} requests of each cell take"
    parser.add_argument("--window", type=window_seconds, metavar="S", help=window)
    parser.add_argument("--seed", type=int, metavar="N", help="for the order of cells and the plan of arrivals")


def execute(options: argparse.Namespace) -> int:
    """Measure, show, and commit if asked."""
    if options.list:
        print_sessions(choose_cells(options))
        return 0
    measure(make_runner(options, make_console(), options.blocks, options.window), commit=options.commit)
    return 0


def make_runner(options: argparse.Namespace, console: Console, blocks: int, window_s: float | None) -> CostRunner:
    """What measures the cells that were asked for."""
    order = CostOrder(
        cells=choose_cells(options),
        blocks=blocks,
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        folder=options.results.resolve(),
        window_s=window_s,
        machine_name=machine_name(options),
        nox_report=options.nox_report,
    )
    return CostRunner(order, console)


def measure(runner: CostRunner, *, commit: bool) -> None:
    """Measure every block, print what it tells, and commit if asked.

    Raises:
        CellsFailedError: when a cell could not be measured.

    """
    try:
        runner.run()
    finally:
        written = runner.written
        if written:
            runner.console.print(cost_table([one.result for one in written]))
        for family in compare_results([one.result for one in written]):
            if family.figure is COST_FIGURE:
                runner.console.print(verdict_table(family))
        tell_paths(runner.console, written)
    if commit:
        commit_parts(written, f"Measure the cost of {len(written)} cells side by side on {runner.machine_name}")
    need_all(runner.failed, "measured")
