"""Write what is generated of the code: schemas of results, verdicts and an app's file, and the pages of both tables."""

import argparse
import json
from pathlib import Path

from stackmatrix.commands.options import add_results
from stackmatrix.matrix import app_keys
from stackmatrix.report import stacks
from stackmatrix.results import codec, verdicts, writing
from stackmatrix.system import processes


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)
    parser.add_argument("--docs", type=Path, default=processes.PROJECT / "docs", metavar="DIR", help="the docs' folder")


def execute(options: argparse.Namespace) -> int:
    writing.write_atomically(options.results / "schema.json", codec.schema())
    writing.write_atomically(options.results / "verdicts.schema.json", verdicts.schema())
    writing.write_atomically(options.docs / "stacks.md", stacks.render().encode())
    described = json.dumps(app_keys.schema(), indent=2, ensure_ascii=False)
    writing.write_atomically(options.docs / "stackmatrix.schema.json", f"{described}\n".encode())
    writing.write_atomically(options.docs / "app-file.md", app_keys.reference().encode())
    return 0
