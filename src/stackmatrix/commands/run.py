"""Trials of the chosen cells; then, if asked, their cost side by side, their capacity and their instructions."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stackmatrix.commands.options import (
    add_blocks,
    add_cell_options,
    add_processes,
    add_seed,
    choose_cells,
    is_listing,
    make_request,
    seconds,
    window_seconds,
)
from stackmatrix.errors import CellsFailedError, UsageError
from stackmatrix.matrix.cells import choose_one
from stackmatrix.matrix.ladder import LoadLevel, LoadModel, parse_ladder
from stackmatrix.matrix.profiles import (
    CAPACITY_BLOCKS,
    COST_BLOCKS,
    COUNT_REPEATS,
    LONGEST_PROBE_S,
    PROFILES,
    Profile,
    adjust,
)
from stackmatrix.results.model import Result


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cell_options(parser)
    profiles = "; ".join(f"{profile.name}: {profile.summary}" for profile in PROFILES.values())
    parser.add_argument("--profile", default="quick", help=f"how much evidence ({profiles})")
    parser.add_argument("--users", metavar="N,M", help="closed-loop levels, such as 1,10,50")
    parser.add_argument("--rates", metavar="R,S", help="open-loop levels in arrivals per second, such as 5,10,20")
    parser.add_argument("--window", type=window_seconds, metavar="S", help="seconds measured at each level")
    parser.add_argument("--warmup", type=seconds, metavar="S", help="seconds of load before the first level")
    add_blocks(parser, "how often each cell is measured", None)
    add_seed(parser)
    parser.add_argument("--all-levels", action="store_true", help="drive the levels beyond saturation, too")
    add_processes(parser)
    parser.add_argument("--rows", type=Path, metavar="DIR", help="keep every single request in this folder")
    parser.add_argument("--fail-on-missing", action="store_true", help="fail when a Python cannot be had")
    parser.add_argument("--count", action="store_true", help="then count every cell's instructions, too (valgrind)")
    side_by_side = "then measure every cell's cost side by side, too, as standard and rigorous do; or do not"
    parser.add_argument("--cost", action=argparse.BooleanOptionalAction, help=side_by_side)
    parser.add_argument("--capacity", action="store_true", help="then search every cell's capacity under SLOs, too")


def execute(options: argparse.Namespace) -> int:
    """Measure everything that was asked for.

    Raises:
        CellsFailedError: when a cell failed; everything else was done before.

    """
    profile = choose_profile(options)
    if is_listing(options):
        return 0
    from stackmatrix.commands import capacity, cost, count
    from stackmatrix.measurements.instructions.kind import need_counter

    if options.count:
        need_counter()
    failed = None
    try:
        measure_trials(options, profile)
    except CellsFailedError as error:
        failed = error
    # A cell alone has nothing to stand beside.
    if profile.costs and len(choose_cells(options)) > 1 if options.cost is None else options.cost:
        cost.measure_cost(options, max(COST_BLOCKS, profile.blocks), None)
    if options.capacity:
        capacity.search(options, blocks=CAPACITY_BLOCKS, longest_s=LONGEST_PROBE_S)
    if options.count:
        count.count(options, COUNT_REPEATS)
    if failed is not None:
        raise failed
    return 0


def measure_trials(options: argparse.Namespace, profile: Profile) -> None:
    from stackmatrix.commands.measuring import measure
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.measurements.trials.kind import Trials
    from stackmatrix.report.tables import level_table
    from stackmatrix.report.terminal import make_console

    console = make_console()

    def show(results: Sequence[Result]) -> None:
        measured = [one for one in results if one.trials]
        if measured:
            console.print(level_table(measured))

    kind = Trials(profile, all_levels=options.all_levels, rows_folder=options.rows)
    runner = Runner(make_request(options, profile, generators=options.processes), kind, console)
    measure(runner, show, f"Measure with profile {profile.name}", commit=options.commit)


def choose_profile(options: argparse.Namespace) -> Profile:
    """The profile that was asked for, with the choices that were given put in its place.

    Raises:
        UsageError: for what is not known or cannot be.

    """
    profile = PROFILES[choose_one("profile", options.profile, tuple(PROFILES))]
    if options.commit and not profile.compares:
        raise UsageError(
            f"A {profile.name} run proves that everything works, and what it measures is no evidence to commit: "
            "leave out --commit, or choose another --profile."
        )
    ladder = (*_levels("closed", options.users), *_levels("open", options.rates))
    return adjust(
        profile, ladder=ladder or None, window_s=options.window, warmup_s=options.warmup, blocks=options.blocks
    )


def _levels(model: LoadModel, text: str | None) -> tuple[LoadLevel, ...]:
    return parse_ladder(model, text) if text is not None else ()
