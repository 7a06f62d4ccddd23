"""Blocks on testbeds that are made up: which cells stand beside which, at which rate, and what makes one invalid."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec
import pytest

from stackmatrix.analysis.comparison.looks import MAIN_LOOK
from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Use
from stackmatrix.errors import TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.cells import Cell, Subject, controls_of, make_cells
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import LOOKS, PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.ramp import HIGHEST_RATE
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.cost import rate
from stackmatrix.measurements.cost.kind import FEW_CELLS, CostBlocks
from stackmatrix.measurements.request import Outcome, Setup, Standing, Step
from stackmatrix.results.conditions import Conditions, Environment
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.supervisor import StubbornError
from stackmatrix.testbed.testbed import Load, MeasuredLevel
from stackmatrix.testbed.watch import SubjectError

OTHER = next(name for name, row in STACKS.items() if name != REFERENCE_STACK and row.slots != 2)
FEW = next(name for name, row in STACKS.items() if row.slots == 2)
WORKLOAD = WORKLOADS["fanout"]
CELLS = make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], (WORKLOAD.name,))
ALL = (*CELLS, *controls_of(CELLS))
OPENING = MAIN_LOOK
"""Of as few cells."""
LENGTHS = PROFILES["answer"].cost


class MadeUp:
    """What each block does: ``broken`` stacks and cells do not come up, the generator is ``late`` in windows."""

    def __init__(
        self,
        build_facts: Callable[..., LevelFacts],
        make_level: Callable[..., LevelRows],
        ok: Callable[..., bytes],
        environment: Environment,
        use: Use,
    ) -> None:
        self.together: list[tuple[Subject, ...]] = []
        """The subjects of each start, in the order in which arrivals go to them."""
        self.orders: list[LevelOrder] = []
        self.planted_ms: list[float] = []
        self.broken: set[str | Cell] = set()
        self.ends: dict[int, Exception] = {}
        self.stubborn: StubbornError | None = None
        self.late: set[int] = set()
        """Windows, counted from 0, in which the generator is late."""
        self.failing: set[Cell] = set()
        self.windows = 0
        self.busy: set[int] = set()
        """Drives, counted from 0, in which the core is nearly full."""
        self.environments: dict[str, Environment] = {}
        self.loops_ms: dict[str, float] = {}
        self._facts, self._level, self._ok, self._environment, self._use = build_facts, make_level, ok, environment, use

    @contextlib.contextmanager
    def start(
        self, subjects: Sequence[Subject], _layout: Layout, _load: Load, _show: Callable[[str], None]
    ) -> Iterator["MadeUp"]:
        self.together.append(tuple(subjects))
        if len(self.together) - 1 in self.ends:
            raise self.ends[len(self.together) - 1]
        yield self
        if self.stubborn is not None:
            raise self.stubborn

    def verify(self) -> None:
        for subject in self.together[-1]:
            if {subject.stack.name, subject.cell} & self.broken:
                raise SubjectError(subject, "It did not start.")
        self.environments = {subject.name: self._environment for subject in self.together[-1]}

    def warm_up(self, order: LevelOrder | None) -> None:
        assert order is None

    def plant(self, burn_ms: float) -> None:
        self.planted_ms.append(burn_ms)

    def idle_shares(self, _span_s: float) -> tuple[float, ...]:
        return tuple(0.01 for _ in self.together[-1])

    def drive(self, order: LevelOrder, level: LoadLevel) -> MeasuredLevel:
        self.orders.append(order)
        is_window = order.level > 0
        lag_s = 0.5 if is_window and self.windows in self.late else 0.0
        self.windows += is_window
        subjects = self.together[-1]
        whole = [self._ok(100 + i / 20, 100.7 + i / 20, sent_s=100 + i / 20 + lag_s) for i in range(20 * 10)]
        rows = tuple(
            self._level(
                self._ok(100 + i / 20, 100.7 + i / 20, outcome=3 if subject.cell in self.failing and i == place else 0)
                for i in range(place, 20 * 9 + 1, len(subjects))
            )
            for place, subject in enumerate(subjects)
        )
        # 0.11 of a core each, of which 0.01 are idle: 1 s of CPU in ten.
        cpu_s = 2.4 if len(self.orders) - 1 in self.busy else 1.1
        uses = tuple(replace(self._use, cpu_s=cpu_s, wall_s=10.0) for _ in rows)
        return MeasuredLevel(self._facts(whole, plan=level), rows, uses, ((),) * len(rows))


@pytest.fixture
def made(
    make_facts: Callable[..., LevelFacts],
    make_level: Callable[..., LevelRows],
    make_row: Callable[..., bytes],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> MadeUp:
    """Every block is made up, and no check has more to say than is made up."""
    one = MadeUp(make_facts, make_level, make_row, environment, make_facts().uses["target"])
    monkeypatch.setattr(testbed, "start", one.start)
    return one


@pytest.fixture
def kind(make_setup: Callable[..., Setup]) -> CostBlocks:
    one = CostBlocks()
    one.begin(make_setup(ALL))
    return one


def perform(kind: CostBlocks, standing: Standing, turn: int = 0) -> list[Outcome]:
    return [kind.perform(step, lambda _: None) for step in surely(kind.steps(turn, standing))]


def surely(steps: Sequence[Step]) -> list[Step]:
    """The steps that are made whatever comes of those before them."""
    return [step for step in steps if not step.is_spare]


def costs(outcome: Outcome) -> dict[Cell, CostBlock]:
    blocks = {cell: block for cell, block in outcome.blocks.items() if isinstance(block, CostBlock)}
    assert blocks.keys() == outcome.blocks.keys()
    return blocks


def known(
    conditions: Conditions, make_cost: Callable[..., CostBlock], blocks: int, cells: Sequence[Cell] = ALL
) -> list[Result]:
    return [
        Result(
            format_version=7, cell=cell, status={"state": "ok"}, conditions=conditions,  # type: ignore[arg-type]
            cost=tuple(make_cost(round_=number) for number in range(blocks)),
        )
        for cell in cells
    ]  # fmt: skip


# Which blocks are made.


def test_first_of_all_come_the_blocks_that_are_needed_before_anything_is_judged(
    make_setup: Callable[..., Setup], make_standing: Callable[..., Standing]
) -> None:
    kind, cells = CostBlocks(), make_cells((OTHER, REFERENCE_STACK), PYTHONS[:1], tuple(WORKLOADS))
    kind.begin(make_setup(cells))
    steps = surely(kind.steps(0, make_standing()))
    assert [(step.cells[0].workload, step.number) for step in steps] == [
        (workload, number) for workload in dict.fromkeys(cell.workload for cell in cells) for number in range(OPENING)
    ]
    assert all(len(step.cells) == 2 for step in steps)


def test_more_cells_side_by_side_need_fewer_blocks_before_anything_else(
    make_setup: Callable[..., Setup], make_standing: Callable[..., Standing]
) -> None:
    cells = make_cells(tuple(STACKS)[: FEW_CELLS - 2], PYTHONS[:1], (WORKLOAD.name,))
    kind = CostBlocks()
    kind.begin(make_setup([*cells, *controls_of(cells)]))
    assert [step.number for step in surely(kind.steps(0, make_standing()))] == [*range(LOOKS[0])]


def test_blocks_of_earlier_runs_count(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    steps = surely(kind.steps(0, make_standing(known(conditions, make_cost, OPENING - 1), ALL)))
    assert [step.number for step in steps] == [OPENING - 1]
    assert [step.number for step in kind.steps(0, make_standing(known(conditions, make_cost, 5), ALL))] == [5]


def test_a_block_of_the_first_ones_that_does_not_count_is_made_up_for_before_anything_else(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    steps = kind.steps(0, make_standing())
    assert [step.number for step in steps if step.is_spare] == [OPENING, OPENING + 1]
    made = known(conditions, make_cost, OPENING)
    assert not any(kind.is_needed(step, make_standing(made, ALL)) for step in steps[OPENING:])
    spoilt = (make_cost(None), *(make_cost(round_=number) for number in range(1, OPENING)))
    short = make_standing([msgspec.structs.replace(one, cost=spoilt) for one in made], ALL)
    assert all(kind.is_needed(step, short) for step in steps)
    # The next run begins with what is lacking, too.
    assert [step.number for step in surely(kind.steps(0, short))] == [OPENING]


def test_later_blocks_have_only_cells_with_something_undecided(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    results = known(conditions, make_cost, OPENING)
    (step,) = kind.steps(1, make_standing(results, ALL[1:]))
    assert step.cells == ALL[1:]
    assert kind.steps(1, make_standing(results, ())) == []


def test_a_cell_of_which_no_block_counts_yet_is_measured_on(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    known_ones = known(conditions, make_cost, OPENING, ALL[1:])
    invalid = tuple(make_cost(None, round_=number) for number in range(OPENING))
    spoilt = msgspec.structs.replace(known_ones[0], cell=CELLS[0], cost=invalid)
    (step,) = kind.steps(1, make_standing([spoilt, *known_ones], ALL[1:3]))
    assert step.cells == ALL[:3]


def test_there_are_no_more_blocks_than_the_profile_has(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    most = PROFILES["answer"].blocks
    assert len(kind.steps(3, make_standing(known(conditions, make_cost, most - 1), ALL))) == 1
    assert kind.steps(3, make_standing(known(conditions, make_cost, most), ALL)) == []


def test_a_cell_that_has_failed_twice_is_left_out_of_the_run(
    kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    assert all(CELLS[0] in step.cells for step in kind.steps(0, make_standing(failed=(CELLS[0],))))
    assert not any(CELLS[0] in step.cells for step in kind.steps(0, make_standing(failed=(CELLS[0], CELLS[0]))))


# How one is made.


def test_every_cell_has_a_block_beside_the_others_in_a_new_order_each_time(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    outcomes = perform(kind, make_standing())
    assert len(outcomes) == OPENING
    for outcome, subjects in zip(outcomes, made.together, strict=True):
        blocks = costs(outcome)
        assert {cell: block.place for cell, block in blocks.items()} == {
            one.cell: at for at, one in enumerate(subjects)
        }
        assert {block.together for block in blocks.values()} == {len(ALL)}
        assert outcome.environments.keys() == blocks.keys()
        assert all(block.is_valid for block in blocks.values())
    assert len({tuple(one.cell for one in subjects) for subjects in made.together}) > 1
    assert len({order.seed for order in made.orders if order.level}) == OPENING


def test_a_request_is_billed_the_cpu_time_of_its_cell_less_what_that_uses_idle(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    outcome = perform(kind, make_standing())[0]
    for subject, block in zip(made.together[0], (costs(outcome)[one.cell] for one in made.together[0]), strict=True):
        answered = sum(1 for i in range(block.place, 181, 4) if 100 <= 100.7 + i / 20 < 110)
        assert block.cpu_ms_per_request == pytest.approx(1000 * 1.0 / answered), subject.name
        assert block.idle_share == 0.01


def test_the_rate_is_found_once_so_that_the_core_is_half_busy_and_is_the_same_in_every_block(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    outcomes = perform(kind, make_standing())
    warm = next(order for order in made.orders if order.level == 0)
    assert warm.value == WORKLOAD.compare_rate
    answered = [sum(1 for i in range(place, 181, 4) if 100.7 + i / 20 < 110) for place in range(4)]
    found = float(f"{0.5 / sum(1.1 / count for count in answered):.2g}")
    assert {outcome.cost_rate for outcome in outcomes} == {found}
    assert {block.rate for outcome in outcomes for block in costs(outcome).values()} == {found}
    assert {order.value for order in made.orders if order.level} == {4 * found}
    warm_ups = [order.value for order in made.orders if not order.level]
    # The first two are of processes that have just begun, and find it.
    assert warm_ups == [WORKLOAD.compare_rate] * 2 + [4 * found] * (OPENING - 1)
    assert len({order.seed for order in made.orders[:2]}) == 2


def test_the_rate_of_earlier_blocks_is_used_again(
    made: MadeUp, kind: CostBlocks, conditions: Conditions, make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:  # fmt: skip
    slower = msgspec.structs.replace(conditions, cost_rate=1.5)
    (outcome,) = perform(kind, make_standing(known(slower, make_cost, OPENING), ALL), turn=1)
    assert outcome.cost_rate == 1.5
    assert [order.value for order in made.orders] == [6.0, 6.0]


@pytest.mark.parametrize(("busy", "is_kept"), [({0}, True), ({0, 1}, False)])
def test_a_rate_that_is_known_is_given_up_with_its_blocks_only_where_it_is_too_much_twice(
    busy: set[int], is_kept: bool, made: MadeUp, kind: CostBlocks, conditions: Conditions,  # noqa: FBT001
    make_cost: Callable[..., CostBlock], make_standing: Callable[..., Standing],
) -> None:  # fmt: skip
    made.busy = busy
    slower = msgspec.structs.replace(conditions, cost_rate=1.5)
    (outcome,) = perform(kind, make_standing(known(slower, make_cost, OPENING), ALL), turn=1)
    assert (outcome.cost_rate == 1.5) is is_kept
    assert [order.level > 0 for order in made.orders] == [False, False, True]
    assert len({order.seed for order in made.orders}) == 3


def test_the_planted_control_burns_about_a_twelfth_of_what_the_reference_costs_in_every_block_as_much(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    outcomes = perform(kind, make_standing())
    (planted_ms,) = set(made.planted_ms)
    place = next(at for at, one in enumerate(made.together[0]) if one.cell.control == "twin")
    answered = sum(1 for i in range(place, 181, 4) if 100.7 + i / 20 < 110)
    assert planted_ms == pytest.approx(0.08 * 1100 / answered)
    for outcome in outcomes:
        told = {cell.control: block.planted_ms for cell, block in costs(outcome).items()}
        assert told == {None: None, "twin": None, "planted": planted_ms}


def test_what_is_planted_is_what_was_planted_before(
    made: MadeUp, kind: CostBlocks, conditions: Conditions, make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:  # fmt: skip
    slower = msgspec.structs.replace(conditions, cost_rate=1.5)
    some = known(slower, make_cost, OPENING)
    for place, one in enumerate(some):
        if one.cell.control == "planted":
            blocks = tuple(msgspec.structs.replace(block, planted_ms=0.31) for block in one.cost)
            some[place] = msgspec.structs.replace(one, cost=blocks)
    (outcome,) = perform(kind, make_standing(some, ALL), turn=1)
    assert made.planted_ms == [0.31]
    (told,) = (block.planted_ms for cell, block in costs(outcome).items() if cell.control == "planted")
    assert told == 0.31


def test_a_window_is_as_long_as_its_requests_take_but_no_longer_than_allowed(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    outcome = perform(kind, make_standing())[0]
    assert outcome.cost_rate is not None
    window = next(order for order in made.orders if order.level)
    assert window.window_s == min(LENGTHS.longest_s, LENGTHS.requests / outcome.cost_rate)
    assert window.settle_s == LENGTHS.settle_s


def test_a_cell_with_few_slots_is_asked_less_often_than_they_let_through(
    made: MadeUp, make_setup: Callable[..., Setup], make_standing: Callable[..., Standing]
) -> None:
    cells = make_cells((FEW, REFERENCE_STACK), PYTHONS[:1], (WORKLOAD.name,))
    kind = CostBlocks()
    kind.begin(make_setup((*cells, *controls_of(cells))))
    outcome = perform(kind, make_standing())[0]
    assert outcome.cost_rate is not None
    period = rate.period_of(outcome.cost_rate, 2, WORKLOAD.floor_ms)
    assert period > 1
    rates = {cell.stack: block.rate for cell, block in costs(outcome).items()}
    assert rates == {FEW: outcome.cost_rate / period, REFERENCE_STACK: outcome.cost_rate}
    window = next(order for order in made.orders if order.level)
    place = next(at for at, one in enumerate(made.together[0]) if one.cell.stack == FEW)
    assert window.turns.count(place) * period == window.turns.count((place + 1) % 4)
    assert window.value == pytest.approx(sum(block.rate for block in costs(outcome).values()))


@pytest.mark.parametrize(
    ("per_cell", "slots", "period"), [(4.5, None, 1), (4.5, 100, 1), (2.3, 2, 1), (2.4, 2, 2), (4.6, 2, 2), (7.5, 2, 4)]
)
def test_a_cell_has_its_turn_so_seldom_that_its_slots_are_at_most_seven_tenths_full(
    per_cell: float, slots: int | None, period: int
) -> None:
    assert rate.period_of(per_cell, slots, 600.0) == period


@pytest.mark.parametrize(
    ("cost_ms", "compared"),
    [
        (0.0, 100),
        (1.0, 100),
        (2.0, 100),
        (3.0, 50),
        (10.0, 20),
        (13.0, 20),
        (16.0, 10),
        (45.0, 5),
        (200.0, 1),
        (450.0, 0.5),
    ],
)
def test_a_rate_of_comparison_keeps_about_a_fifth_of_a_core_busy(cost_ms: float, compared: float) -> None:
    assert rate.compare_rate_of(cost_ms) == pytest.approx(compared)


def test_cells_of_a_fast_page_are_together_asked_no_more_often_than_the_generator_is_punctual(
    make_facts: Callable[..., LevelFacts], make_level: Callable[..., LevelRows], make_row: Callable[..., bytes]
) -> None:
    answered = make_level(make_row(100 + i / 20, 100.7 + i / 20) for i in range(100))
    cheap = replace(make_facts().uses["target"], cpu_s=0.08, wall_s=10.0)  # 0.8 ms a request
    assert rate.find([cheap] * 3, [answered] * 3).per_cell == 130
    assert rate.find([cheap] * 40, [answered] * 40).per_cell == HIGHEST_RATE / 40


def test_turns_come_in_rounds_and_who_has_few_is_left_out_of_some() -> None:
    assert rate.turns_of((1, 1, 1)) == rate.Turns((0, 1, 2), 3.0)
    assert rate.turns_of((1, 2, 1)) == rate.Turns((0, 1, 2, 0, 2), 2.5)
    assert rate.turns_of((3, 1)) == rate.Turns((0, 1, 1, 1), 4 / 3)


# What goes wrong.


def test_a_cell_that_does_not_come_up_is_left_out_and_the_others_stand_beside_each_other(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.broken = {OTHER}
    outcome = perform(kind, make_standing())[0]
    assert costs(outcome).keys() == {*ALL[1:]}
    assert outcome.failures == {CELLS[0]: "It did not start."}
    assert outcome.words.endswith(f"{CELLS[0]} is left out: It did not start.")


@pytest.mark.parametrize("left", [{None, "planted"}, {"planted"}])
def test_where_the_twin_fails_what_is_planted_is_a_share_of_the_cell_itself(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing], left: set[str | None]
) -> None:
    made.broken = {cell for cell in ALL if cell.stack == REFERENCE_STACK and cell.control not in left}
    outcome = perform(kind, make_standing())[0]
    (told,) = (block.planted_ms for cell, block in costs(outcome).items() if cell.control == "planted")
    assert told is not None
    assert {*made.planted_ms} == {told}


def test_where_no_two_cells_are_left_nothing_is_measured(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.broken = {OTHER, REFERENCE_STACK}
    outcome = perform(kind, make_standing())[0]
    assert outcome.blocks == {}
    assert outcome.failures.keys() == {*ALL}


def test_an_invalid_window_is_made_once_more_by_the_same_plan(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.late = {0}
    outcome = perform(kind, make_standing())[0]
    first, second = [order for order in made.orders if order.level][:2]
    assert (first.seed, first.value, first.level + 1) == (second.seed, second.value, second.level)
    for block in costs(outcome).values():
        assert block.is_valid
        assert [finding.code for finding in block.findings] == ["second-attempt"]


def test_a_window_that_stays_invalid_is_left_out_with_its_finding(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.late = {0, 1}
    outcome = perform(kind, make_standing())[0]
    assert not any(block.is_valid for block in costs(outcome).values())
    assert outcome.words.startswith("invalid: The generator was late")


def test_a_failed_request_makes_the_block_of_its_cell_invalid_and_no_other(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.failing = {CELLS[0]}
    outcome = perform(kind, make_standing())[0]
    assert [cell for cell, block in costs(outcome).items() if not block.is_valid] == [CELLS[0]]
    assert "1 requests failed" in outcome.words


def test_a_cell_that_was_up_stands_beside_the_others_once_more_and_it_is_said_that_it_ended(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing], make_subject: Callable[[Cell], Subject]
) -> None:
    ended = SubjectError(make_subject(CELLS[0]), "It ended.", may_come_up=True)
    made.ends = {0: ended}
    outcome = perform(kind, make_standing())[0]
    assert costs(outcome).keys() == {*ALL}
    assert outcome.failures == {CELLS[0]: "It ended."}
    assert outcome.words.endswith(f"{CELLS[0]} was started again: It ended.")


def test_a_cell_that_had_to_be_killed_in_the_end_keeps_its_block(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing], make_subject: Callable[[Cell], Subject]
) -> None:
    name = make_subject(CELLS[0]).name
    made.stubborn = StubbornError([12], [name])
    outcome = perform(kind, make_standing())[0]
    assert costs(outcome).keys() == {*ALL}
    assert outcome.failures == {}
    assert f"Processes 12 of {name} had to be killed" in outcome.words
    told = {cell for cell, block in costs(outcome).items() if "killed" in {one.code for one in block.findings}}
    assert told == {CELLS[0]}


def test_a_number_that_this_run_has_used_is_not_given_to_a_later_block(
    kind: CostBlocks,
    conditions: Conditions,
    make_cost: Callable[..., CostBlock],
    make_standing: Callable[..., Standing],
) -> None:
    run, numbers = kind._setup.provenance.run_id, [0, *range(2, OPENING + 1)]  # one has failed
    made = tuple(make_cost(run=run, round_=number) for number in numbers)
    results = [msgspec.structs.replace(one, cost=made) for one in known(conditions, make_cost, OPENING)]
    assert [step.number for step in kind.steps(1, make_standing(results, ALL))] == [OPENING + 1]


def test_a_block_that_breaks_is_an_error_for_the_runner(
    made: MadeUp, kind: CostBlocks, make_standing: Callable[..., Standing]
) -> None:
    made.ends = {0: TrialError("The generator ended by itself.")}
    with pytest.raises(TrialError, match="The generator ended"):
        perform(kind, make_standing())
