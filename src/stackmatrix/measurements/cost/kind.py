"""CPU time per request on all chosen cells side by side, in blocks of fresh processes.

A cell that does not come up is left out, and the others go on without it; a block that breaks is a block less for all.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from stackmatrix.analysis.level.assess import assess_target, only_noted, validity_of
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.ladder import LoadLevel, requests_at_once
from stackmatrix.matrix.profiles import COST_BLOCKS, COST_REQUESTS
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.request import CellState, Kind, Record, Setup, Show, Step
from stackmatrix.results.cost import Cost, CostBlock
from stackmatrix.results.findings import Code, Finding, invalid
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.system import host
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel, SubjectError, Testbed

WARM_REQUESTS = 40
"""Of each cell before those that are measured: Python specialises what it runs, and the first twenty cost more."""
IDLE_S = 10.0
"""A cell that is asked twice a second is idle for most of the time, and what it does then is not the requests' cost."""
SETTLE_S = 2.0
ONLY_NOTED = frozenset({Code.NOT_STEADY})
"""Latency is not what is measured: cells that stand beside each other wait for each other."""
BLOCK_OVERHEAD_S, CELL_OVERHEAD_S = 20.0, 4.0
"""What a block and each cell in it take beside the load, for the first estimate."""


@dataclass
class _CellBlocks(CellState):
    blocks: list[CostBlock] = field(default_factory=list)
    together: int = 0


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of one workload, and the seed of everything random in it."""

    number: int
    workload: Workload
    seed: int


@dataclass
class CostBlocks(Kind):
    """Measures one workload after the other; a window is ``window_s`` long, or as long as COST_REQUESTS take."""

    blocks: int = COST_BLOCKS
    window_s: float | None = None
    done: ClassVar[str] = "measured side by side"
    _known: dict[Cell, _CellBlocks] = field(default_factory=dict)

    def window_of(self, workload: Workload, together: int) -> float:
        """The window's length, in seconds, where so many cells are asked in turn."""
        return self.window_s or COST_REQUESTS * together / workload.compare_rate

    def begin(self, setup: Setup) -> Sequence[Step]:
        self._setup = setup
        workloads = list(dict.fromkeys(subject.workload for subject in setup.subjects.values()))
        self._subjects = {one: [each for each in setup.subjects.values() if each.workload == one] for one in workloads}
        host.need_open_files(2 * max(map(len, self._subjects.values()), default=0))
        estimates = [self._estimate_s(workload, len(some)) for workload, some in self._subjects.items()]
        self.estimate_s = max(estimates, default=0.0)
        generator = random.Random(setup.request.seed)
        self._blocks = [
            _Block(number, workload, generator.getrandbits(32))
            for workload in workloads
            for number in range(self.blocks)
        ]
        return [
            Step(f"{one.workload.name}, block {one.number + 1}", self._cells_of(one.workload), place)
            for place, one in enumerate(self._blocks)
        ]

    def _cells_of(self, workload: Workload) -> tuple[Cell, ...]:
        return tuple(subject.cell for subject in self._subjects[workload])

    def _estimate_s(self, workload: Workload, together: int) -> float:
        warm_s = WARM_REQUESTS * together / workload.compare_rate
        load_s = warm_s + IDLE_S + self.window_of(workload, together)
        return BLOCK_OVERHEAD_S + CELL_OVERHEAD_S * together + load_s

    def perform(self, step: Step, show: Show) -> str:
        """One block; a cell that cannot stand beside the others is left out of this block and all later ones."""
        block = self._blocks[step.place]
        subjects = self._subjects[block.workload]
        for subject in subjects:
            self._known.setdefault(subject.cell, _CellBlocks())
        random.Random(block.seed).shuffle(subjects)
        left_out = []
        started_s = time.monotonic()
        try:
            while subjects:
                try:
                    self._measure(block, subjects, show)
                    break
                except SubjectError as error:
                    self._known[error.subject.cell].failure = str(error)
                    subjects.remove(error.subject)
                    left_out.append(f"{error.subject.cell} is left out: {error}")
        finally:
            for subject in subjects:
                self._known[subject.cell].duration_s += time.monotonic() - started_s
        return "; ".join([self._describe(block.number, subjects), *left_out])

    def _measure(self, block: _Block, subjects: Sequence[Subject], show: Show) -> None:
        level, together = LoadLevel("open", block.workload.compare_rate), len(subjects)
        warm_s, window_s = WARM_REQUESTS * together / level.value, self.window_of(block.workload, together)
        visitors = max(together, requests_at_once(level))
        with testbed.start(subjects, self._setup.layout, Load(block.workload), show) as bed:
            bed.verify()
            show("warming up")
            seed = plan_seed(block.seed, 1)
            bed.warm_up(LevelOrder(WARMUP_LEVEL, level.model, level.value, visitors, 0.0, warm_s, seed))
            show("idle baseline")
            idle_shares = bed.idle_shares(IDLE_S)
            seed = plan_seed(block.seed, 0)
            order = LevelOrder(0, level.model, level.value, visitors, SETTLE_S, window_s, seed)
            measured, findings = _drive(bed, order, level, show)
        for place, (subject, idle_share) in enumerate(zip(subjects, idle_shares, strict=True)):
            known = self._known[subject.cell]
            known.together = together
            known.environment = known.environment or bed.environments.get(subject.name)
            known.blocks.append(block_of(block.number, place, measured, idle_share, findings))

    def _describe(self, number: int, subjects: Sequence[Subject]) -> str:
        if not subjects:
            return "no cell is left"
        last = [self._known[one.cell].blocks[-1] for one in subjects if self._known[one.cell].blocks]
        costs = [one.cpu_ms_per_request for one in last if one.block == number and one.validity == "valid"]
        known = [cost for cost in costs if cost is not None]
        if not known:
            reasons = dict.fromkeys(each.sentence for one in last for each in one.findings)
            return "invalid: " + " ".join(reasons)
        return f"{len(known)} cells, {min(known):.2f} to {max(known):.2f} ms of CPU per request"

    def fail(self, step: Step, reason: str) -> None:
        for subject in self._subjects[self._blocks[step.place].workload]:
            self._known[subject.cell].failure = reason

    def record(self, cell: Cell) -> Record | None:
        if (known := self._known.get(cell)) is None:
            return None
        cost = Cost(
            **known.stamp(self._setup, cell),
            run_id=self._setup.provenance.run_id,
            seed=self._setup.request.seed,
            rate=self._setup.subjects[cell].workload.compare_rate,
            together=known.together,
            blocks=tuple(known.blocks),
        )
        return Record(known.environment, cost)

    def failures(self) -> list[Cell]:
        return [cell for cell, known in self._known.items() if not known.blocks]


def _drive(bed: Testbed, order: LevelOrder, level: LoadLevel, show: Show) -> tuple[MeasuredLevel, tuple[Finding, ...]]:
    """The window, once more by the same plan where it is invalid; and what holds for all cells."""

    def attempt(number: int) -> tuple[MeasuredLevel, tuple[Finding, ...]]:
        show("measuring" if number == 1 else "measuring, once more")
        # A second attempt's rows are marked apart from those of the first.
        measured = bed.drive(replace(order, level=number), level)
        return measured, only_noted(find_all(measured.facts), ONLY_NOTED)

    (measured, found), notes = until_valid(attempt, lambda outcome: outcome[1])
    return measured, (*found, *notes)


def block_of(
    block: int, place: int, measured: MeasuredLevel, idle_share: float, findings: tuple[Finding, ...]
) -> CostBlock:
    """What one cell's block was; one failed request makes it invalid, as nobody asked what a failure costs."""
    rows, failures = measured.rows[place], measured.rows[place].failures()
    if failures:
        listed = ", ".join(f"{count} {name}" for name, count in failures.items())
        sentence = f"{sum(failures.values())} requests failed ({listed})."
        findings = (*findings, invalid(Code.FAILURES, sentence))
    use, _ = assess_target(measured.uses[place], len(rows.answered), rows.window_s, idle_share)
    return CostBlock(
        block=block,
        place=place,
        window_s=rows.window_s,
        requests=len(rows.window),
        failures=failures,
        cpu_ms_per_request=use.cpu_ms_per_request,
        idle_share=idle_share,
        validity=validity_of(findings),
        findings=findings,
    )
