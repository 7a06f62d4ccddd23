"""Instructions per request, counted."""

import argparse
from collections.abc import Sequence

from stackmatrix.commands.options import add_cell_options, is_listing, make_request, repeat_count
from stackmatrix.matrix.profiles import COUNT_REPEATS
from stackmatrix.results.model import Result


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cell_options(parser)
    repeats = f"fresh starts of each cell; default: {COUNT_REPEATS}"
    parser.add_argument("--repeats", type=repeat_count, default=COUNT_REPEATS, metavar="N", help=repeats)


def execute(options: argparse.Namespace) -> int:
    if not is_listing(options):
        count(options, options.repeats)
    return 0


def count(options: argparse.Namespace, repeats: int) -> None:
    from stackmatrix.analysis.comparison.counts import compare_counts
    from stackmatrix.commands.measuring import measure
    from stackmatrix.measurements.instructions.kind import InstructionCounts
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.report.tables import counted_table
    from stackmatrix.report.terminal import make_console

    console = make_console()

    def show(results: Sequence[Result]) -> None:
        for workload in dict.fromkeys(one.cell.workload for one in results):
            some = [one for one in results if one.cell.workload == workload]
            compared = compare_counts({one.cell: one.instructions for one in some if one.instructions})
            if compared:
                console.print(counted_table(compared))

    runner = Runner(make_request(options), InstructionCounts(repeats=repeats), console)
    measure(runner, show, "Count instructions", commit=options.commit)
