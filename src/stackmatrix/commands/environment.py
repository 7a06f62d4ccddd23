"""Print the shell variables that circus.ini takes, to run circusd by hand."""

import argparse
import shlex

from stackmatrix.matrix import cells
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.matrix.workloads import API_PORT
from stackmatrix.system import cores
from stackmatrix.testbed import environments, supervisor


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("stack")
    parser.add_argument("python", help="such as 3.13")


def execute(options: argparse.Namespace) -> int:
    """Print ``export`` lines for a POSIX shell."""
    stack = STACKS[cells.choose_one("stack", options.stack, cells.known_stacks())]
    python = cells.choose_one("Python", options.python, PYTHONS)
    command = environments.need(stack.name, python).command(stack, *stack.watch)
    target = supervisor.Target(stack.name, command, stack.port)
    # Sockets and logs go there; it stays, since nobody here knows when they are no longer wanted.
    folder = supervisor.private_folder()
    for name, value in supervisor.variables(target, API_PORT, cores.divide_cores(), folder).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
