"""CPU time per request, all chosen cells side by side."""

import argparse
from collections.abc import Sequence

from stackmatrix.commands.options import (
    add_blocks,
    add_cell_options,
    add_seed,
    is_listing,
    make_request,
    window_seconds,
)
from stackmatrix.matrix.profiles import COST_BLOCKS, COST_REQUESTS
from stackmatrix.results.model import Result


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cell_options(parser)
    add_blocks(parser, f"how often each cell is started and measured; default: {COST_BLOCKS}", COST_BLOCKS)
    window = f"seconds measured in each block; default: as long as {COST_REQUESTS} requests of each cell take"
    parser.add_argument("--window", type=window_seconds, metavar="S", help=window)
    add_seed(parser)


def execute(options: argparse.Namespace) -> int:
    if not is_listing(options):
        measure_cost(options, options.blocks, options.window)
    return 0


def measure_cost(options: argparse.Namespace, blocks: int, window_s: float | None) -> None:
    from stackmatrix.analysis.comparison.compare import compare_results
    from stackmatrix.analysis.metrics import COST
    from stackmatrix.commands.measuring import measure
    from stackmatrix.measurements.cost.kind import CostBlocks
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.report.tables import cost_table, verdict_table
    from stackmatrix.report.terminal import make_console

    console = make_console()

    def show(results: Sequence[Result]) -> None:
        if results:
            console.print(cost_table(results))
        for family in compare_results(results):
            if family.metric is COST:
                console.print(verdict_table(family))

    runner = Runner(make_request(options), CostBlocks(blocks=blocks, window_s=window_s), console)
    measure(runner, show, "Measure the cost side by side", commit=options.commit)
