"""Bring an app up on one stack, ask each page once, and say what to put into its file where an answer is not right."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from stackmatrix.application import discovery, environments, starting_file
from stackmatrix.application.application import Application, prepare
from stackmatrix.commands.install_app import add_app
from stackmatrix.errors import AppError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.cells import choose_one
from stackmatrix.matrix.stacks import REFERENCE_STACK, Stack
from stackmatrix.report.terminal import make_console
from stackmatrix.system import private_folders
from stackmatrix.testbed import checking
from stackmatrix.testbed.checking import Checked


def add_options(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument(
        "--stack", metavar="NAME", help=f"which stack; default: {REFERENCE_STACK}, or the first ASGI one"
    )
    parser.add_argument("--python", metavar="3.13", help="which Python; default: the newest that the app allows")
    parser.add_argument("--init", action="store_true", help="write a stackmatrix.toml from what is found")


def execute(options: argparse.Namespace) -> int:
    """Check, or begin with a file first; returns 0 where every page is right."""
    console = make_console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    if options.init:
        say(f"wrote {starting_file.write(options.app, say, python=options.python)}")
    app = app_file.read(options.app)
    for note in discovery.discover(app).notes:
        say(note)
    say(f"Pythons: {', '.join(environments.pythons_of(app))}")
    stack = choose_stack(app, options.stack)
    python = options.python or environments.newest_python(app)
    environment = environments.install(app, stack, python, options.overrides, say=say)
    say(f"Python {python}; {_versions(environment, stack)}")
    with (
        private_folders.folder("app") as private,
        prepare(app, environment.python, private / "app", say=say) as application,
    ):
        for note in dict.fromkeys((*environment.notes, *application.notes, *application.warnings(stack))):
            say(f"note: {note}")
        say(f"asking {stack.summary}")
        checked = checking.check(application, stack, environment)
        return show(console, application, checked)


def choose_stack(app: AppFile, wanted: str | None) -> Stack:
    """The stack that was asked for, or the one that apps are checked on.

    Raises:
        UsageError: for one that is not known.

    """
    if wanted is None:
        return environments.default_stack(app)
    stacks = environments.stacks_of(app)
    return stacks[choose_one("stack", wanted, tuple(stacks))]


def _versions(environment: environments.AppEnvironment, stack: Stack) -> str:
    shown = [name for name in ("django", stack.server) if name in environment.versions]
    return ", ".join(f"{name} {environment.versions[name]}" for name in shown)


def show(console: Console, application: Application, checked: Sequence[Checked]) -> int:
    """Print the table and the sentences.

    Raises:
        AppError: when a page is not right.

    """
    table = Table(pad_edge=False)
    for heading in ("page", "status", "ms", "bytes", "matched"):
        table.add_column(heading, justify="right" if heading in {"status", "ms", "bytes"} else "left")
    for one in checked:
        status = "none" if one.status is None else str(one.status)
        matched = one.matched if one.why is None else "not right"
        table.add_row(one.page.name, status, f"{one.took_ms:.0f}", str(one.size_bytes), matched)
    console.print(table)
    served = [one.why for one in checked if one.why is not None]
    # What the project answers without a server is wrong on all stacks, and is named first.
    sentences = list(dict.fromkeys([*application.wrong, *served]))
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if sentences:
        raise AppError(f"{application.app.name} is not ready to be measured: see above.")
    console.print("Every page is right.")
    return 0
