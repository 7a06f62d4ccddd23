"""One module per command of the harness: ``add_options`` declares its options, ``execute`` returns the exit code.

The table is lazy: a command's module, and what that imports, is loaded when the command is called.
"""

import argparse
from importlib import import_module
from typing import Protocol, cast

COMMANDS = {
    "run": "Measure the chosen cells in trials, write their result files, and print a small table.",
    "count": "Count the instructions of a request, at 1 and at 20 requests in flight, without noise.",
    "capacity": "Find the highest rate of arrivals at which latency objectives are kept, and confirm it in blocks.",
    "cost": "Measure the CPU time of a request on all chosen cells side by side, in blocks.",
    "calibrate": "Find out how good this machine is for benchmarking, and what limits it.",
    "stall": "Show why open-loop load matters: write docs/stall.md from a stall under both kinds of load.",
    "summarize": "Make results/README.md, its charts and results/report.html from the results, and print the tables.",
    "serve": "Bring up all stacks, or those named, with locust's web page to try them by hand, until Ctrl-C.",
    "top": "Watch a uWSGI stack that serve has started, with uwsgitop.",
    "environment": "Print the shell variables that circus.ini takes, to run circusd by hand.",
    "schema": "Write results/schema.json from the structs of result files.",
}
"""Every command with what its help says."""


class Command(Protocol):
    """What a command's module has."""

    def add_options(self, parser: argparse.ArgumentParser) -> None: ...

    def execute(self, options: argparse.Namespace) -> int: ...


def load(name: str) -> Command:
    return cast("Command", import_module(f"{__name__}.{name}"))
