"""One module per command of the harness: ``add_options`` declares its options, ``execute`` returns the exit code.

The table is lazy: a command's module, and what that imports, is loaded when the command is called.
"""

import argparse
from importlib import import_module
from typing import Protocol, cast

COMMANDS = {
    "doctor": "Say in seconds whether a run could begin here, what it would leave out, and what it can decide.",
    "run": "Measure the chosen cells until everything is decided or the time is over, and say the answer.",
    "compare": "Say what a change did: measure two sides, side by side, now.",
    "gate": "Fail when a change made something worse by more than is allowed, for sure.",
    "calibrate": "Find out how good this machine is for benchmarking, and what limits it.",
    "stall": "Show why open-loop load matters: write docs/stall.md from a stall under both kinds of load.",
    "summarize": "Make the pages, charts, verdicts and report from the results, and print the answer.",
    "serve": "Bring up the demo's stacks, or those named, with locust's web page to try them by hand, until Ctrl-C.",
    "check-app": "Bring your own application up on one stack, ask each page once, and say what to mend.",
    "install-app": "Install the environment of your own application for a stack, and print where it is.",
    "top": "Watch a uWSGI stack that serve has started, with uwsgitop.",
    "environment": "Print the shell variables that circus.ini takes, to run circusd by hand.",
    "schema": "Write results/schema.json from the structs of result files, and docs/stacks.md from its table.",
}
"""Every command with what its help says."""


class Command(Protocol):
    """What a command's module has."""

    def add_options(self, parser: argparse.ArgumentParser) -> None: ...

    def execute(self, options: argparse.Namespace) -> int: ...


def load(name: str) -> Command:
    return cast("Command", import_module(f"{__name__}.{name.replace('-', '_')}"))
