"""Write what is generated of the code: the schemas of result files and of verdicts, and the page of stacks."""

import argparse

from stackmatrix.commands.options import add_results
from stackmatrix.report import stacks
from stackmatrix.results import codec, store, verdicts
from stackmatrix.system.processes import PROJECT

STACKS_PAGE = PROJECT / "docs" / "stacks.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)


def execute(options: argparse.Namespace) -> int:
    store.write_atomically(options.results / "schema.json", codec.schema())
    store.write_atomically(options.results / "verdicts.schema.json", verdicts.schema())
    store.write_atomically(STACKS_PAGE, stacks.render().encode())
    return 0
