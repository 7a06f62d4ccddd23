"""Print the shell variables that circus.ini takes, to run circusd by hand."""

import argparse
import shlex

from stackmatrix.matrix import plan
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.matrix.workloads import API_PORT
from stackmatrix.system import host
from stackmatrix.testbed import environments, supervisor


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("stack")
    parser.add_argument("python", help="such as 3.13")


def execute(options: argparse.Namespace) -> int:
    """Print ``export`` lines for a POSIX shell."""
    stack = STACKS[plan.choose_one("stack", options.stack, plan.known_stacks())]
    python = plan.choose_one("Python", options.python, PYTHONS)
    command = environments.need(stack.name, python).command(stack, *stack.watch)
    target = supervisor.Target(stack.name, command, stack.port)
    # Sockets and logs go there; it stays, since nobody here knows when they are no longer wanted.
    folder = supervisor.private_folder()
    for name, value in supervisor.variables(target, API_PORT, host.divide_cores(), folder).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
