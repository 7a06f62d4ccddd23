"""Locust's web page for stacks that are served to be tried by hand: choose a stack, press Start, see the charts move.

``STACKMATRIX_SERVED`` names the stacks to choose from, comma-separated; without it, all can be chosen. Of an
application that is not the built-in site ``STACKMATRIX_PAGES`` names a file with its pages by workload. What is shown
is for looking at, not for keeping: locust's own statistics are rounded.
"""

import itertools
import json
import os
from pathlib import Path
from typing import Any

from locust import FastHttpUser, events, task

from stackmatrix.load.numbers import BY_HAND
from stackmatrix.matrix.page_order import PageOrder
from stackmatrix.matrix.pages import Page, page_of
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from visitor import send, take_as_they_come, why_wrong

NUMBERS = itertools.count(BY_HAND)
SERVED = dict(one.partition("=")[::2] for one in os.environ.get("STACKMATRIX_SERVED", ",".join(STACKS)).split(","))
"""The stacks, each with its port where it is not that of the table."""


def pages_by_workload() -> dict[str, tuple[Page, ...]]:
    """What can be asked for."""
    path = os.environ.get("STACKMATRIX_PAGES")
    if path is None:
        return {name: workload.pages for name, workload in WORKLOADS.items()}
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: tuple(map(page_of, pages)) for name, pages in content.items()}


PAGES = pages_by_workload()
USUAL = DEFAULT_WORKLOAD if DEFAULT_WORKLOAD in PAGES else next(iter(PAGES))


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Declare what the page's form asks for; what has choices becomes a drop-down list."""
    stacks = list(SERVED)
    parser.add_argument("--stack", choices=stacks, default=stacks[0], help="the one to load")
    workloads = "; ".join(WORKLOADS[name].summary for name in PAGES if name in WORKLOADS)
    parser.add_argument("--workload", choices=list(PAGES), default=USUAL, help=workloads or "what is asked for")


class Guest(FastHttpUser):
    """Asks the chosen stack for the chosen workload's pages, one after the other."""

    # The form shows this as the host. It cannot be left out of the form, and what stands there is not used.
    host = "as chosen under Custom parameters"
    concurrency = 1

    def __init__(self, environment: Any) -> None:
        options = environment.parsed_options
        self.host = f"http://127.0.0.1:{SERVED[options.stack] or STACKS[options.stack].port}"
        self._pages = PAGES[options.workload]
        self._order = PageOrder(self._pages, "")
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
