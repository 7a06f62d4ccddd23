"""Check the options of a run, and print the nox sessions that install what its cells need."""

import argparse

from stackmatrix.verbs.options import add_run_options, make_run_plan


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options: those of a run."""
    add_run_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Print one session a line."""
    cells = make_run_plan(options).cells
    print("\n".join(dict.fromkeys(f"bench-{cell.stack}-{cell.python}" for cell in cells)))
    return 0
