"""Blocks on testbeds that are made up: which cells stand beside which, which are left out, what makes one invalid."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell, Subject, with_twins
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import COST_REQUESTS
from stackmatrix.matrix.stacks import PYTHONS, REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.cost.kind import IDLE_S, WARM_REQUESTS, CostBlocks
from stackmatrix.measurements.request import Kind, Setup
from stackmatrix.results.cost import Cost
from stackmatrix.results.model import Environment
from stackmatrix.results.rows import WARMUP_LEVEL
from stackmatrix.system import host
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel, SubjectError

type MakeSetup = Callable[..., Setup]
type Perform = Callable[[Kind, Setup], list[str]]

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)
WORKLOAD = WORKLOADS["fanout"]
CELLS = cells.make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], (WORKLOAD.name,))
TWIN = Cell(stack=REFERENCE_STACK, python=PYTHONS[0], workload=WORKLOAD.name, twin=True)


class MadeUp:
    """What each block does: ``broken`` stacks do not come up, ``ends`` are starts that break, and so on."""

    def __init__(
        self,
        build_facts: Callable[..., LevelFacts],
        make_level: Callable[..., LevelRows],
        ok: Callable[..., bytes],
        environment: Environment,
    ) -> None:
        self.together: list[tuple[Subject, ...]] = []
        """The subjects of each start, in the order in which arrivals go to them."""
        self.orders: list[LevelOrder] = []
        self.loads: list[Load] = []
        self.idle_spans_s: list[float] = []
        self.broken: set[str] = set()
        self.broken_from = 0
        self.ends: dict[int, Exception] = {}
        self.late: set[int] = set()
        """Measurements, counted from 0, in which the generator is late."""
        self.failing: set[Cell] = set()
        self.measured = 0
        self.environments: dict[str, Environment] = {}
        self._facts, self._level, self._ok, self._environment = build_facts, make_level, ok, environment

    @contextlib.contextmanager
    def start(
        self, subjects: Sequence[Subject], _layout: Layout, load: Load, _show: Callable[[str], None]
    ) -> Iterator["MadeUp"]:
        self.together.append(tuple(subjects))
        self.loads.append(load)
        if len(self.together) - 1 in self.ends:
            raise self.ends[len(self.together) - 1]
        yield self

    def verify(self) -> None:
        for subject in self.together[-1]:
            if subject.stack.name in self.broken and len(self.together) > self.broken_from:
                raise SubjectError(subject, "It did not start.")
        self.environments = {subject.name: self._environment for subject in self.together[-1]}

    def warm_up(self, order: LevelOrder) -> None:
        self.orders.append(order)

    def idle_shares(self, span_s: float) -> tuple[float, ...]:
        self.idle_spans_s.append(span_s)
        return tuple(0.01 for _ in self.together[-1])

    def drive(self, order: LevelOrder, level: LoadLevel) -> MeasuredLevel:
        self.orders.append(order)
        lag_s = 0.5 if self.measured in self.late else 0.0
        self.measured += 1
        whole = [self._ok(100 + i / 20, 100.7 + i / 20, sent_s=100 + i / 20 + lag_s) for i in range(20 * 10)]
        facts = self._facts(whole, plan=level)
        subjects = self.together[-1]
        rows = tuple(
            self._level(
                self._ok(100 + i / 20, 100.7 + i / 20, outcome=3 if subject.cell in self.failing and i == place else 0)
                for i in range(place, 20 * 9 + 1, len(subjects))
            )
            for place, subject in enumerate(subjects)
        )
        # 0.21 of a core, of which 0.01 are idle: 2 s of CPU in ten.
        return MeasuredLevel(facts, rows, tuple(Use(10.0, 2.1, 1, 1, 1, None) for _ in rows))


@pytest.fixture
def made(
    make_facts: Callable[..., LevelFacts],
    make_level: Callable[..., LevelRows],
    make_row: Callable[..., bytes],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> MadeUp:
    """Every block is made up, and no check has more to say than is made up."""
    one = MadeUp(make_facts, make_level, make_row, environment)
    monkeypatch.setattr(testbed, "start", one.start)
    return one


@pytest.fixture
def run(make_setup: MakeSetup, perform: Perform) -> Callable[..., tuple[CostBlocks, list[str]]]:
    """Performs so many blocks; returns the kind and what it said of each."""

    def run(
        blocks: int = 3, window_s: float | None = None, some: Sequence[Cell] = CELLS
    ) -> tuple[CostBlocks, list[str]]:
        kind = CostBlocks(blocks=blocks, window_s=window_s)
        return kind, perform(kind, make_setup(with_twins(some, blocks)))

    return run


type Run = Callable[..., tuple[CostBlocks, list[str]]]


def cost_of(kind: CostBlocks, cell: Cell) -> Cost:
    record = kind.record(cell)
    assert record is not None
    assert isinstance(record.part, Cost)
    return record.part


def test_each_block_starts_every_cell_and_the_twin_in_an_order_of_its_own(made: MadeUp, run: Run) -> None:
    kind, said = run(blocks=6)
    assert [sorted(one.cell for one in some) for some in made.together] == [sorted((*CELLS, TWIN))] * 6
    assert len({tuple(one.cell for one in some) for some in made.together}) > 1
    assert len({one.name for one in made.together[0]}) == 3
    assert {load.workload for load in made.loads} == {WORKLOAD}
    for cell in (*CELLS, TWIN):
        cost = cost_of(kind, cell)
        assert [one.block for one in cost.blocks] == list(range(6))
        assert [one.place for one in cost.blocks] == [
            next(place for place, one in enumerate(some) if one.cell == cell) for some in made.together
        ]
        assert (cost.rate, cost.together, cost.failure) == (WORKLOAD.compare_rate, 3, None)
        assert cost.run_id == cost_of(kind, TWIN).run_id
    assert list(kind.failures()) == []
    assert len(said) == 6


def test_the_same_seed_has_the_same_orders_and_plans_and_another_has_others(
    made: MadeUp, make_setup: MakeSetup, perform: Perform
) -> None:
    seen = []
    for seed in (7, 7, 8):
        made.together.clear()
        made.orders.clear()
        perform(CostBlocks(blocks=6), make_setup(with_twins(CELLS, 6), seed=seed))
        seen.append(([[one.cell for one in some] for some in made.together], [order.seed for order in made.orders]))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[2][0]
    assert seen[0][1] != seen[2][1]


def test_a_cost_says_what_it_was_made_with(
    make_setup: MakeSetup, perform: Perform, made: MadeUp, environment: Environment
) -> None:
    kind, setup = CostBlocks(blocks=1), make_setup(CELLS, seed=5)
    perform(kind, setup)
    cost, record = cost_of(kind, CELLS[0]), kind.record(CELLS[0])
    assert (cost.run_id, cost.git_commit) == (setup.provenance.run_id, setup.provenance.git_commit)
    assert (cost.seed, cost.lock_sha256, cost.python) == (5, "0", environment.python)
    assert record is not None
    assert (record.environment, record.run, record.trials) == (environment, None, ())
    assert made.measured == 1


def test_the_cost_is_the_busy_time_less_what_is_used_when_idle_over_correct_responses(made: MadeUp, run: Run) -> None:
    kind, said = run(blocks=1)
    assert (made.measured, made.idle_spans_s) == (1, [IDLE_S])
    first, second = sorted((cost_of(kind, cell).blocks[0] for cell in CELLS), key=lambda one: one.place)
    # Of 181 arrivals, the first and the last go to the cell that is first.
    assert (first.requests, second.requests) == (91, 90)
    for block in (first, second):
        assert block.cpu_ms_per_request == pytest.approx(2_000 / block.requests)
        assert (block.idle_share, block.validity) == (0.01, "valid")
    assert said == ["2 cells, 21.98 to 22.22 ms of CPU per request"]


def test_what_was_never_begun_has_nothing(make_setup: MakeSetup) -> None:
    kind = CostBlocks()
    kind.begin(make_setup(CELLS))
    assert kind.record(CELLS[0]) is None


def test_all_blocks_have_plans_of_their_own_and_a_window_for_so_many_requests_of_each_cell(
    made: MadeUp, run: Run
) -> None:
    run(blocks=2)
    run(blocks=1, window_s=7.0)
    warm, measured = made.orders[::2], made.orders[1::2]
    rate = WORKLOAD.compare_rate
    # The third block is the first one of another run by the same seed.
    assert len({order.seed for order in made.orders[:4]}) == 4
    assert {order.level for order in warm} == {WARMUP_LEVEL}
    assert {order.value for order in made.orders} == {rate}
    assert [order.window_s for order in warm] == [WARM_REQUESTS * 3 / rate] * 2 + [WARM_REQUESTS * 2 / rate]
    assert [order.window_s for order in measured] == [COST_REQUESTS * 3 / rate, COST_REQUESTS * 3 / rate, 7.0]


def test_workloads_are_measured_one_after_the_other_and_never_together(made: MadeUp, run: Run) -> None:
    every = cells.make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], tuple(WORKLOADS))
    kind, _ = run(blocks=2, some=every)
    names = [{one.workload.name for one in some} for some in made.together]
    assert names == [{name} for name in WORKLOADS for _ in range(2)]
    assert [load.workload.name for load in made.loads] == [name for name in WORKLOADS for _ in range(2)]
    for cell in every:
        assert cost_of(kind, cell).rate == WORKLOADS[cell.workload].compare_rate


def test_a_step_names_its_workload_and_block_and_all_cells_in_it(make_setup: MakeSetup) -> None:
    first, second = CostBlocks(blocks=2).begin(make_setup((*CELLS, TWIN)))
    assert (first.label, second.label) == ("fanout, block 1", "fanout, block 2")
    assert first.cells == second.cells == (*CELLS, TWIN)


def test_there_is_room_for_two_files_of_each_cell_and_more_cells_are_expected_to_take_longer(
    make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(host, "need_open_files", asked.append)
    two, three = CostBlocks(), CostBlocks()
    two.begin(make_setup(CELLS))
    three.begin(make_setup((*CELLS, TWIN)))
    assert asked == [4, 6]
    assert three.estimate_s > two.estimate_s > COST_REQUESTS * 2 / WORKLOAD.compare_rate


def test_a_cell_that_does_not_come_up_is_left_out_and_the_others_go_on(made: MadeUp, run: Run) -> None:
    made.broken = {OTHER}
    kind, said = run()
    assert list(kind.failures()) == [CELLS[0]]
    assert [len(some) for some in made.together] == [3, 2, 2, 2]
    lost = cost_of(kind, CELLS[0])
    assert (lost.failure, lost.blocks) == ("It did not start.", ())
    assert len(cost_of(kind, CELLS[1]).blocks) == 3
    # A cell that never stood beside the others is not among them.
    assert (lost.together, cost_of(kind, CELLS[1]).together) == (0, 2)
    assert f"{CELLS[0]} is left out: It did not start." in said[0]
    assert "left out" not in said[1]


def test_a_cell_that_does_not_come_up_later_keeps_its_blocks_and_has_not_failed(made: MadeUp, run: Run) -> None:
    made.broken, made.broken_from = {OTHER}, 1
    kind, _ = run()
    assert [one.block for one in cost_of(kind, CELLS[0]).blocks] == [0]
    assert cost_of(kind, CELLS[0]).failure == "It did not start."
    assert [one.block for one in cost_of(kind, CELLS[1]).blocks] == [0, 1, 2]
    assert list(kind.failures()) == []


def test_where_no_cell_comes_up_every_cell_has_failed_with_its_reason(made: MadeUp, run: Run) -> None:
    made.broken = {OTHER, REFERENCE_STACK}
    kind, said = run()
    assert sorted(kind.failures()) == sorted((*CELLS, TWIN))
    assert {cost_of(kind, cell).failure for cell in (*CELLS, TWIN)} == {"It did not start."}
    assert made.measured == 0
    assert said[0].startswith("no cell is left; ")
    assert said[1:] == ["no cell is left"] * 2


@pytest.mark.parametrize("error", [TrialError, SupervisorError])
def test_a_block_that_breaks_is_a_block_less_for_all_and_the_reason_is_told(
    made: MadeUp, run: Run, error: type[Exception]
) -> None:
    made.ends = {1: error("Everything ended.")}
    kind, said = run()
    for cell in (*CELLS, TWIN):
        cost = cost_of(kind, cell)
        assert ([one.block for one in cost.blocks], cost.failure) == ([0, 2], "Everything ended.")
    assert list(kind.failures()) == []
    assert said[1] == "failed: Everything ended."


def test_cells_without_a_single_block_have_failed(made: MadeUp, run: Run) -> None:
    made.ends = dict.fromkeys((0, 1, 2), TrialError("Everything ended."))
    kind, _ = run()
    assert sorted(kind.failures()) == sorted((*CELLS, TWIN))


def test_an_invalid_window_is_made_once_more_by_the_same_plan(made: MadeUp, run: Run) -> None:
    made.late = {0}
    kind, _ = run(blocks=1)
    first, second = made.orders[1:]
    assert (first.seed, first.value) == (second.seed, second.value)
    assert first.level != second.level
    (block,) = cost_of(kind, CELLS[0]).blocks
    assert block.validity == "valid"
    assert "Attempt 2; the one before: The generator was late" in block.findings[-1].sentence


def test_a_window_that_stays_invalid_tells_nothing_of_any_cell(made: MadeUp, run: Run) -> None:
    made.late = {0, 1}
    kind, said = run(blocks=1)
    assert made.measured == 2
    for cell in CELLS:
        (block,) = cost_of(kind, cell).blocks
        assert block.validity == "invalid"
        assert cost_of(kind, cell).values == {}
        assert cost_of(kind, cell).cpu_ms is None
    assert said[0].startswith("invalid: The generator was late")


def test_a_failed_request_spoils_the_block_of_its_own_cell_only(made: MadeUp, run: Run) -> None:
    made.failing = {CELLS[0]}
    kind, _ = run(blocks=1)
    (spoilt,), (sound,) = (cost_of(kind, cell).blocks for cell in CELLS)
    assert (spoilt.validity, sound.validity) == ("invalid", "valid")
    assert spoilt.findings[-1].sentence == "1 requests failed (1 connection)."
