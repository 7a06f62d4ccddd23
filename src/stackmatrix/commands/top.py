"""uwsgitop for a stack that serve has started."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from stackmatrix.commands.options import add_port
from stackmatrix.errors import UsageError
from stackmatrix.matrix import cells
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.system import ports
from stackmatrix.testbed.serve import Addresses


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack", help="one of those with a statistics server")
    add_port(parser)


def execute(options: argparse.Namespace) -> int:
    """Become uwsgitop.

    Raises:
        UsageError: for a stack without statistics, or one that is not running.

    """
    watched = tuple(stack.name for stack in STACKS.values() if stack.stats_port is not None)
    name = cells.choose_one("stack with statistics", options.stack, watched)
    port = Addresses(options.port).of(STACKS[name]).stats_port
    assert port is not None
    if not ports.is_bound(port):
        raise UsageError(f"{name} is not running: start it in another terminal with nox -s serve -- {name}")
    program = shutil.which("uwsgitop", path=str(Path(sys.executable).parent))
    assert program is not None, "the tool environment holds uwsgitop"
    os.execv(program, [program, f"127.0.0.1:{port}"])
