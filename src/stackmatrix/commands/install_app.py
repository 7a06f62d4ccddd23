"""Install the environment of an app for a stack on a Python, and print where it is."""

import argparse
import sys
from pathlib import Path

from stackmatrix.application import environments
from stackmatrix.commands import options as shared
from stackmatrix.matrix import app_file
from stackmatrix.matrix.cells import choose_one
from stackmatrix.outside.text import visible


def add_options(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--stack", required=True, metavar="NAME", help="which stack's server is installed beside it")
    parser.add_argument("--python", required=True, metavar="3.13", help="a minor version, or a path to an interpreter")
    parser.add_argument("--upgrade", action="store_true", help="take newer releases where the app does not pin")


def add_app(parser: argparse.ArgumentParser) -> None:
    shared.add_app(parser)
    parser.set_defaults(app=Path())
    shared.add_overrides(parser, "a package in place of what the app asks for: 'django==5.2.*'; may be repeated")


def execute(options: argparse.Namespace) -> int:
    app = app_file.read(options.app)
    stacks = environments.stacks_of(app)
    stack = stacks[choose_one("stack", options.stack, tuple(stacks))]
    environment = environments.install(app, stack, options.python, options.overrides, say=say, upgrade=options.upgrade)
    for note in environment.notes:
        say(note)
    print(environment.prefix)
    return 0


def say(text: str) -> None:
    print(visible(text), file=sys.stderr)
