"""Measures the CPU time that a request costs on all chosen cells side by side, in blocks of fresh processes.

A cell that does not come up is left out, and the others go on without it; a block that breaks is a block less for all.
"""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from stackmatrix.analysis.level.assess import assess_target, only_noted, validity_of
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.generator import Order
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, with_twins
from stackmatrix.matrix.ladder import LevelPlan, requests_at_once
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.beside import need_files, prepare, write_beside
from stackmatrix.measurements.progress import RunProgress
from stackmatrix.results.cost import Cost, CostBlock
from stackmatrix.results.findings import SECOND_ATTEMPT, Finding
from stackmatrix.results.model import Environment
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.results.store import Written
from stackmatrix.system import cores, git, host, ports
from stackmatrix.testbed import environments, supervisor
from stackmatrix.testbed.sidebench import FIRST_PORT, CellError, Sat, Seat, SideBench, side_bench

REQUESTS = 200
"""Of each cell in a block, unless a window is given: one more or less at an end of the window is half a per cent."""
WARM_REQUESTS = 40
"""Of each cell before that: Python specialises what it runs, and the first twenty cost more."""
IDLE_S = 10.0
"""A cell that is asked twice a second is idle for most of the time, and what it does then is not the requests' cost."""
SETTLE_S = 2.0
ONLY_NOTED = frozenset({"not-steady"})
"""Latency is not what is measured: cells that stand beside each other wait for each other."""
ATTEMPTS = 2
BLOCK_OVERHEAD_S, CELL_OVERHEAD_S = 20.0, 4.0
"""What a block and each cell in it take beside the load, for the first estimate."""


@dataclass(frozen=True, slots=True)
class CostOrder:
    """Everything that was asked for; without a ``window_s`` it is as long as so many requests take."""

    cells: tuple[Cell, ...]
    blocks: int
    seed: int
    folder: Path
    window_s: float | None = None
    machine_name: str | None = None
    nox_report: Path | None = None

    def window_of(self, workload: str, together: int) -> float:
        """The window's length, in seconds, where so many cells are asked in turn."""
        return self.window_s or REQUESTS * together / WORKLOADS[workload].compare_rate


@dataclass
class Sitting:
    """What is known of one cell so far."""

    started: str
    blocks: list[CostBlock] = field(default_factory=list)
    together: int = 0
    environment: Environment | None = None
    duration_s: float = 0.0
    failure: str | None = None


class CostRunner:
    """Measures an order's cells, one workload after the other. All that the user has to mend is found before."""

    def __init__(self, order: CostOrder, console: Console) -> None:
        self._order = order
        self.console = console
        self._layout = cores.divide_cores()
        self._machine = host.describe(self._layout)
        self.machine_name = order.machine_name or host.slug(self._machine)
        self._id = uuid.uuid4().hex
        self._commit: str | None = None
        self._sittings: dict[Cell, Sitting] = {}
        self._written: dict[Cell, Written] = {}
        self.failed: list[Cell] = []

    def run(self) -> list[Written]:
        """Measure every block of every workload; returns the written files.

        Raises:
            StackmatrixError: for what the user must mend, before anything is measured.
            KeyboardInterrupt: after everything is stopped; the blocks that were done are written.

        """
        order = self._order
        self._commit = git.git_commit()
        need_files(order.folder, self.machine_name, with_twins(order.cells, order.blocks))
        present, self.failed = prepare(order.cells, order.nox_report, self.console)
        cells = with_twins(present, order.blocks)
        by_workload = {name: [cell for cell in cells if cell.workload == name] for name in WORKLOADS}
        most = max(map(len, by_workload.values()), default=0)
        host.need_open_files(2 * most)
        for place in range(most):
            ports.need_free_port(FIRST_PORT + place, "a cell that stands beside others")
        chosen = {name: some for name, some in by_workload.items() if some}
        estimate_s = max((self._estimate_s(name, len(some)) for name, some in chosen.items()), default=0.0)
        generator = random.Random(order.seed)
        with RunProgress(self.console, len(chosen) * order.blocks, estimate_s) as progress:
            for some in chosen.values():
                for block in range(order.blocks):
                    generator.shuffle(some)
                    self._measure(block, some, generator.getrandbits(32), progress)
        self.failed += [cell for cell, one in self._sittings.items() if not one.blocks]
        return self.written

    @property
    def written(self) -> list[Written]:
        """What was written so far, in the order of the cells, whatever the order in which they sat."""
        order = with_twins(self._order.cells, self._order.blocks)
        return [self._written[cell] for cell in order if cell in self._written]

    def _estimate_s(self, workload: str, together: int) -> float:
        warm_s = WARM_REQUESTS * together / WORKLOADS[workload].compare_rate
        load_s = warm_s + IDLE_S + self._order.window_of(workload, together)
        return BLOCK_OVERHEAD_S + CELL_OVERHEAD_S * together + load_s

    def _measure(self, block: int, cells: list[Cell], seed: int, progress: RunProgress) -> None:
        """One block; a cell that cannot stand beside the others is left out of this block and all later ones."""
        started, started_s = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        progress.begin(f"{cells[0].workload}, block {block + 1}")
        failure = None
        while cells:
            seats = [Seat(cell, environments.need(cell.stack, cell.python), place) for place, cell in enumerate(cells)]
            folder = supervisor.private_folder()
            try:
                self._sit(block, seats, seed, folder, progress.show, started)
            except CellError as error:
                self._sitting(error.cell, started).failure = str(error)
                cells.remove(error.cell)
                self._tell(f"{error.cell} is left out: {error}")
                self._write(error.cell)
                continue
            except (TrialError, SupervisorError) as error:
                failure = str(error)
            finally:
                supervisor.remove(folder)
            break
        for cell in cells:
            one = self._sitting(cell, started)
            one.duration_s += time.monotonic() - started_s
            one.failure = failure or one.failure
            self._write(cell)
        progress.end(failure or self._describe(block, cells))

    def _sit(
        self, block: int, seats: Sequence[Seat], seed: int, folder: Path, show: Callable[[str], None], started: str
    ) -> None:
        workload, together = WORKLOADS[seats[0].cell.workload], len(seats)
        plan = LevelPlan("open", workload.compare_rate)
        with side_bench(seats, self._layout, folder, show) as bench:
            show("warming up")
            warm_s, window_s = WARM_REQUESTS * together / plan.value, self._order.window_of(workload.name, together)
            visitors = max(together, requests_at_once(plan))
            bench.warm_up(Order(WARMUP_LEVEL, plan.model, plan.value, visitors, 0.0, warm_s, plan_seed(seed, 1)))
            show("idle baseline")
            idle_shares = bench.idle_shares(IDLE_S)
            sat, findings = self._drive(bench, plan, visitors, window_s, plan_seed(seed, 0), show)
            bench.finish()
        for seat, idle_share in zip(seats, idle_shares, strict=True):
            one = self._sitting(seat.cell, started)
            one.together = together
            one.environment = one.environment or bench.environments[seat.cell]
            one.blocks.append(block_of(block, seat.place, sat, idle_share, findings))

    def _drive(
        self, bench: SideBench, plan: LevelPlan, visitors: int, window_s: float, seed: str, show: Callable[[str], None]
    ) -> tuple[Sat, tuple[Finding, ...]]:
        """The window, once more by the same plan where it is invalid; and what holds for all cells."""
        again: tuple[Finding, ...] = ()
        for attempt in range(1, ATTEMPTS + 1):
            show("measuring" + ("" if attempt == 1 else ", once more"))
            sat = bench.measure(Order(attempt, plan.model, plan.value, visitors, SETTLE_S, window_s, seed), plan)
            found = (*only_noted(find_all(sat.facts), ONLY_NOTED), *again)
            if validity_of(found) == "valid":
                break
            why = " ".join(one.sentence for one in found if one.severity == "invalid")
            sentence = f"Attempt {attempt + 1}; the one before: {why}"
            again = (Finding(code=SECOND_ATTEMPT, severity="note", sentence=sentence),)
        return sat, found

    def _sitting(self, cell: Cell, started: str) -> Sitting:
        return self._sittings.setdefault(cell, Sitting(started))

    def _tell(self, sentence: str) -> None:
        self.console.print(sentence, markup=False, highlight=False)

    def _describe(self, block: int, cells: Sequence[Cell]) -> str:
        """A block in a few words."""
        told = {cell: self._sittings[cell].blocks[-1] for cell in cells if self._sittings[cell].blocks}
        costs = [one.cpu_ms_per_request for one in told.values() if one.block == block and one.validity == "valid"]
        known = [cost for cost in costs if cost is not None]
        if not known:
            reasons = dict.fromkeys(each.sentence for one in told.values() for each in one.findings)
            return "invalid: " + " ".join(reasons)
        return f"{len(known)} cells, {min(known):.2f} to {max(known):.2f} ms of CPU per request"

    def _write(self, cell: Cell) -> None:
        one, workload = self._sittings[cell], WORKLOADS[cell.workload]
        cost = Cost(
            run_id=self._id,
            started=one.started,
            duration_s=one.duration_s,
            seed=self._order.seed,
            git_commit=self._commit,
            python=one.environment.python if one.environment else None,
            lock_sha256=environments.need(cell.stack, cell.python).lock_sha256,
            rate=workload.compare_rate,
            together=one.together,
            blocks=tuple(one.blocks),
            failure=one.failure,
        )
        self._written[cell] = write_beside(
            self._order.folder, self.machine_name, self._machine, cell, one.environment, cost
        )


def block_of(block: int, place: int, sat: Sat, idle_share: float, findings: tuple[Finding, ...]) -> CostBlock:
    """What one cell's block was; one failed request makes it invalid, as nobody asked what a failure costs."""
    rows, failures = sat.rows[place], sat.rows[place].failures()
    if failures:
        told = ", ".join(f"{count} {name}" for name, count in failures.items())
        sentence = f"{sum(failures.values())} requests failed ({told})."
        findings = (*findings, Finding(code="failures", severity="invalid", sentence=sentence))
    return CostBlock(
        block=block,
        place=place,
        window_s=rows.window_s,
        requests=len(rows.window),
        failures=failures,
        cpu_ms_per_request=cpu_ms(sat.uses[place], len(rows.answered), rows.window_s, idle_share),
        idle_share=idle_share,
        validity=validity_of(findings),
        findings=findings,
    )


def cpu_ms(use: Use, correct: int, window_s: float, idle_share: float) -> float | None:
    """CPU time per correct response in ms; ``None`` without any."""
    return assess_target(use, correct, window_s, idle_share)[0].cpu_ms_per_request
