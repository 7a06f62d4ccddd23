"""Write results/schema.json from the model."""

import argparse

from stackmatrix.commands.options import add_results
from stackmatrix.results import codec, store


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)


def execute(options: argparse.Namespace) -> int:
    store.write_atomically(options.results / "schema.json", codec.schema())
    return 0
