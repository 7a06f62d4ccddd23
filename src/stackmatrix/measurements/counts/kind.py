"""Instructions per request: rounds of all cells, each counted once a round in fresh processes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stackmatrix.matrix.cells import Cell
from stackmatrix.measurements.attempts import until_done
from stackmatrix.measurements.counts import counters
from stackmatrix.measurements.counts.counting import Counting, loads_of, quick_loads_of
from stackmatrix.measurements.counts.sameness import HASH_SEEDS
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step, now
from stackmatrix.results.counts import CountBlock
from stackmatrix.system import private_folders

ESTIMATE_S, QUICK_S = 240.0, 60.0
"""One count, until one was timed: most of it is twenty slow requests at once. One that is quick does without these."""
MOST_FAILURES = 2
"""After so many in one run, nothing of a cell is tried again."""


def need_counter() -> str:
    """The program that counts here, with its version.

    Raises:
        CounterMissingError: when there is none.

    """
    folder = private_folders.make()
    try:
        return counters.choose(folder).version
    finally:
        private_folders.remove(folder)


@dataclass
class Counts(Kind):
    """Counts one cell a step, and each once a turn; where it is ``quick``, one request in flight only."""

    name: ClassVar[str] = "counts"
    quick: bool = False

    def begin(self, setup: Setup) -> None:
        need_counter()
        self._setup, self._turn = setup, 0
        self._took_s = QUICK_S if self.quick else ESTIMATE_S

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        self._turn = turn
        if not 1 <= turn <= self._setup.profile.counts:
            return ()
        number = turn - 1
        return [Step(f"{cell}, count {turn}", (cell,), number, self._took_s) for cell in self._cells(standing)]

    def later_s(self, standing: Standing) -> float:
        return max(0, self._setup.profile.counts - self._turn) * len(self._cells(standing)) * self._took_s

    def _cells(self, standing: Standing) -> list[Cell]:
        """No controls: what they show, a count does not need to be shown."""
        cells = [cell for cell in self._setup.cells if cell.control is None]
        return [cell for cell in cells if standing.failed.get(cell, 0) < MOST_FAILURES]

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        started, began_s = now(), time.monotonic()
        seed = HASH_SEEDS[step.number % len(HASH_SEEDS)]
        # Under valgrind a thread now and then waits for an answer that has come.
        subject = self._setup.subjects[cell]
        choose = quick_loads_of if self.quick else loads_of
        loads = choose(subject.workload, subject.stack.slots)
        counted = until_done(Counting(subject, self._setup.layout, seed, show, loads).run, show)
        self._took_s = time.monotonic() - began_s
        block = CountBlock(
            **self._setup.stamp(step.number, started, self._took_s),
            validity="valid",
            hash_seed=seed,
            counter=counted.counter,
            counts=counted.counts,
        )
        return Outcome(describe(block), {cell: block}, {cell: counted.environment})


def describe(block: CountBlock) -> str:
    parts = [f"{count.instructions / 1e6:.2f} million at {count.in_flight} in flight" for count in block.counts]
    return "instructions per request: " + ", ".join(parts)
