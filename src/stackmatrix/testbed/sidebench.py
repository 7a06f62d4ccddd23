"""Cells side by side: all of them up at once on the target's core, and one plan of arrivals that goes round them.

A core that is shared with strangers changes its speed from one quarter of a minute to the next, and two trials that
follow each other meet different speeds. Here every cell meets the same: each process's clock counts its own CPU time,
whoever runs in between. Latency means nothing here, as the cells wait for each other.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Use, together
from stackmatrix.errors import TrialError
from stackmatrix.load.generator import LoadGenerator, Order
from stackmatrix.matrix.arrivals import planned
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import API_PORT, WORKLOADS
from stackmatrix.results.model import Environment
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import supervisor, verification
from stackmatrix.testbed.bench import Bench
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.supervisor import Supervisor, Target

FIRST_PORT = 8200
"""Cells of one stack on several Pythons cannot share the stack's own port."""


class CellError(Exception):
    """One cell does not come up or is not what it should be: the others can be started again without it."""

    def __init__(self, cell: Cell, reason: str) -> None:
        super().__init__(reason)
        self.cell = cell


@dataclass(frozen=True, slots=True)
class Seat:
    """A cell's place among the others."""

    cell: Cell
    environment: TargetEnvironment
    place: int

    @property
    def name(self) -> str:
        """Its watcher's name."""
        twin = "_twin" if self.cell.twin else ""
        return f"{self.cell.stack}_{self.cell.python.replace('.', '_')}{twin}"

    @property
    def stack(self) -> Stack:
        """The stack's row, with a port of the seat's own."""
        return replace(STACKS[self.cell.stack], port=FIRST_PORT + self.place)


@dataclass(frozen=True)
class Sat:
    """What was measured of all: ``facts`` of the load as a whole, rows and use of each cell by its place."""

    facts: LevelFacts
    rows: tuple[LevelRows, ...]
    uses: tuple[Use, ...]


@dataclass
class SideBench:
    """All cells are up, and each is the one that it should be; ``environments`` are what serves them."""

    seats: Sequence[Seat]
    environments: Mapping[Cell, Environment]
    generator: LoadGenerator
    bench: Bench
    verified_pids: tuple[int, ...]

    def warm_up(self, order: Order) -> None:
        """Drive them, apart from what is measured."""
        self.generator.wait_ready(self.bench.tick)
        self.bench.drive(order)

    def idle_shares(self, span_s: float) -> tuple[float, ...]:
        """The CPU share of each cell while nothing is asked of any for so long."""
        self.bench.meters.begin()
        end_s = time.monotonic() + span_s
        while time.monotonic() < end_s:
            time.sleep(0.1)
            self.bench.tick()
        uses = self.bench.meters.end()
        return tuple(uses[seat.name].cpu_share for seat in self.seats)

    def measure(self, order: Order, plan: LevelPlan) -> Sat:
        """Drive all of them by one plan of arrivals, each of which goes to the next cell.

        Raises:
            TrialError: when one of them, the external API or the generator has ended.

        """
        measured = self.bench.drive(order)
        driven, uses = measured.driven, measured.uses
        of_cells = tuple(uses[seat.name] for seat in self.seats)
        facts = LevelFacts(
            plan=plan,
            workload=WORKLOADS[self.seats[0].cell.workload],
            stack=self.seats[0].stack,
            rows=driven.rows,
            uses={**uses, "target": together(of_cells)},
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=self.verified_pids,
            target_pids_now=self.bench.target_pids,
            around=measured.around,
            recorded=driven.recorded,
            planned=planned(order.value, order.settle_s, driven.rows.window_s, order.seed),
        )
        return Sat(facts, self.generator.shares(order.level, driven.rows), of_cells)

    def finish(self) -> None:
        """Order no more load, and wait until the generator has ended well."""
        self.generator.finish(self.bench.tick)


@contextlib.contextmanager
def side_bench(
    seats: Sequence[Seat], layout: Layout, folder: Path, show: Callable[[str], None], api_port: int = API_PORT
) -> Iterator[SideBench]:
    """Start the external API, all cells and a load generator for each, and verify every cell; stop them all.

    Raises:
        CellError: for the first cell that does not come up or is not what it should be.
        TrialError: when anything else does not come up, or ends.
        SupervisorError: when something does not stop.

    """
    targets = [Target(seat.name, seat.environment.command(seat.stack), seat.stack.port) for seat in seats]
    ini = folder / "circus.ini"
    template = supervisor.CIRCUS_INI.read_text(encoding="utf-8")
    ini.write_text(supervisor.ini_for_many(template, [one.name for one in targets]), encoding="utf-8")
    circus = Supervisor(
        ini=ini,
        environment=supervisor.variables_for_many(targets, api_port, layout, folder),
        folder=folder,
        watchers=("api", *(one.name for one in targets)),
        cores=layout.harness,
    )
    workload = WORKLOADS[seats[0].cell.workload]
    generator = LoadGenerator(
        folder=folder,
        target_port=[one.port for one in targets],
        api_port=api_port,
        workload=workload,
        cores=layout.generator,
        count=len(targets),
    )
    with circus, generator:
        verification.wait_for_api(api_port, lambda: circus.why_gone("api"))
        show(f"{len(seats)} cells starting")
        identities = {seat: _answering(seat, circus, len(seats)) for seat in seats}
        show(f"verifying {len(seats)} cells")
        environments = {seat.cell: _verified(seat, circus, identities[seat], api_port) for seat in seats}
        circus.note_tree()
        ports = {"target": targets[0].port, "external_api": api_port}
        bench = Bench(circus, generator, layout, ports, [one.name for one in targets])
        yield SideBench(seats, environments, generator, bench, bench.target_pids)


def _answering(seat: Seat, circus: Supervisor, count: int) -> dict[str, Any]:
    """What a cell says of itself; all of them start at once on one core, so each has the time of all."""
    try:
        with circus.explaining(seat.name):
            return verification.wait_for_target(
                seat.stack.port, lambda: circus.why_gone(seat.name), verification.READY_TIMEOUT_S * count
            )
    except TrialError as error:
        raise CellError(seat.cell, str(error)) from error


def _verified(seat: Seat, circus: Supervisor, identity: dict[str, Any], api_port: int) -> Environment:
    stack = seat.stack
    try:
        with circus.explaining(seat.name):
            build = verification.verify_identity(identity, stack, seat.cell.python)
            verification.verify_workload(stack.port, api_port, WORKLOADS[seat.cell.workload])
    except TrialError as error:
        raise CellError(seat.cell, str(error)) from error
    return seat.environment.describe(build, identity["packages"], seat.environment.command(stack), api_port)
