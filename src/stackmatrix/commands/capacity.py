"""The highest rate of arrivals at which latency objectives are kept."""

import argparse
from collections.abc import Sequence

from stackmatrix.commands.options import (
    add_blocks,
    add_cell_options,
    add_processes,
    add_seed,
    is_listing,
    make_request,
    window_seconds,
)
from stackmatrix.matrix.profiles import CAPACITY_BLOCKS, LONGEST_PROBE_S
from stackmatrix.results.model import Result


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cell_options(parser)
    add_blocks(
        parser, f"fresh starts that confirm what the search has found; default: {CAPACITY_BLOCKS}", CAPACITY_BLOCKS
    )
    longest = f"seconds after which an undecided probe ends; default: {LONGEST_PROBE_S:g}"
    parser.add_argument("--window", type=window_seconds, default=LONGEST_PROBE_S, metavar="S", help=longest)
    add_seed(parser)
    add_processes(parser)


def execute(options: argparse.Namespace) -> int:
    if not is_listing(options):
        search(options, blocks=options.blocks, longest_s=options.window)
    return 0


def search(options: argparse.Namespace, *, blocks: int, longest_s: float) -> None:
    from stackmatrix.analysis.summary import summarize_cell
    from stackmatrix.commands.measuring import measure
    from stackmatrix.measurements.capacity.kind import CapacitySearch
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.report.tables import capacity_table
    from stackmatrix.report.terminal import make_console

    console = make_console()

    def show(results: Sequence[Result]) -> None:
        rows = [summarize_cell(one) for one in results]
        for workload in dict.fromkeys(row.cell.workload for row in rows):
            console.print(capacity_table([row for row in rows if row.cell.workload == workload]))

    runner = Runner(
        make_request(options, generators=options.processes),
        CapacitySearch(confirmations=blocks, longest_s=longest_s),
        console,
    )
    measure(runner, show, "Search the capacity", commit=options.commit)
