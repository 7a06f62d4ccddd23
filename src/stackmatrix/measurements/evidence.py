"""The evidence of a run's cells: what their files hold, what is added, and what does not belong together any more.

A file's blocks were all made under the same conditions. What can be known of the conditions before the first block is
compared then, so that nobody is surprised by what is replaced; the rest when the target has said what it is.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from stackmatrix.errors import ResultsFolderError
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.wording import called, were
from stackmatrix.results import store, writing
from stackmatrix.results.blocks import Block
from stackmatrix.results.codec import encode
from stackmatrix.results.conditions import Conditions, Environment, Machine, differences, machine_differences
from stackmatrix.results.model import FIELDS, FORMAT_VERSION, Result, Run, Status


@dataclass(frozen=True, slots=True)
class Replaced:
    """Evidence that this run does not add to, and what has changed since."""

    cell: Cell
    blocks: int
    differs: tuple[str, ...]


def in_words(replaced: Iterable[Replaced]) -> Iterator[str]:
    """What is replaced, cells for which the same has changed together."""
    by_change: dict[tuple[str, ...], list[Replaced]] = {}
    for one in replaced:
        by_change.setdefault(one.differs, []).append(one)
    for differs, alike in by_change.items():
        blocks = were(sum(one.blocks for one in alike), "block")
        yield f"{called([one.cell for one in alike])}: {blocks} made under other conditions ({', '.join(differs)})."


@dataclass
class Evidence:
    """What is known of each cell, and its file, which :meth:`write` writes after every step."""

    folder: Path
    machine_name: str
    machine: Machine
    tool_lock_sha256: str | None
    run: Run
    results: dict[Cell, Result] = field(default_factory=dict)
    written: dict[Cell, Path] = field(default_factory=dict)
    """The files that this run wrote."""
    _unwritten: dict[Cell, None] = field(default_factory=dict)

    def open(self, subjects: Mapping[Cell, Subject]) -> list[Replaced]:
        """Read what there is of these cells; returns what cannot be added to.

        Raises:
            ResultFileError: when a file cannot be read, so that writing it would lose something.

        """
        replaced = []
        for cell, subject in subjects.items():
            earlier = self._read(cell)
            if earlier is None or earlier.conditions is None:
                continue
            differs = self._known_differences(earlier.conditions, subject)
            if not differs:
                self.results[cell] = earlier
            elif earlier.blocks:
                replaced.append(Replaced(cell, len(earlier.blocks), differs))
        return [*replaced, *self._of_another_rate()]

    def _known_differences(self, earlier: Conditions, subject: Subject) -> tuple[str, ...]:
        """What is known to differ before the target was started."""
        now = Conditions(machine=self.machine, environment=earlier.environment, tool_lock_sha256=self.tool_lock_sha256)
        lock = earlier.environment.lock_sha256 != subject.environment.lock_sha256
        files = earlier.environment.app_sha256 != subject.app.sha256
        known = [*(["the packages"] if lock else []), *(["the application"] if files else [])]
        return (*machine_differences(earlier, now), *known)

    def _of_another_rate(self) -> list[Replaced]:
        """Cells that were asked at another rate than most of their workload: only cells of one rate are compared."""
        replaced = []
        for workload in {cell.workload for cell in self.results}:
            some = {cell: one for cell, one in self.results.items() if cell.workload == workload}
            known = [rate for one in some.values() if (rate := one.conditions and one.conditions.cost_rate)]
            usual = max(known, key=known.count, default=None)
            for cell, one in some.items():
                rate = one.conditions and one.conditions.cost_rate
                if rate and usual and rate != usual:
                    differs = (f"the arrivals per second at each cell ({rate:g} → {usual:g})",)
                    replaced.append(Replaced(cell, len(one.blocks), differs))
                    del self.results[cell]
        return replaced

    def cost_rate(self, workload: str) -> float | None:
        """The rate of arrivals at each cell in the cost blocks that there are."""
        rates = (
            one.conditions.cost_rate
            for cell, one in self.results.items()
            if cell.workload == workload and one.conditions is not None
        )
        return next((rate for rate in rates if rate), None)

    def add(
        self,
        cell: Cell,
        block: Block,
        environment: Environment,
        *,
        cost_rate: float | None = None,
        loop_ms: float | None = None,
    ) -> tuple[str, ...]:
        """Add a block to a cell's file; returns what makes its earlier blocks other evidence, if any."""
        earlier = self.results.get(cell)
        conditions = Conditions(
            machine=self.machine,
            environment=environment,
            tool_lock_sha256=self.tool_lock_sha256,
            cost_rate=cost_rate or (earlier.conditions.cost_rate if earlier and earlier.conditions else None),
        )
        differs = differences(earlier.conditions, conditions) if earlier and earlier.conditions else ()
        if earlier is None or differs:
            earlier = Result(format_version=FORMAT_VERSION, cell=cell, status=Status(state="ok"))
        name = FIELDS[type(block)]
        runs = earlier.runs if any(run.id == self.run.id for run in earlier.runs) else (*earlier.runs, self.run)
        result = msgspec.structs.replace(
            earlier,
            status=_with_a_block(earlier.status),
            conditions=conditions,
            python_loop_ms=loop_ms or earlier.python_loop_ms,
            runs=runs,
            **{name: (*getattr(earlier, name), block)},
        )
        self._write(cell, result)
        return differs

    def fail(self, cell: Cell, status: Status) -> None:
        """Say in the cell's file why it could not be measured; evidence in it stays, and is of an unstable cell.

        What was made under other conditions stays as it is.
        """
        known = self.results.get(cell)
        if known is None and (there := self._read(cell)) is not None and there.blocks:
            return
        if known is None:
            known = Result(format_version=FORMAT_VERSION, cell=cell, status=status)
        elif known.blocks:
            status = Status(state="unstable", reason=status.reason)
        self._write(cell, msgspec.structs.replace(known, status=status))

    def _read(self, cell: Cell) -> Result | None:
        return store.read_earlier(self.folder, self.machine_name, cell)

    def _write(self, cell: Cell, result: Result) -> None:
        self.results[cell] = result
        self._unwritten[cell] = None

    def write(self) -> None:
        """Write what has changed since, all of it or none; and files of this run that somebody has removed.

        Raises:
            ResultsFolderError: when it cannot be written, with where it is instead.

        """
        gone = [cell for cell, path in self.written.items() if not path.exists()]
        cells = [*dict.fromkeys([*self._unwritten, *gone])]
        paths = {cell: store.path_of(self.folder, self.machine_name, cell) for cell in cells}
        try:
            files = {path: encode(self.results[cell]) for cell, path in paths.items()}
            writing.write_together(self.folder, self.machine_name, files)
        except ResultsFolderError as error:
            raise ResultsFolderError(self._rescue(cells, error)) from error
        self.written |= paths
        self._unwritten.clear()

    def _rescue(self, cells: Iterable[Cell], error: ResultsFolderError) -> str:
        """Write elsewhere what cannot be written where it belongs; returns what to do, as a sentence."""
        why = str(error).rpartition(": ")[0]
        try:
            elsewhere = Path(tempfile.mkdtemp(prefix="unwritten-results-"))
            for cell in cells:
                store.write_result(elsewhere, self.machine_name, self.results[cell])
        except (OSError, ResultsFolderError):
            return f"{why}, and the last block is lost: nowhere else can be written either. Mend that and run again."
        return (
            f"{why}. The last block is kept in {elsewhere}: mend that, copy it to where it belongs "
            f"(cp -R {elsewhere}/. {self.folder}), and run again."
        )


def _with_a_block(status: Status) -> Status:
    """How a cell stands that has a block now: one that could not be measured at another time is unstable."""
    return status if status.state == "ok" else Status(state="unstable", reason=status.reason)
