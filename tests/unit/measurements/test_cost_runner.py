"""Blocks that are made up: who sits beside whom, who is left out, what makes a block invalid, and what is written."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import ResultFileError, TrialError
from stackmatrix.load.generator import Order
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.stacks import PYTHONS, REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.cost import runner as cost_runner
from stackmatrix.measurements.cost.runner import REQUESTS, CostOrder, CostRunner
from stackmatrix.results import store
from stackmatrix.results.cost import Cost
from stackmatrix.results.model import Environment
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.results.types import PythonBuild
from stackmatrix.system import ports
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.sidebench import CellError, Sat, Seat

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)
WORKLOAD = "fanout"
CELLS = cells.make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], (WORKLOAD,))
TWIN = Cell(stack=REFERENCE_STACK, python=PYTHONS[0], workload=WORKLOAD, twin=True)
WINDOW_S = 10.0
ENVIRONMENT = Environment(
    python=PythonBuild(version="3.12.1", implementation="CPython", compiler="GCC", optimised=True, gil=True),
    packages={"django": "6"}, lock_sha256="0", command=("serve",), variables={},
)  # fmt: skip


class MadeUp:
    """What each block does: ``broken`` cells do not come up, ``ends`` are blocks that break, and so on."""

    def __init__(
        self, build_facts: Callable[..., LevelFacts], make_level: Callable[..., LevelRows], ok: Callable[..., bytes]
    ) -> None:
        self.seats: list[tuple[Seat, ...]] = []
        self.orders: list[Order] = []
        self.broken: set[str] = set()
        self.ends: set[int] = set()
        self.late: set[int] = set()
        """Measurements, counted from 0, in which the generator is late."""
        self.failing: set[Cell] = set()
        self.measured = 0
        self._facts, self._level, self._ok = build_facts, make_level, ok
        self.generator = self.bench = None

    @contextlib.contextmanager
    def side_bench(
        self, seats: Sequence[Seat], _layout: object, _folder: Path, _show: Callable[[str], None]
    ) -> Iterator["MadeUp"]:
        self.seats.append(tuple(seats))
        for seat in seats:
            if seat.cell.stack in self.broken:
                raise CellError(seat.cell, "It did not start.")
        if len(self.seats) - 1 in self.ends:
            raise TrialError("Everything ended.")
        self.environments = {seat.cell: ENVIRONMENT for seat in seats}
        yield self

    def warm_up(self, order: Order) -> None:
        self.orders.append(order)

    def idle_shares(self, _span_s: float) -> tuple[float, ...]:
        return tuple(0.01 for _ in self.seats[-1])

    def measure(self, order: Order, level: LevelPlan) -> Sat:
        self.orders.append(order)
        lag_s = 0.5 if self.measured in self.late else 0.0
        self.measured += 1
        whole = [self._ok(100 + i / 20, 100.7 + i / 20, sent_s=100 + i / 20 + lag_s) for i in range(20 * 10)]
        facts = self._facts(whole, plan=level)
        rows = tuple(
            self._level(
                self._ok(
                    100 + i / 20, 100.7 + i / 20, outcome=3 if seat.cell in self.failing and i == seat.place else 0
                )
                for i in range(seat.place, 20 * 9, len(self.seats[-1]))
            )
            for seat in self.seats[-1]
        )
        # 0.21 of a core, of which 0.01 are idle: 2 s of CPU in ten.
        return Sat(facts, rows, tuple(Use(10.0, 2.1, 1, 1, 1, None) for _ in rows))

    def finish(self) -> None:
        pass


@pytest.fixture
def made(
    make_facts: Callable[..., LevelFacts],
    make_level: Callable[..., LevelRows],
    make_row: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> MadeUp:
    """Every block is made up; all cells are installed, and no check has more to say than is made up."""
    one = MadeUp(make_facts, make_level, make_row)
    installed = {
        (name, PYTHONS[0]): TargetEnvironment(name, PYTHONS[0], Path("/no"), "0") for name in (OTHER, REFERENCE_STACK)
    }
    monkeypatch.setattr(environments, "installed", lambda: installed)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)
    monkeypatch.setattr(cost_runner, "side_bench", one.side_bench)
    return one


def make_runner(folder: Path, blocks: int = 3, window_s: float | None = None) -> CostRunner:
    return CostRunner(CostOrder(CELLS, blocks, 1, folder, window_s, "m"), Console(file=io.StringIO()))


def read(folder: Path, cell: Cell) -> Cost:
    cost = store.read_result(store.path_of(folder, "m", cell), "name").cost
    assert cost is not None
    return cost


def test_each_block_seats_every_cell_and_the_twin_in_an_order_of_its_own(tmp_path: Path, made: MadeUp) -> None:
    runner = make_runner(tmp_path, blocks=6)
    runner.run()
    assert [sorted(seat.cell for seat in some) for some in made.seats] == [sorted((*CELLS, TWIN))] * 6
    assert len({tuple(seat.cell for seat in some) for some in made.seats}) > 1
    assert all([seat.place for seat in some] == [0, 1, 2] for some in made.seats)
    assert all(len({seat.stack.port for seat in some}) == 3 for some in made.seats)
    assert len({seat.name for seat in made.seats[0]}) == 3
    for cell in (*CELLS, TWIN):
        cost = read(tmp_path, cell)
        assert [one.block for one in cost.blocks] == list(range(6))
        assert (cost.rate, cost.together, cost.failure) == (WORKLOADS[WORKLOAD].compare_rate, 3, None)
        assert cost.run_id == read(tmp_path, TWIN).run_id
    assert runner.failed == []


def test_the_cost_is_the_busy_time_less_what_is_used_when_idle_over_correct_responses(
    tmp_path: Path, made: MadeUp
) -> None:
    make_runner(tmp_path, blocks=1).run()
    assert made.measured == 1
    (block,) = read(tmp_path, CELLS[0]).blocks
    assert block.requests == 90
    assert block.cpu_ms_per_request == pytest.approx(2_000 / 90)
    assert (block.idle_share, block.validity) == (0.01, "valid")
    # Without several blocks there is no twin to tell the noise.
    assert not store.path_of(tmp_path, "m", TWIN).exists()


def test_all_blocks_have_plans_of_their_own_and_a_window_for_so_many_requests_of_each_cell(
    tmp_path: Path, made: MadeUp
) -> None:
    make_runner(tmp_path, blocks=2).run()
    make_runner(tmp_path, blocks=1, window_s=7.0).run()
    warm, measured = made.orders[::2], made.orders[1::2]
    assert len({order.seed for order in made.orders}) == len(made.orders)
    assert {order.level for order in warm} == {WARMUP_LEVEL}
    rate = WORKLOADS[WORKLOAD].compare_rate
    assert [order.window_s for order in measured] == [REQUESTS * 3 / rate, REQUESTS * 3 / rate, 7.0]


def test_a_cell_that_does_not_come_up_is_left_out_and_the_others_go_on(tmp_path: Path, made: MadeUp) -> None:
    made.broken = {OTHER}
    runner = make_runner(tmp_path)
    runner.run()
    assert runner.failed == [CELLS[0]]
    assert [len(some) for some in made.seats] == [3, 2, 2, 2]
    lost = read(tmp_path, CELLS[0])
    assert (lost.failure, lost.blocks) == ("It did not start.", ())
    assert len(read(tmp_path, CELLS[1]).blocks) == 3
    # Who never sat beside the others is not among them.
    assert (lost.together, read(tmp_path, CELLS[1]).together) == (0, 2)


def test_a_block_that_breaks_is_a_block_less_for_all_and_the_reason_is_told(tmp_path: Path, made: MadeUp) -> None:
    made.ends = {1}
    runner = make_runner(tmp_path)
    runner.run()
    for cell in CELLS:
        cost = read(tmp_path, cell)
        assert ([one.block for one in cost.blocks], cost.failure) == ([0, 2], "Everything ended.")
    assert runner.failed == []


def test_cells_without_a_single_block_have_failed(tmp_path: Path, made: MadeUp) -> None:
    made.ends = {0, 1, 2}
    runner = make_runner(tmp_path)
    runner.run()
    assert sorted(runner.failed) == sorted((*CELLS, TWIN))


def test_an_invalid_window_is_made_once_more_by_the_same_plan(tmp_path: Path, made: MadeUp) -> None:
    made.late = {0}
    make_runner(tmp_path, blocks=1).run()
    first, second = made.orders[1:]
    assert (first.seed, first.value) == (second.seed, second.value)
    assert first.level != second.level
    (block,) = read(tmp_path, CELLS[0]).blocks
    assert block.validity == "valid"
    assert "Attempt 2; the one before: The generator was late" in block.findings[-1].sentence


def test_a_window_that_stays_invalid_tells_nothing_of_any_cell(tmp_path: Path, made: MadeUp) -> None:
    made.late = {0, 1}
    make_runner(tmp_path, blocks=1).run()
    for cell in CELLS:
        (block,) = read(tmp_path, cell).blocks
        assert block.validity == "invalid"
        assert read(tmp_path, cell).values == {}
        assert read(tmp_path, cell).cpu_ms is None


def test_a_failed_request_spoils_the_block_of_its_own_cell_only(tmp_path: Path, made: MadeUp) -> None:
    made.failing = {CELLS[0]}
    make_runner(tmp_path, blocks=1).run()
    (spoilt,), (sound,) = (read(tmp_path, cell).blocks for cell in CELLS)
    assert (spoilt.validity, sound.validity) == ("invalid", "valid")
    assert spoilt.findings[-1].sentence == "1 requests failed (1 connection)."


def test_a_file_that_cannot_be_read_ends_it_before_anything_is_started(tmp_path: Path, made: MadeUp) -> None:
    path = store.path_of(tmp_path, "m", TWIN)
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(ResultFileError):
        make_runner(tmp_path).run()
    assert made.seats == []
