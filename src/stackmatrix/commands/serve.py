"""Bring up all stacks, or those named, with locust's web page to try them by hand, until Ctrl-C."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from stackmatrix.commands.options import add_listing
from stackmatrix.matrix import cells
from stackmatrix.matrix.stacks import PYTHONS, STACKS, Stack
from stackmatrix.matrix.workloads import API_PORT, WORKLOADS
from stackmatrix.report.terminal import make_console
from stackmatrix.system import ports
from stackmatrix.testbed import serve as serving

OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("stacks", nargs="*", metavar="STACK", help="which stacks; default: all")
    parser.add_argument("--python", default=OWN_PYTHON, help=f"which Python they run on; default: {OWN_PYTHON}")
    add_listing(parser)


def execute(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, which is how this is meant to end.

    Raises:
        UsageError: for what is not known.
        PortTakenError: when a port is in use.

    """
    names = cells.choose("stack", ",".join(options.stacks) if options.stacks else None, cells.known_stacks())
    python = cells.choose_one("Python", options.python, PYTHONS)
    stacks = [STACKS[name] for name in names]
    # When only listing, too: a port that is taken is told before a long installation.
    for port, purpose in serving.ports(stacks):
        ports.need_free_port(port, purpose)
    if options.list:
        print("\n".join(f"bench-{name}-{python}" for name in names))
    else:
        serve(stacks, python, make_console())
    return 0


def serve(stacks: list[Stack], python: str, console: Console) -> None:
    """Start, show where everything is, tell what ends, and stop."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"Starting {', '.join(stack.name for stack in stacks)} on Python {python}.")
    with serving.interruptible():
        try:
            with serving.start(stacks, python) as served, serving.uninterrupted():
                served.wait_ready()
                console.print(address_table(stacks))
                for line in hints(stacks):
                    say(line)
                served.watch(say)
        except KeyboardInterrupt:
            say("Stopped: nothing is left running.")


def address_table(stacks: list[Stack]) -> Table:
    """Where everything is."""
    table = Table(pad_edge=False)
    for heading in ("what", "address", "statistics"):
        table.add_column(heading, no_wrap=True)
    for stack in stacks:
        statistics = "" if stack.stats_port is None else f"127.0.0.1:{stack.stats_port}"
        table.add_row(stack.name, f"http://127.0.0.1:{stack.port}", statistics)
    table.add_section()
    table.add_row("external API", f"http://127.0.0.1:{API_PORT}")
    table.add_row("locust's web page", f"http://127.0.0.1:{serving.PAGE_PORT}")
    return table


def hints(stacks: list[Stack]) -> list[str]:
    """What to do with it."""
    pages = "; ".join(f"{workload.path} ({workload.summary})" for workload in WORKLOADS.values())
    watched = [stack.name for stack in stacks if stack.stats_port is not None]
    top = [f"Statistics: nox -s top -- {watched[-1]}, in another terminal."] if watched else []
    return [
        f"Pages: {pages}.",
        'Load: open the web page, choose the stack under "Custom parameters", press Start.',
        *top,
        "Ctrl-C stops everything.",
    ]
