"""Counts every chosen cell some times over, and puts what was counted into the cells' files beside their trials."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from stackmatrix.analysis import instructions
from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Cell
from stackmatrix.measurements.beside import need_files, prepare, write_beside
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions.counting import Counted, CountRun
from stackmatrix.measurements.progress import RunProgress
from stackmatrix.results.model import Instructions
from stackmatrix.results.store import Written
from stackmatrix.system import cores, git, host
from stackmatrix.testbed import environments, supervisor

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
        self._layout = cores.divide_cores()
        self._machine = host.describe(self._layout)
        self.machine_name = plan.machine_name or host.slug(self._machine)
        self._counter = ""
        self._commit: str | None = None
        self.written: list[Written] = []
        self.failed: list[Cell] = []

    def check(self) -> None:
        """Make sure that counting can begin.

        Raises:
            StackmatrixError: for what the user must mend.

        """
        need_files(self._plan.folder, self.machine_name, self._plan.cells)
        folder = supervisor.private_folder()
        try:
            self._counter = counters.choose(folder).version
        finally:
            supervisor.remove(folder)

    def run(self) -> list[Written]:
        """Count every cell; returns the written files.

        Raises:
            StackmatrixError: for what the user must mend, before anything is counted.
            KeyboardInterrupt: after everything is stopped; the cells that were done are written.

        """
        plan = self._plan
        self.check()
        self._commit = git.git_commit()
        present, self.failed = prepare(plan.cells, plan.nox_report, self.console)
        with RunProgress(self.console, len(present) * plan.repeats, ESTIMATE_S) as progress:
            for cell in present:
                self._count(cell, progress)
        return self.written

    def _count(self, cell: Cell, progress: RunProgress) -> None:
        plan, environment = self._plan, environments.need(cell.stack, cell.python)
        started, started_s = datetime.now(UTC), time.monotonic()
        repeats: list[Counted] = []
        failure = None
        for number in range(1, plan.repeats + 1):
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
            git_commit=self._commit,
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
        served = repeats[0].environment if repeats else None
        written = write_beside(plan.folder, self.machine_name, self._machine, cell, served, counted)
        self.written.append(written)

    def _count_once(self, run: CountRun, progress: RunProgress) -> Counted | TrialError:
        """One repeat, or why not even the last attempt came to its end."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return run.run()
            except TrialError as error:
                failure = error
                progress.show(f"attempt {attempt} failed: {error}")
        return failure


def describe(counted: Counted) -> str:
    """One repeat in a few words, for the progress."""
    parts = [
        f"{count.costs.total() / count.requests / 1e6:.2f} million at {in_flight} in flight"
        for in_flight, count in counted.counts.items()
    ]
    return "instructions per request: " + ", ".join(parts)
