"""The demo's stacks, or those named, with locust's web page to try them by hand, until Ctrl-C."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from stackmatrix.commands.choice import print_sessions
from stackmatrix.commands.options import RESULTS, add_app, add_listing, add_port, port_number, results_of
from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app_workloads import ALL_PAGES
from stackmatrix.matrix.cells import DEFAULT_TAG, Cell, Subject, choose_one, choose_stacks
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.stack import FIRST_PORT
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from stackmatrix.measurements.request import Request
from stackmatrix.report.terminal import make_console
from stackmatrix.system.ports import API_PORT, need_free_port
from stackmatrix.testbed import environments
from stackmatrix.testbed import serve as serving
from stackmatrix.testbed.serve import Addresses

OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "stacks", nargs="*", metavar="STACK", help=f"which stacks, by name or tag; default: {DEFAULT_TAG}"
    )
    parser.add_argument("--python", default=OWN_PYTHON, help=f"which Python they run on; default: {OWN_PYTHON}")
    add_port(parser)
    api = f"the external API's port; default: {API_PORT}"
    parser.add_argument("--api-port", type=port_number, default=API_PORT, metavar="N", help=api)
    page = f"the port of locust's web page; default: {serving.PAGE_PORT}"
    parser.add_argument("--page-port", type=port_number, default=serving.PAGE_PORT, metavar="N", help=page)
    add_app(parser)
    add_listing(parser)


def execute(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, which is how this is meant to end.

    Raises:
        UsageError: for what is not known.
        EnvironmentMissingError: when nothing of it can run here.
        PortTakenError: when a port is in use.

    """
    if options.app is not None:
        serve_app(options, make_console())
        return 0
    names = choose_stacks(",".join(options.stacks) if options.stacks else None)
    python = choose_one("Python", options.python, PYTHONS)
    named = [Cell(stack=name, python=python, workload=DEFAULT_WORKLOAD) for name in names]
    excluded = {cell: reason for cell in named if (reason := environments.why_excluded(cell))}
    chosen = [cell for cell in named if cell not in excluded]
    if not chosen:
        raise EnvironmentMissingError(f"{next(iter(excluded.values()))}.")
    # When only listing, too: a port that is taken is named before a long installation.
    at = addresses_of(options)
    for port, purpose, option in serving.ports_of([STACKS[cell.stack] for cell in chosen], at):
        need_free_port(port, purpose, f"choose another with {option}")
    if options.list:
        print_sessions(chosen)
    else:
        console = make_console()
        for cell, reason in excluded.items():
            console.print(f"Left out: {cell.stack}. {reason}.", markup=False, highlight=False, soft_wrap=True)
        serve(environments.resolve(chosen), console, at)
    return 0


def addresses_of(options: argparse.Namespace) -> Addresses:
    return Addresses(options.port, options.api_port, options.page_port)


def serve_app(options: argparse.Namespace, console: Console) -> None:
    """Serve an application of somebody's own; nox has nothing to install for it.

    Raises:
        AppFileError, AppError: in one sentence, for what has to be mended in the file or the project.

    """
    if options.list:
        return
    from stackmatrix.commands import own_app

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    app = app_file.read(options.app)
    catalogue = own_app.catalogue_of(app)
    named = ",".join(options.stacks or [DEFAULT_TAG, *(stack.name for stack in app.stacks)])
    cells = tuple(
        Cell(stack=name, python=options.python, workload=ALL_PAGES) for name in choose_stacks(named, catalogue.stacks)
    )
    request = Request(cells=cells, seed=1, folder=results_of(RESULTS, app.name), catalogue=catalogue)
    with own_app.ready(app, request, {}, say) as prepared:
        missing = environments.find_missing(cells, None, prepared.catalogue)
        for cell, why in missing.items():
            say(f"Left out: {cell.stack}. {why.reason}.")
        subjects = environments.resolve([cell for cell in cells if cell not in missing], prepared.catalogue)
        pages = {name: workload.pages for name, workload in prepared.catalogue.workloads.items()}
        serve(subjects, console, addresses_of(options), pages)


def serve(
    subjects: list[Subject], console: Console, at: Addresses, pages: Mapping[str, Sequence[Page]] | None = None
) -> None:

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    stacks = [subject.stack for subject in subjects]
    say(f"Starting {', '.join(stack.name for stack in stacks)} on Python {subjects[0].cell.python}.")
    with serving.interruptible():
        try:
            with serving.start(subjects, pages, at) as served, serving.uninterrupted():
                served.wait_ready()
                console.print(address_table(stacks, at))
                for line in hints(stacks, at, pages):
                    say(line)
                served.watch(say)
        except KeyboardInterrupt:
            say("Stopped: nothing is left running.")


def address_table(stacks: list[Stack], at: Addresses) -> Table:
    table = Table(pad_edge=False)
    for heading in ("what", "address", "statistics"):
        table.add_column(heading, no_wrap=True)
    for stack in map(at.of, stacks):
        statistics = "" if stack.stats_port is None else f"127.0.0.1:{stack.stats_port}"
        table.add_row(stack.name, f"http://127.0.0.1:{stack.port}", statistics)
    table.add_section()
    table.add_row("external API", f"http://127.0.0.1:{at.api}")
    table.add_row("locust's web page", f"http://127.0.0.1:{at.page}")
    return table


def hints(stacks: list[Stack], at: Addresses, of_app: Mapping[str, Sequence[Page]] | None) -> list[str]:
    # A page that needs variables of its own is not right in a process that serves all.
    pages = "; ".join(f"{one.pages[0].path} ({one.summary})" for one in WORKLOADS.values() if not one.variables)
    if of_app is not None:
        pages = "; ".join(page.path for page in of_app[ALL_PAGES])
    watched = [stack.name for stack in stacks if stack.stats_port is not None]
    moved = "" if at.first == FIRST_PORT else f" --port {at.first}"
    top = [f"Statistics: nox -s top -- {watched[-1]}{moved}, in another terminal."] if watched else []
    return [
        f"Pages: {pages}.",
        'Load: open the web page, choose the stack under "Custom parameters", press Start.',
        *top,
        "Ctrl-C stops everything.",
    ]
