"""The one runner: what all kinds of measurement share.

Missing environments, files that can be written, provenance, the order of the steps, progress, writing after each step,
Ctrl-C, and the list of failures are its own; what a step is, and what came of it, is the kind's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from stackmatrix.errors import CellsFailedError, PythonMissingError, ResultFileError, SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell, python_key, with_twins
from stackmatrix.measurements.progress import RunProgress
from stackmatrix.measurements.request import Kind, Provenance, Record, Request, Setup, Step, prepare
from stackmatrix.results import store
from stackmatrix.results.keeping import put
from stackmatrix.results.model import Result, Status
from stackmatrix.results.store import Written
from stackmatrix.results.types import State
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import Missing


@dataclass
class Runner:
    """Runs one kind of measurement. All that the user has to mend is found before the first step."""

    request: Request
    kind: Kind
    console: Console
    written: dict[Cell, Written] = field(default_factory=dict)
    """Every file that was written, or would have been if what was there were not worth more."""
    unmeasured: list[Cell] = field(default_factory=list)
    """Cells that could not be measured because something failed before."""
    _setup: Setup | None = None

    def run(self) -> list[Written]:
        """Perform every step; returns the files in the order of the cells.

        Raises:
            StackmatrixError: for what the user must mend, before anything is measured.
            KeyboardInterrupt: after everything is stopped; what was measured until then is written.

        """
        request = self.request
        store.need_writable(request.folder)
        provenance = Provenance.ask()
        layout, machine, name = prepare(request)
        missing = environments.find_missing(request.cells, request.nox_report)
        self._mind_missing(missing)
        cells = with_twins([cell for cell in request.cells if cell not in missing], self.kind.blocks)
        subjects = {subject.cell: subject for subject in environments.resolve(cells)}
        self._setup = Setup(request, provenance, subjects, layout, machine, name)
        for cell in cells:
            self._read_earlier(cell)
        steps = self.kind.begin(self._setup)
        for cell, reason in missing.items():
            self._note_missing(cell, reason)
        with RunProgress(self.console, len(steps), self.kind.estimate_s) as progress:
            for step in steps:
                if self.kind.is_enough(step):
                    break
                self._perform(step, progress)
        if steps and (said := self.kind.conclude()):
            for cell in cells:
                self._record(cell)
            self.console.print(said, markup=False, highlight=False)
        return self.files

    @property
    def files(self) -> list[Written]:
        """What was written so far, in the order of the cells."""
        # A cell that is missing has no twin, so that another may have one.
        measured = self._setup.cells if self._setup else ()
        return [self.written[cell] for cell in dict.fromkeys((*self.request.cells, *measured)) if cell in self.written]

    @property
    def machine_name(self) -> str:
        return self._setup.machine_name if self._setup else prepare(self.request)[2]

    def need_all(self) -> None:
        """Say which cells failed.

        Raises:
            CellsFailedError: when any did.

        """
        failed = [*dict.fromkeys((*self.kind.failures(), *self.unmeasured))]
        if failed:
            names = "; ".join(map(str, failed))
            raise CellsFailedError(
                f"{len(failed)} cells could not be {self.kind.done} ({names}): the lines above or their files say why."
            )

    def _perform(self, step: Step, progress: RunProgress) -> None:
        progress.begin(step.label)
        try:
            words = self.kind.perform(step, progress.show)
        except (TrialError, SupervisorError) as error:  # the latter: a target that had to be killed, for one
            self.kind.fail(step, str(error))
            words = f"failed: {error}"
        for cell in step.cells:
            self._record(cell)
        kept = [cell for cell in step.cells if cell in self.written and not self.written[cell].is_new]
        progress.end(words + ("; the earlier result is worth more and stays" if kept else ""))

    def _record(self, cell: Cell) -> None:
        record = self.kind.record(cell)
        if record is not None:
            self._write(cell, record)

    def _write(self, cell: Cell, record: Record) -> None:
        """Put what there is of a cell into its file, with what else in it still holds."""
        assert self._setup is not None
        fresh = record.to_result(cell, self._setup.machine)
        folder, name = self.request.folder, self._setup.machine_name
        earlier = self._read_earlier(cell)
        result = put(earlier, fresh)
        path = store.path_of(folder, name, cell)
        if result != earlier:
            store.write_result(folder, name, result)
        before = self.written.get(cell)
        self.written[cell] = Written(path, result, is_new=result != earlier or (before is not None and before.is_new))

    def _read_earlier(self, cell: Cell) -> Result | None:
        """What a cell's file holds.

        Raises:
            ResultFileError: when it cannot be read, so that putting a part into it would lose something.

        """
        assert self._setup is not None
        try:
            return store.read_earlier(self.request.folder, self._setup.machine_name, cell)
        except ResultFileError:
            if self.kind.makes_files:
                return None
            raise

    def _note_missing(self, cell: Cell, missing: Missing) -> None:
        """Say that a cell cannot be measured, and record it where its file holds no figures."""
        assert self._setup is not None
        state: State = "skipped" if missing.state == "skipped" else "failed"
        kept = store.holds_figures(store.path_of(self.request.folder, self._setup.machine_name, cell))
        said = f"{cell}: {state}, {missing.reason}." + (" The earlier result stays." if kept else "")
        self.console.print(said, markup=False, highlight=False)
        record = self.kind.record(cell)
        if record is not None and not kept:
            status = Status(state=state, reason=missing.reason)
            self._write(cell, Record(None, run=record.run, status=status))
        if state == "failed":
            self.unmeasured.append(cell)

    def _mind_missing(self, missing: Mapping[Cell, Missing]) -> None:
        if not self.request.fail_on_missing:
            return
        pythons = sorted({cell.python for cell, reason in missing.items() if reason.state == "skipped"}, key=python_key)
        if pythons:
            raise PythonMissingError(
                f"Python {', '.join(pythons)} was not found: install it (uv python install {pythons[0]}), "
                "choose others with --pythons, or leave out --fail-on-missing."
            )
