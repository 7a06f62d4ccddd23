"""Locust's web page for stacks that are served to be tried by hand: choose a stack, press Start, see the charts move.

``STACKMATRIX_SERVED`` names the stacks to choose from, comma-separated; without it, all can be chosen. What is shown is
for looking at, not for keeping: locust's own statistics are rounded.
"""

import os
import re
from typing import Any

from locust import FastHttpUser, events, task

from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import DEFAULT_WORKLOAD, WORKLOADS
from visitor import HEADERS

SERVED = os.environ.get("STACKMATRIX_SERVED", ",".join(STACKS)).split(",")


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Declare what the page's form asks for; what has choices becomes a drop-down list."""
    parser.add_argument("--stack", choices=SERVED, default=SERVED[0], help="the one to load")
    workloads = "; ".join(workload.summary for workload in WORKLOADS.values())
    parser.add_argument("--workload", choices=list(WORKLOADS), default=DEFAULT_WORKLOAD, help=workloads)


class Guest(FastHttpUser):
    """Asks the chosen stack for the chosen workload's page, and again as soon as it is answered."""

    # The form shows this as the host. It cannot be left out of the form, and what stands there is not used.
    host = "as chosen under Custom parameters"
    concurrency = 1
    max_redirects = 0
    max_retries = 0

    def __init__(self, environment: Any) -> None:
        options = environment.parsed_options
        self.host = f"http://127.0.0.1:{STACKS[options.stack].port}"
        workload = WORKLOADS[options.workload]
        self._path, self._page = workload.path, re.compile(workload.page)
        self._name = f"{options.stack}, {options.workload}"
        super().__init__(environment)

    @task
    def visit(self) -> None:
        """One request; only the whole page with status 200 is a success."""
        with self.client.get(self._path, name=self._name, headers=HEADERS, catch_response=True) as response:
            if response.status_code == 200 and not self._page.fullmatch(response.text or ""):
                response.failure("wrong body")
            elif response.status_code not in (0, 200):  # 0: no answer, for which locust has a better reason
                response.failure(f"status {response.status_code}")
