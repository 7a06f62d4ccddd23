"""Shell variables that circus.ini takes, to run circusd by hand."""

import argparse
import shlex

from stackmatrix.matrix.cells import Cell, choose_one
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD
from stackmatrix.system import cores, ports, private_folders
from stackmatrix.testbed import circus_ini, environments, places


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack")
    parser.add_argument("python", help="such as 3.13")


def execute(options: argparse.Namespace) -> int:
    """Print ``export`` lines for a POSIX shell."""
    stack = STACKS[choose_one("stack", options.stack, tuple(STACKS))]
    python = choose_one("Python", options.python, PYTHONS)
    (subject,) = environments.resolve([Cell(stack=stack.name, python=python, workload=DEFAULT_WORKLOAD)])
    # Sockets and logs go there; it stays, since nobody here knows when they are no longer wanted.
    folder, layout = private_folders.make_lasting(), cores.divide_cores()
    variables = circus_ini.variables(ports.API_PORT, layout, folder, targets=1)
    (placed,) = places.place([subject], {subject.name: stack.port}, lambda one: one.stack.watch, folder, layout)
    placed.setting.write(folder / "target.json")
    variables[circus_ini.COMMAND] = shlex.join(placed.command)
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
