"""Write results/schema.json from the model."""

import argparse

from stackmatrix import codec, store
from stackmatrix.verbs.options import add_results


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_results(parser)


def execute(options: argparse.Namespace) -> int:
    """Write it."""
    store.write_atomically(options.results / "schema.json", codec.schema())
    return 0
