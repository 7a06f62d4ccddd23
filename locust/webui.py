"""Locust's web page for stacks that are served to be tried by hand: choose a stack, press Start, see the charts move.

``STACKMATRIX_SERVED`` names the stacks to choose from, comma-separated; without it, all can be chosen. What is shown is
for looking at, not for keeping: locust's own statistics are rounded.
"""

import itertools
import os
from typing import Any

from locust import FastHttpUser, events, task

from stackmatrix.load.numbers import BY_HAND
from stackmatrix.matrix.page_order import PageOrder
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from visitor import send, take_as_they_come, why_wrong

NUMBERS = itertools.count(BY_HAND)
SERVED = os.environ.get("STACKMATRIX_SERVED", ",".join(STACKS)).split(",")


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Declare what the page's form asks for; what has choices becomes a drop-down list."""
    parser.add_argument("--stack", choices=SERVED, default=SERVED[0], help="the one to load")
    workloads = "; ".join(workload.summary for workload in WORKLOADS.values())
    parser.add_argument("--workload", choices=list(WORKLOADS), default=DEFAULT_WORKLOAD, help=workloads)


class Guest(FastHttpUser):
    """Asks the chosen stack for the chosen workload's pages, one after the other."""

    # The form shows this as the host. It cannot be left out of the form, and what stands there is not used.
    host = "as chosen under Custom parameters"
    concurrency = 1

    def __init__(self, environment: Any) -> None:
        options = environment.parsed_options
        self.host = f"http://127.0.0.1:{STACKS[options.stack].port}"
        workload = WORKLOADS[options.workload]
        self._pages, self._order = workload.pages, PageOrder(workload.pages, "")
        self._asked = itertools.count()
        self._name = f"{options.stack}, {options.workload}"
        super().__init__(environment)
        take_as_they_come(self.client)

    @task
    def visit(self) -> None:
        """One request; only what the page is expected to be is a success."""
        turn = self._order[next(self._asked)]
        page = self._pages[turn.page]
        name = self._name if len(self._pages) == 1 else f"{self._name}, {page.name}"
        with send(self.client, page, next(NUMBERS), turn.values, name=name) as response:
            if response.request_meta["exception"] is None and (why := why_wrong(page, response)) is not None:
                response.failure(why)
