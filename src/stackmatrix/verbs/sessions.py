"""Check the options of a run, and print the nox sessions that install what its cells need."""

import argparse

from stackmatrix import environments
from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.stacks import STACKS
from stackmatrix.verbs.options import add_run_options, make_run_plan


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options: those of a run."""
    add_run_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Print one session a line.

    Raises:
        EnvironmentMissingError: when none of the stacks can be built here.

    """
    cells = make_run_plan(options).cells
    reasons = [environments.why_not_buildable(STACKS[cell.stack]) for cell in cells]
    if all(reasons):
        raise EnvironmentMissingError(f"{reasons[0]}.")
    print("\n".join(dict.fromkeys(f"bench-{cell.stack}-{cell.python}" for cell in cells)))
    return 0
