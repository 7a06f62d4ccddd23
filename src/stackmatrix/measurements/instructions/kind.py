"""Instructions per request: counts every chosen cell some times over, each time in fresh processes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from stackmatrix.analysis import instructions
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import COUNT_REPEATS
from stackmatrix.measurements.attempts import until_done
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions.counting import CountedRepeat, Counting
from stackmatrix.measurements.request import CellState, Kind, Record, Setup, Show, Step
from stackmatrix.results.instructions import Instructions
from stackmatrix.testbed.supervisor import private_folder, remove


@dataclass
class _CellCounts(CellState):
    repeats: list[CountedRepeat] = field(default_factory=list)


def need_counter() -> str:
    """The program that counts here, with its version.

    Raises:
        CounterMissingError: when there is none.

    """
    folder = private_folder()
    try:
        return counters.choose(folder).version
    finally:
        remove(folder)


@dataclass
class InstructionCounts(Kind):
    """Counts each cell so many times, one cell after the other."""

    repeats: int = COUNT_REPEATS
    done: ClassVar[str] = "counted"
    estimate_s = 90.0
    _known: dict[Cell, _CellCounts] = field(default_factory=dict)

    def begin(self, setup: Setup) -> Sequence[Step]:
        self._setup = setup
        self._counter = need_counter()
        self._cells = [cell for cell in setup.cells for _ in range(self.repeats)]
        # Written after the last repeat: until then, what an earlier run has counted is worth more.
        return [
            Step(
                f"{cell}, repeat {place % self.repeats + 1}",
                (cell,) * (place % self.repeats == self.repeats - 1),
                place,
            )
            for place, cell in enumerate(self._cells)
        ]

    def perform(self, step: Step, show: Show) -> str:
        cell = self._cells[step.place]
        known = self._known.setdefault(cell, _CellCounts())
        if known.failure is not None:
            return known.failure
        started_s = time.monotonic()
        try:
            # Under valgrind a thread now and then waits for an answer that has come.
            counting = Counting(self._setup.subjects[cell], self._setup.layout, show)
            known.repeats.append(until_done(counting.run, show))
            known.environment = known.repeats[0].environment
        finally:
            known.duration_s += time.monotonic() - started_s
        return describe(known.repeats[-1])

    def fail(self, step: Step, reason: str) -> None:
        self._known[self._cells[step.place]].failure = reason

    def record(self, cell: Cell) -> Record | None:
        if (known := self._known.get(cell)) is None:
            return None
        counts = known.repeats[0].counts.items() if known.repeats else ()
        part = Instructions(
            **known.stamp(self._setup, cell),
            counter=self._counter,
            counts=tuple(
                instructions.summarise(
                    in_flight, one.requests, [each.counts[in_flight].costs for each in known.repeats]
                )
                for in_flight, one in counts
            ),
        )
        return Record(known.environment, part)

    def failures(self) -> list[Cell]:
        return [cell for cell, known in self._known.items() if known.failure is not None]


def describe(counted: CountedRepeat) -> str:
    parts = [
        f"{count.costs.total() / count.requests / 1e6:.2f} million at {in_flight} in flight"
        for in_flight, count in counted.counts.items()
    ]
    return "instructions per request: " + ", ".join(parts)
