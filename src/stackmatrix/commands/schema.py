"""Write the JSON schemas of result files and of verdicts, from their structs."""

import argparse

from stackmatrix.commands.options import add_results
from stackmatrix.results import codec, store, verdicts


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)


def execute(options: argparse.Namespace) -> int:
    store.write_atomically(options.results / "schema.json", codec.schema())
    store.write_atomically(options.results / "verdicts.schema.json", verdicts.schema())
    return 0
