"""One module per verb of the command line: ``add_options`` declares, ``execute`` does it and returns the exit code."""

import argparse
from typing import Protocol

from stackmatrix.commands import (
    calibrate,
    capacity,
    cost,
    count,
    environment,
    run,
    schema,
    serve,
    stall,
    summarize,
    top,
)


class Verb(Protocol):
    """What a verb's module has; the first line of its docstring is its help."""

    __doc__: str | None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""

    def execute(self, options: argparse.Namespace) -> int:
        """Do it."""


VERBS: dict[str, Verb] = {
    "run": run,
    "count": count,
    "capacity": capacity,
    "cost": cost,
    "calibrate": calibrate,
    "stall": stall,
    "summarize": summarize,
    "serve": serve,
    "top": top,
    "environment": environment,
    "schema": schema,
}
