"""Options that several verbs share, and the run plan that they make."""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from stackmatrix.errors import EnvironmentMissingError, UsageError
from stackmatrix.matrix import cells, ladder
from stackmatrix.matrix import profiles as plan
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LoadModel
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.trials.runner import RunPlan
from stackmatrix.system.processes import PROJECT
from stackmatrix.testbed import environments

RESULTS = PROJECT / "results"
SMOKE_RESULTS = PROJECT / ".nox" / "smoke-results"
"""What only proves the wiring is no evidence, and stays apart from it."""
LONGEST_S = 3600.0
MOST_BLOCKS = 100
MOST_PROCESSES = 16
MOST_REPEATS = 100


def seconds(text: str) -> float:
    """A time from 0 to an hour, in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {LONGEST_S:g}")
    return value


def window_seconds(text: str) -> float:
    """A window's length: at least a second."""
    value = seconds(text)
    if value < 1:
        raise argparse.ArgumentTypeError("a window has at least one second")
    return value


def block_count(text: str) -> int:
    """How often each cell is measured."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_BLOCKS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of blocks from 1 to {MOST_BLOCKS}")
    return int(text)


def repeat_count(text: str) -> int:
    """How often each cell is counted from scratch."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_REPEATS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of repeats from 1 to {MOST_REPEATS}")
    return int(text)


def process_count(text: str) -> int:
    """How many processes of locust make the load."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to {MOST_PROCESSES}")
    return int(text)


def add_results(parser: argparse.ArgumentParser) -> None:
    """Where results are."""
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="results folder")


def add_listing(parser: argparse.ArgumentParser) -> None:
    """What the noxfile needs to install environments first: their sessions, and how installing them went."""
    parser.add_argument("--list", action="store_true", help="only print the nox sessions that install what is needed")
    parser.add_argument("--nox-report", type=Path, help=argparse.SUPPRESS)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Which machine's folder."""
    parser.add_argument("--machine", metavar="NAME", help="folder of this machine's results; default: a slug of it")


def machine_name(options: argparse.Namespace) -> str | None:
    """The name that was given for the machine's folder.

    Raises:
        UsageError: when no folder can have it.

    """
    name: str | None = options.machine
    if name is not None and (name != Path(name).name or not name.strip(".")):
        raise UsageError(f"--machine names a folder below the results, and {name!r} cannot be one.")
    return name


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Everything that says which cells, and where their files are."""
    parser.add_argument("--stacks", metavar="A,B", help="which stacks; default: all")
    parser.add_argument("--pythons", metavar="3.12,3.13", help="which Pythons; default: the whole axis")
    parser.add_argument("--workload", metavar="NAME", help="which workloads; default: all")
    add_machine(parser)
    parser.add_argument("--commit", action="store_true", help="commit exactly the result files that were written")
    add_listing(parser)
    add_results(parser)


def choose_cells(options: argparse.Namespace) -> tuple[Cell, ...]:
    """The cells that were asked for.

    Raises:
        UsageError: for what is not known.

    """
    return cells.make_cells(
        cells.choose("stack", options.stacks, cells.known_stacks()),
        cells.choose("Python", options.pythons, PYTHONS),
        cells.choose("workload", options.workload, cells.known_workloads()),
    )


def print_sessions(cells: Sequence[Cell]) -> None:
    """Print the nox sessions whose environments cells need, one a line.

    Raises:
        EnvironmentMissingError: when none of the stacks can be built here.

    """
    reasons = [environments.why_not_buildable(STACKS[cell.stack]) for cell in cells]
    if all(reasons):
        raise EnvironmentMissingError(f"{reasons[0]}.")
    print("\n".join(dict.fromkeys(f"bench-{cell.stack}-{cell.python}" for cell in cells)))


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Everything that says what a run measures, and where it puts it."""
    add_cell_options(parser)
    profiles = "; ".join(f"{profile.name}: {profile.summary}" for profile in plan.PROFILES.values())
    parser.add_argument("--profile", default="quick", help=f"how much evidence ({profiles})")
    parser.add_argument("--users", metavar="N,M", help="closed-loop levels, such as 1,10,50")
    parser.add_argument("--rates", metavar="R,S", help="open-loop levels in arrivals per second, such as 5,10,20")
    parser.add_argument("--window", type=window_seconds, metavar="S", help="seconds measured at each level")
    parser.add_argument("--warmup", type=seconds, metavar="S", help="seconds of load before the first level")
    parser.add_argument("--blocks", type=block_count, metavar="N", help="how often each cell is measured")
    parser.add_argument("--seed", type=int, metavar="N", help="for the order of cells and the plan of arrivals")
    parser.add_argument("--all-levels", action="store_true", help="drive the levels beyond saturation, too")
    parser.add_argument("--processes", type=process_count, default=1, metavar="N", help="locust processes; default: 1")
    parser.add_argument("--rows", type=Path, metavar="DIR", help="keep every single request in this folder")
    parser.add_argument("--fail-on-missing", action="store_true", help="fail when a Python cannot be had")


def make_run_plan(options: argparse.Namespace) -> RunPlan:
    """What was asked for.

    Raises:
        UsageError: for what is not known or cannot be.

    """
    ladder = (*_ladder("closed", options.users), *_ladder("open", options.rates))
    profile = plan.PROFILES[cells.choose_one("profile", options.profile, tuple(plan.PROFILES))]
    if options.commit and not profile.compares:
        raise UsageError(
            f"A {profile.name} run proves that everything works, and what it measures is no evidence to commit: "
            "leave out --commit, or choose another --profile."
        )
    folder = SMOKE_RESULTS if options.results == RESULTS and not profile.compares else options.results
    options.results = folder  # whatever else is measured goes to the same place
    return RunPlan(
        cells=choose_cells(options),
        profile=plan.adjust(
            profile, ladder=ladder or None, window_s=options.window, warmup_s=options.warmup, blocks=options.blocks
        ),
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        folder=folder.resolve(),
        machine_name=machine_name(options),
        nox_report=options.nox_report,
        fail_on_missing=options.fail_on_missing,
        all_levels=options.all_levels,
        rows_folder=options.rows,
        generators=options.processes,
    )


def _ladder(model: LoadModel, text: str | None) -> tuple[ladder.LevelPlan, ...]:
    return ladder.parse_ladder(model, text) if text is not None else ()
