"""Counts every chosen cell some times over, and puts what was counted into the cells' files beside their trials."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from stackmatrix import counters, environments, instructions, machine, store, supervisor
from stackmatrix.counting import Counted, CountRun
from stackmatrix.errors import TrialError
from stackmatrix.model import FORMAT_VERSION, Cell, Instructions, Result, Run, Status
from stackmatrix.progress import RunProgress
from stackmatrix.stacks import STACKS
from stackmatrix.store import Written
from stackmatrix.workloads import API_PORT

ATTEMPTS = 2
"""Under valgrind a thread now and then waits for an answer that has come: such a repeat is made once more."""
ESTIMATE_S = 90.0
"""For one repeat, until one was timed."""


@dataclass(frozen=True, slots=True)
class CountPlan:
    """Everything that was asked for."""

    cells: tuple[Cell, ...]
    repeats: int
    folder: Path
    machine_name: str | None = None
    nox_report: Path | None = None


class CountRunner:
    """Counts a plan's cells. All that the user has to mend is found before the first one."""

    def __init__(self, plan: CountPlan, console: Console) -> None:
        self._plan = plan
        self.console = console
        self._layout = machine.divide_cores()
        self._machine = machine.describe(self._layout)
        self.machine_name = plan.machine_name or machine.slug(self._machine)
        self._counter = ""
        self.written: list[Written] = []
        self.failed: list[Cell] = []

    def check(self) -> None:
        """Make sure that counting can begin.

        Raises:
            StackmatrixError: for what the user must mend.

        """
        store.need_writable(self._plan.folder)
        folder = supervisor.private_folder()
        try:
            self._counter = counters.choose(folder).version
        finally:
            supervisor.remove(folder)
        for cell in self._plan.cells:
            store.read_earlier(self._plan.folder, self.machine_name, cell)

    def run(self) -> list[Written]:
        """Count every cell; returns the written files.

        Raises:
            StackmatrixError: for what the user must mend, before anything is counted.
            KeyboardInterrupt: after everything is stopped; the cells that were done are written.

        """
        plan = self._plan
        self.check()
        missing = environments.find_missing(plan.cells, plan.nox_report)
        for cell, reason in missing.items():
            self.console.print(f"{cell}: {reason.state}, {reason.reason}.", markup=False, highlight=False)
        self.failed = [cell for cell, reason in missing.items() if reason.state == "failed"]
        present = [cell for cell in plan.cells if cell not in missing]
        if present:
            machine.need_free_port(API_PORT, "the external API")
        for name in dict.fromkeys(cell.stack for cell in present):
            machine.need_free_port(STACKS[name].port, name)
        with RunProgress(self.console, len(present) * plan.repeats, ESTIMATE_S) as progress:
            for cell in present:
                self._count(cell, progress)
        return self.written

    def _count(self, cell: Cell, progress: RunProgress) -> None:
        environment = environments.need(cell.stack, cell.python)
        started, started_s = datetime.now(UTC), time.monotonic()
        repeats: list[Counted] = []
        failure = None
        for number in range(1, self._plan.repeats + 1):
            progress.begin(f"{cell}, repeat {number}")
            outcome = self._count_once(CountRun(cell, environment, self._layout, progress.show), progress)
            if isinstance(outcome, TrialError):
                failure = str(outcome)
                progress.end(f"failed: {failure}")
                break
            repeats.append(outcome)
            progress.end(describe(outcome))
        counted = Instructions(
            counter=self._counter,
            started=started.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - started_s,
            git_commit=machine.git_commit(),
            python=repeats[0].environment.python if repeats else None,
            lock_sha256=environment.lock_sha256,
            counts=tuple(
                instructions.summarise(in_flight, count.requests, [one.counts[in_flight].costs for one in repeats])
                for in_flight, count in (repeats[0].counts.items() if repeats else ())
            ),
            failure=failure,
        )
        if failure is not None:
            self.failed.append(cell)
        self._write(cell, counted, repeats)

    def _count_once(self, run: CountRun, progress: RunProgress) -> Counted | TrialError:
        """One repeat, or why not even the last attempt came to its end."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return run.run()
            except TrialError as error:
                failure = error
                progress.show(f"attempt {attempt} failed: {error}")
        return failure

    def _write(self, cell: Cell, counted: Instructions, repeats: Sequence[Counted]) -> None:
        earlier = store.read_earlier(self._plan.folder, self.machine_name, cell)
        if earlier is None:
            earlier = Result(
                format_version=FORMAT_VERSION,
                run=_run_of_count(counted),
                cell=cell,
                status=Status(state="ok"),
                machine=self._machine,
                environment=repeats[0].environment if repeats else None,
                trials=(),
            )
        result = msgspec.structs.replace(earlier, format_version=FORMAT_VERSION, instructions=counted)
        path = store.write_result(self._plan.folder, self.machine_name, result)
        self.written.append(Written(path, result))


def _run_of_count(counted: Instructions) -> Run:
    """The run of a file that has no trials."""
    return Run(
        id=uuid.uuid4().hex,
        started=counted.started,
        seed=0,
        profile="count",
        ladder=(),
        blocks=0,
        warmup_s=0,
        settle_s=0,
        window_s=0,
        tool_versions=machine.tool_versions(),
        tool_lock_sha256=environments.lock_sha256("tool"),
        git_commit=counted.git_commit,
    )


def describe(counted: Counted) -> str:
    """One repeat in a few words, for the progress."""
    parts = [
        f"{count.costs.total() / count.requests / 1e6:.2f} million at {in_flight} in flight"
        for in_flight, count in counted.counts.items()
    ]
    return "instructions per request: " + ", ".join(parts)
