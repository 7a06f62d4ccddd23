"""CPU time per request on all chosen cells side by side, in blocks of fresh processes.

A cell that does not come up is left out of its block, and the others go on without it; one that fails twice is left out
of the run. Cells of which everything is decided leave the later blocks.
"""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from stackmatrix.analysis.comparison.looks import MAIN_LOOK
from stackmatrix.analysis.comparison.racing import forecast
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.machine_checks import check_held_up
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.ladder import LoadLevel, requests_at_once
from stackmatrix.matrix.profiles import LOOKS, CostLengths
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.cost import rate
from stackmatrix.measurements.cost.batches import batches, most_together
from stackmatrix.measurements.cost.blocks import block_of, describe
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step, now
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.findings import Code, Finding, note
from stackmatrix.results.model import Result
from stackmatrix.system import headroom, host
from stackmatrix.testbed import testbed
from stackmatrix.testbed.supervisor import StubbornError
from stackmatrix.testbed.testbed import Load, MeasuredLevel, Testbed
from stackmatrix.testbed.watch import SubjectError

FEW_CELLS = 6
"""Side by side, controls among them: three blocks of fewer tell so little of the noise that they decide nothing."""
SPARE = 2
"""Blocks more before anything else is measured, where some of the first do not count: without them nothing is known."""
MOST_FAILURES = 2
BLOCK_OVERHEAD_S, CELL_OVERHEAD_S = 10.0, 2.5
"""What a block and each cell in it take beside the load, until one was timed."""
KILLED = note(Code.KILLED, "It did not stop when asked to, and was killed.")
WARM_LEVEL, FIRST_LEVEL = 0, 1
"""Marks of the rows of the warm-up, and of the first attempt at a window; further attempts count up."""


@dataclass
class CostBlocks(Kind):
    """Measures each workload's cells side by side."""

    name: ClassVar[str] = "cost"
    lengths: CostLengths = field(default_factory=CostLengths)
    _rates: dict[Workload, float] = field(default_factory=dict)
    """Arrivals per second at each cell, as they were found or stand in the files."""
    _planted_ms: dict[Workload, float] = field(default_factory=dict)
    _took_s: dict[Workload, float] = field(default_factory=dict)

    def begin(self, setup: Setup) -> None:
        self._setup, self.lengths = setup, setup.profile.cost
        self._generator = random.Random(setup.request.seed)
        self._most = most_together(min(setup.machine.memory_bytes, headroom.memory().total))
        together = max((len(setup.cells_of(one)) for one in setup.workloads), default=0)
        host.need_open_files(2 * min(together, self._most))

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        return [step for workload in self._setup.workloads for step in self._steps_of(workload, turn, standing)]

    def _steps_of(self, workload: Workload, turn: int, standing: Standing) -> Iterator[Step]:
        """In the first turn all blocks that are needed before anything is judged, then one a turn of what is open."""
        known = self._rate_of(workload, standing)
        if known is not None:
            self._rates.setdefault(workload, known)
        planted_ms = _planted_ms(standing.results.get(cell) for cell in self._setup.cells_of(workload))
        if planted_ms is not None:
            self._planted_ms.setdefault(workload, planted_ms)
        every = [cell for cell in self._setup.cells_of(workload) if standing.failed.get(cell, 0) < MOST_FAILURES]
        made = [_rounds(standing.results.get(cell)) for cell in every]
        least, most = min(made, default=0), max(made, default=0)
        wanted = _opening(len(every)) - _fewest_valid(every, standing)
        if turn == 0 and wanted > 0:
            for number in range(least, min(least + wanted + SPARE, self._setup.profile.blocks)):
                yield from self._round(workload, number, every, is_spare=number >= least + wanted)
            return
        still_open = [cell for cell in every if cell in standing.open or not _is_known(standing.results.get(cell))]
        if len(still_open) > 1 and most < self._setup.profile.blocks:
            # A number that this run has not used, also where a block has failed.
            used = (
                block.round + 1 for cell in every for block in _blocks(standing.results.get(cell)) if self._own(block)
            )
            yield from self._round(workload, max(most, *used, 0), still_open)

    def _own(self, block: CostBlock) -> bool:
        return block.run == self._setup.provenance.run_id

    def _rate_of(self, workload: Workload, standing: Standing) -> float | None:
        conditions = (
            standing.results[cell].conditions for cell in self._setup.cells_of(workload) if cell in standing.results
        )
        return next((one.cost_rate for one in conditions if one is not None and one.cost_rate), None)

    def is_needed(self, step: Step, standing: Standing) -> bool:
        """A spare block is, where too few of those before it count to look at."""
        cells = [cell for cell in step.cells if standing.failed.get(cell, 0) < MOST_FAILURES]
        return not step.is_spare or _fewest_valid(cells, standing) < _opening(len(cells))

    def _round(
        self, workload: Workload, number: int, cells: Sequence[Cell], *, is_spare: bool = False
    ) -> Iterator[Step]:
        """One block of all these cells, in as many batches as that takes."""
        parts = batches(cells, self._most, f"{self._setup.request.seed}:{workload.name}:{number}")
        for batch, part in enumerate(parts):
            of = f", batch {batch + 1} of {len(parts)}" if len(parts) > 1 else ""
            label = f"{workload.name}, cost block {number + 1}{of}"
            yield Step(label, part, number, self._estimate_s(workload, len(part)), batch, is_spare)

    def _estimate_s(self, workload: Workload, together: int) -> float:
        per_cell = self._rates.get(workload, workload.compare_rate / max(1, together))
        window_s = min(self.lengths.longest_s, self.lengths.requests / per_cell)
        load_s = self.lengths.warm / per_cell + self.lengths.idle_s + self.lengths.settle_s + window_s
        return self._took_s.get(workload, BLOCK_OVERHEAD_S + CELL_OVERHEAD_S * together + load_s)

    def later_s(self, standing: Standing) -> float:
        """As long as the open comparisons probably take, or the blocks that are left."""
        workloads = {workload.name: workload for workload in self._setup.workloads}
        later_s = 0.0
        for family in standing.families:
            if family.metric.headline and (workload := workloads.get(family.workload)) is not None:
                left = max(0, self._setup.profile.blocks - family.blocks)
                needed = forecast(family)
                blocks = left if needed is None else min(left, needed)
                parts = batches(self._setup.cells_of(workload), self._most, "")
                later_s += blocks * sum(self._estimate_s(workload, len(part)) for part in parts)
        return later_s

    def perform(self, step: Step, show: Show) -> Outcome:
        """One block; a cell that cannot stand beside the others is left out of it."""
        subjects = [self._setup.subjects[cell] for cell in step.cells]
        seed = self._generator.getrandbits(32)
        random.Random(seed).shuffle(subjects)
        failures: dict[Cell, str] = {}
        ended: set[Cell] = set()
        started_s = time.monotonic()
        while len(subjects) > 1:
            try:
                outcome = self._measure(step, subjects, seed, show)
            except SubjectError as error:
                cell = error.subject.cell
                failures[cell] = str(error)
                # One that was up stands beside the others once more: what has ended it may not be its own.
                if not error.may_come_up or cell in ended:
                    subjects.remove(error.subject)
                ended.add(cell)
                continue
            workload = subjects[0].workload
            self._took_s[workload] = time.monotonic() - started_s
            said = [f"{cell} {_fate(cell, outcome)}: {reason}" for cell, reason in failures.items()]
            return Outcome(
                "; ".join([outcome.words, *said]),
                outcome.blocks,
                outcome.environments,
                failures,
                self._rates[workload],
                outcome.loops_ms,
            )
        failures |= {one.cell: "no cell is left that it could stand beside" for one in subjects}
        return Outcome("no cells are left", failures=failures)

    def _measure(self, step: Step, subjects: Sequence[Subject], seed: int, show: Show) -> Outcome:
        workload = subjects[0].workload
        started, started_s = now(), time.monotonic()
        measured, killed = None, None
        try:
            with testbed.start(subjects, self._setup.layout, Load(), show) as bed:
                bed.verify()
                bed.warm_up(None)
                show("warming up")
                self._warm(bed, workload, subjects, seed)
                periods = self._periods(workload, subjects)
                show("idle")
                idle_shares = bed.idle_shares(self.lengths.idle_s)
                measured, findings = self._drive(bed, workload, periods, seed, show)
        except StubbornError as error:  # how it ends is no part of what it costs
            if measured is None:
                raise
            killed = error
        stamp = self._setup.stamp(step.number, started, time.monotonic() - started_s)
        blocks: dict[Cell, CostBlock] = {
            subject.cell: block_of(
                measured,
                place,
                stamp=stamp,
                rate=self._rates[workload] / periods[place],
                idle_share=idle_share,
                findings=(*findings, *([KILLED] if killed and subject.name in killed.names else ())),
                planted_ms=self._planted_ms[workload] if subject.cell.control == "planted" else None,
                batch=step.batch,
            )
            for place, (subject, idle_share) in enumerate(zip(subjects, idle_shares, strict=True))
        }
        environments = {subject.cell: bed.environments[subject.name] for subject in subjects}
        loops_ms = {subject.cell: bed.loops_ms[subject.name] for subject in subjects if subject.name in bed.loops_ms}
        words = describe(blocks) + (f"; {killed}" if killed else "")
        return Outcome(words, blocks, environments, loops_ms=loops_ms)

    def _warm(self, bed: Testbed, workload: Workload, subjects: Sequence[Subject], seed: int) -> None:
        """Warm up; find the rate of arrivals where none is known or the one that is would be too much; plant."""
        together = len(subjects)
        per_cell = self._rates.get(workload, workload.compare_rate / together)
        level, turns = self._level(per_cell, self._periods(workload, subjects))
        warm_s = self.lengths.warm / per_cell
        # The first requests of a process import and compile: what is found for all later blocks is found without them.
        for number in (1, 2) if workload not in self._rates else (1,):
            measured = bed.drive(_order(WARM_LEVEL, level, turns, 0.0, warm_s, plan_seed(seed, number)), level)
        if check_held_up(measured.facts):  # all later blocks have the rate that is found here
            measured = bed.drive(_order(WARM_LEVEL, level, turns, 0.0, warm_s, plan_seed(seed, 3)), level)
        found = rate.find(measured.uses, measured.rows)
        if workload in self._rates and found.busy_share > rate.MOST_BUSY_SHARE:
            # Earlier blocks are given up with the rate: it has to be too much for processes that have begun, too.
            measured = bed.drive(_order(WARM_LEVEL, level, turns, 0.0, warm_s, plan_seed(seed, 4)), level)
            found = rate.find(measured.uses, measured.rows)
        if workload not in self._rates or found.busy_share > rate.MOST_BUSY_SHARE:
            self._rates[workload] = found.per_cell
        places = {subject.cell: place for place, subject in enumerate(subjects)}
        planted = next((cell for cell in places if cell.control == "planted"), None)
        if workload not in self._planted_ms and planted is not None:
            # Of the twin, or where that has failed of the cell that both are controls of, or of the control itself.
            same = (msgspec.structs.replace(planted, control=control) for control in ("twin", None, "planted"))
            reference = next(places[cell] for cell in same if cell in places)
            self._planted_ms[workload] = rate.PLANTED_SHARE * found.cost_ms[reference]
        bed.plant(self._planted_ms.get(workload, 0.0))

    def _periods(self, workload: Workload, subjects: Sequence[Subject]) -> tuple[int, ...]:
        """In how many rounds of arrivals each subject has a turn."""
        per_cell = self._rates.get(workload, workload.compare_rate / len(subjects))
        return tuple(rate.period_of(per_cell, one.stack.slots, workload.unloaded_ms) for one in subjects)

    def _level(self, per_cell: float, periods: Sequence[int]) -> tuple[LoadLevel, rate.Turns]:
        turns = rate.turns_of(periods)
        return LoadLevel("open", per_cell * turns.shares), turns

    def _drive(
        self, bed: Testbed, workload: Workload, periods: Sequence[int], seed: int, show: Show
    ) -> tuple[MeasuredLevel, tuple[Finding, ...]]:
        """The window, once more by the same plan where it is invalid; and what holds for all cells."""
        per_cell, lengths = self._rates[workload], self.lengths
        level, turns = self._level(per_cell, periods)
        window_s = min(lengths.longest_s, lengths.requests / per_cell)

        def attempt(number: int) -> tuple[MeasuredLevel, tuple[Finding, ...]]:
            show("measuring" if number == 1 else "measuring, once more")
            order = _order(FIRST_LEVEL + number - 1, level, turns, lengths.settle_s, window_s, plan_seed(seed, 0))
            measured = bed.drive(order, level)
            return measured, find_all(measured.facts)

        (measured, found), notes = until_valid(attempt, lambda outcome: outcome[1])
        return measured, (*found, *notes)


def _fate(cell: Cell, outcome: Outcome) -> str:
    return "was started again" if cell in outcome.blocks else "is left out"


def _opening(together: int) -> int:
    """How many blocks of a workload have to count before anything else is measured of it."""
    return LOOKS[0] if together >= FEW_CELLS else MAIN_LOOK


def _order(mark: int, level: LoadLevel, turns: rate.Turns, settle_s: float, window_s: float, seed: str) -> LevelOrder:
    visitors = max(len(turns.places), requests_at_once(level))
    return LevelOrder(mark, level.model, level.value, visitors, settle_s, window_s, seed, list(turns.places))


def _rounds(result: Result | None, *, valid: bool = False) -> int:
    """Of how many rounds a cell has blocks, or valid ones; one that is in every batch has several of each."""
    return len({(block.run, block.round) for block in _blocks(result) if block.is_valid or not valid})


def _blocks(result: Result | None) -> tuple[CostBlock, ...]:
    return () if result is None else result.cost


def _fewest_valid(cells: Sequence[Cell], standing: Standing) -> int:
    return min((_rounds(standing.results.get(cell), valid=True) for cell in cells), default=0)


def _planted_ms(results: Iterable[Result | None]) -> float | None:
    """What the planted control burns in the blocks that there are: one amount makes one effect that is to be found."""
    burnt = (block.planted_ms for one in results if one is not None for block in reversed(one.cost) if block.is_valid)
    return next((ms for ms in burnt if ms), None)


def _is_known(result: Result | None) -> bool:
    """Whether any block of a cell counts: before, nothing is said of it, and so nothing of it is open."""
    return _rounds(result, valid=True) > 0
