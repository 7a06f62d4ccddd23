"""Measure the chosen cells, write their result files, and print a small table."""

import argparse

from rich.console import Console

from stackmatrix.commands import capacity, cost, count
from stackmatrix.commands.options import add_run_options, make_run_plan, print_sessions
from stackmatrix.errors import CellsFailedError
from stackmatrix.measurements.trials.runner import Runner
from stackmatrix.report.terminal import level_table, make_console
from stackmatrix.results.store import Written
from stackmatrix.system import git


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_run_options(parser)
    parser.add_argument("--count", action="store_true", help="then count every cell's instructions, too (valgrind)")
    told = "then measure every cell's cost side by side, too, as standard and rigorous do; or do not"
    parser.add_argument("--cost", action=argparse.BooleanOptionalAction, help=told)
    parser.add_argument("--capacity", action="store_true", help="then search every cell's capacity under SLOs, too")


def execute(options: argparse.Namespace) -> int:
    """Run, show, and commit if asked; then measure side by side, search capacities and count, if asked.

    Raises:
        CellsFailedError: when a cell failed; everything else was done before.

    """
    plan = make_run_plan(options)
    if options.list:
        print_sessions(plan.cells)
        return 0
    console = make_console()
    counter = count.make_runner(options, count.REPEATS, console) if options.count else None
    if counter is not None:
        counter.check()
    failed = measure(Runner(plan, console), console, commit=options.commit)
    # A cell alone has nobody to sit beside.
    if plan.profile.costs and len(plan.cells) > 1 if options.cost is None else options.cost:
        blocks = max(cost.BLOCKS, plan.profile.blocks)
        cost.measure(cost.make_runner(options, console, blocks, None), commit=options.commit)
    if options.capacity:
        longest_s = capacity.LONGEST_S
        runner = capacity.make_runner(options, console, blocks=capacity.BLOCKS, longest_s=longest_s)
        capacity.search(runner, commit=options.commit)
    if counter is not None:
        count.count(counter, commit=options.commit)
    if failed is not None:
        raise failed
    return 0


def measure(runner: Runner, console: Console, *, commit: bool) -> CellsFailedError | None:
    """Measure every cell, print the levels, and commit if asked; returns what is to be said of cells that failed."""
    written: list[Written] = []
    try:
        written = runner.run()
    finally:
        # After Ctrl-C, too: what was measured until then is there and worth seeing.
        show(console, written or list(runner.written.values()))
    if commit and written:
        git.commit([one.path for one in written], commit_message(written, runner.machine_name))
    ended = {**{one.result.cell: one.result.status for one in written}, **runner.stays}
    failed = [cell for cell, status in ended.items() if status.state in ("failed", "unstable")] + runner.kept
    if failed:
        share = f"{len(failed)} of {len(ended) + len(runner.kept)} cells failed"
        return CellsFailedError(f"{share} ({'; '.join(map(str, failed))}): their files or the lines above say why.")
    return None


def show(console: Console, written: list[Written]) -> None:
    """Print the levels of what was measured, and where it is."""
    measured = [one for one in written if one.result.trials]
    if measured:
        console.print(level_table([one.result for one in measured]))
    for one in written:
        console.print(str(one.path), soft_wrap=True, highlight=False, markup=False)


def commit_message(written: list[Written], machine: str) -> str:
    """Machine, cells and profile, as the history of results should tell them."""
    results = [one.result for one in written]
    run = results[0].run
    assert run is not None
    pythons = ", ".join(dict.fromkeys(result.cell.python for result in results))
    stacks = ", ".join(dict.fromkeys(result.cell.stack for result in results))
    workloads = ", ".join(dict.fromkeys(result.cell.workload for result in results))
    return (
        f"Measure {len(results)} cells on {machine}, profile {run.profile}\n\n"
        f"Stacks: {stacks}\nPythons: {pythons}\nWorkloads: {workloads}\nRun: {run.id}, seed {run.seed}\n"
    )
