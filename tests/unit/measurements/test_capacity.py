"""Searches that are made up: what each block is told, what is known then, and what a cell that fails keeps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import SLOS_MS, rate_at
from stackmatrix.matrix.schedule import schedule
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.capacity import kind as capacity_kind
from stackmatrix.measurements.capacity.kind import CapacitySearch, sustain
from stackmatrix.measurements.capacity.probing import ProbingPlan
from stackmatrix.measurements.capacity.search import Bracket
from stackmatrix.measurements.request import Kind, Setup
from stackmatrix.results.capacity import Capacity, Objective, Probe, ScoutLevel
from stackmatrix.results.model import Environment
from stackmatrix.results.types import Limiter, Validity
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout

type MakeSetup = Callable[..., Setup]
type Perform = Callable[[Kind, Setup], list[str]]

FIRST, SECOND = list(STACKS)[:2]
CELLS = cells.make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
LONGEST_S = 7.0
PINNED = Layout(target=(7,), generator=(1, 2, 3), api=(4,), harness=(5,))


def make_probe(
    step: int, *, met: bool, block: int | None = 0, bound: Limiter = "target-cpu", validity: Validity = "valid"
) -> Probe:
    return Probe(
        block=block, rate=rate_at(step), window_s=10.0, requests=100, failures={}, throughput_rps=10.0, p99_ms=None,
        cpu_share=0.5, ended="decided", bound=bound, validity=validity, findings=(),
        objectives=(Objective(slo_ms=750.0, requests=100, late=0, met=met, sure=True),),
    )  # fmt: skip


@dataclass
class Probings:
    """All probings, which are made up: ``found`` has the brackets of each, by stack and block, or why it fails."""

    environment: Environment
    found: dict[tuple[str, int | None], dict[float, Bracket] | Exception] = field(default_factory=dict)
    plans: list[ProbingPlan] = field(default_factory=list)
    given: list[tuple[Layout, PaceBook, int]] = field(default_factory=list)

    def of(self, cell: Cell) -> list[int | None]:
        return [plan.block for plan in self.plans if plan.subject.cell == cell]

    def __call__(
        self, plan: ProbingPlan, layout: Layout, speed: PaceBook, generators: int, show: Callable[[str], None]
    ) -> "MadeUp":
        show("made up")
        self.plans.append(plan)
        self.given.append((layout, speed, generators))
        default = {750.0: Bracket(10, 11)}
        return MadeUp(plan, self.environment, self.found.get((plan.subject.stack.name, plan.block), default))


class MadeUp:
    """One probing; as far as it fails, it has scouted and probed before."""

    def __init__(self, plan: ProbingPlan, environment: Environment, found: dict[float, Bracket] | Exception) -> None:
        self.scouted = [ScoutLevel(users=10, throughput_rps=5.0)] if plan.starts is None else []
        self.probes = [make_probe(10, met=True, block=plan.block), make_probe(11, met=False, block=plan.block)]
        self.brackets: dict[float, Bracket] = {}
        self.environment = environment
        self._found = found

    def run(self) -> None:
        if isinstance(self._found, Exception):
            raise self._found
        self.brackets = self._found


class Book(PaceBook):
    """Stands for the readings of the core's pace; ``begun`` counts those at rest."""

    books: list["Book"]

    def __init__(self, cores: Sequence[int]) -> None:
        super().__init__(cores)
        self.cores = cores
        self.begun = 0
        self.books.append(self)

    def begin(self) -> None:
        self.begun += 1


@pytest.fixture
def made(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Probings:
    one = Probings(environment)
    monkeypatch.setattr(Book, "books", [], raising=False)
    monkeypatch.setattr(capacity_kind, "PaceBook", Book)
    monkeypatch.setattr(capacity_kind, "Probing", one)
    return one


def make_kind(blocks: int = 2) -> CapacitySearch:
    return CapacitySearch(confirmations=blocks, longest_s=LONGEST_S)


def capacity_of(kind: CapacitySearch, cell: Cell) -> Capacity:
    record = kind.record(cell)
    assert record is not None
    assert isinstance(record.part, Capacity)
    return record.part


def test_every_cell_is_searched_and_then_confirmed_in_blocks_from_where_its_search_ended(
    made: Probings, make_setup: MakeSetup, perform: Perform
) -> None:
    made.found[FIRST, None] = {750.0: Bracket(20, 21), 660.0: Bracket(None, 0), 900.0: Bracket(20, 24)}
    kind = make_kind()
    perform(kind, make_setup(CELLS))
    assert [(one.subject.cell, one.block, one.starts) for one in made.plans[:2]] == [
        (cell, None, None) for cell in CELLS
    ]
    assert len({one.seed for one in made.plans[:2]}) == 1
    assert [(one.subject.cell, one.block, one.seed) for one in made.plans[2:]] == [
        (one.cell, one.block, one.seed) for one in schedule(CELLS, 2, 1)
    ]
    # A bracket that stayed open is a place to start, too, and the lowest rate is one for what never passed.
    starts = {750.0: 20, 660.0: 0, 900.0: 20}
    assert [one.starts for one in made.plans[2:] if one.subject.cell == CELLS[0]] == [starts] * 2
    assert {one.longest_s for one in made.plans} == {LONGEST_S}
    held = capacity_of(kind, CELLS[0])
    assert (held.python, held.lock_sha256, held.failure) == (made.environment.python, "0", None)
    assert len(held.probes) == 6
    assert held.scouted == (ScoutLevel(users=10, throughput_rps=5.0),)
    by_slo = {one.slo_ms: one for one in held.sustained}
    assert (by_slo[750.0].state, by_slo[750.0].blocks) == ("found", (rate_at(10),) * 2)
    assert by_slo[1200.0].state == "undecided"
    assert list(kind.failures()) == []


def test_where_a_search_found_nothing_there_is_nothing_to_confirm_and_no_failure(
    made: Probings, make_setup: MakeSetup, perform: Perform
) -> None:
    made.found[FIRST, None] = {750.0: Bracket(None, None), 900.0: Bracket(None, 5)}
    kind = make_kind()
    said = perform(kind, make_setup(CELLS[:1]))
    assert made.of(CELLS[0]) == [None]
    assert said[1:] == ["nothing to confirm: the search found nothing"] * 2
    assert {one.state for one in capacity_of(kind, CELLS[0]).sustained} == {"undecided"}
    assert list(kind.failures()) == []


def test_a_capacity_says_what_it_was_made_with(made: Probings, make_setup: MakeSetup, perform: Perform) -> None:
    kind, setup = make_kind(), make_setup(CELLS, seed=5)
    perform(kind, setup)
    held, record = capacity_of(kind, CELLS[0]), kind.record(CELLS[0])
    assert (held.run_id, held.git_commit) == (setup.provenance.run_id, setup.provenance.git_commit)
    assert (held.seed, [one.slo_ms for one in held.sustained]) == (5, list(SLOS_MS))
    assert record is not None
    assert (record.environment, record.run, record.trials) == (made.environment, None, ())


def test_all_cells_share_one_book_of_the_cores_pace_and_the_load_that_was_asked_for(
    made: Probings, make_setup: MakeSetup, perform: Perform
) -> None:
    perform(make_kind(), make_setup(CELLS, generators=3, layout=PINNED))
    (book,) = Book.books
    assert (book.begun, book.cores) == (1, PINNED.target)
    assert made.given == [(PINNED, book, 3)] * 6


def test_where_no_cell_can_be_searched_nothing_is_begun(made: Probings, make_setup: MakeSetup) -> None:
    kind = make_kind()
    assert kind.begin(make_setup(())) == []
    assert [book.begun for book in Book.books] == [0]
    assert (kind.record(CELLS[0]), made.plans) == (None, [])


def test_steps_are_labelled_by_their_cell_and_what_is_done(made: Probings, make_setup: MakeSetup) -> None:
    steps = make_kind().begin(make_setup(CELLS[:1]))
    assert [step.label for step in steps] == [f"{CELLS[0]}, {what}" for what in ("search", "block 1", "block 2")]
    assert {step.cells for step in steps} == {CELLS[:1]}
    assert made.plans == []


@pytest.mark.parametrize("error", [TrialError, SupervisorError])
def test_a_cell_that_fails_keeps_its_reason_and_is_not_tried_again_and_the_others_go_on(
    made: Probings, make_setup: MakeSetup, perform: Perform, error: type[Exception]
) -> None:
    made.found[FIRST, 0] = error("it fell over")
    kind = make_kind()
    said = perform(kind, make_setup(CELLS))
    assert made.of(CELLS[0]) == [None, 0]
    assert made.of(CELLS[1]) == [None, 0, 1]
    failed = capacity_of(kind, CELLS[0])
    assert (failed.failure, len(failed.probes)) == ("it fell over", 4)
    # A block that failed has decided nothing, and is one of the blocks all the same.
    assert {one.slo_ms: one.blocks for one in failed.sustained}[750.0] == (None,)
    assert list(kind.failures()) == [CELLS[0]]
    assert sorted(said).count("failed: it fell over") == 1
    assert said.count("it fell over") == 1


def test_a_search_that_fails_keeps_what_it_had_found_and_is_not_confirmed(
    made: Probings, make_setup: MakeSetup, perform: Perform
) -> None:
    made.found[FIRST, None] = TrialError("it fell over")
    kind = make_kind()
    perform(kind, make_setup(CELLS))
    assert made.of(CELLS[0]) == [None]
    failed = capacity_of(kind, CELLS[0])
    assert (failed.failure, len(failed.probes)) == ("it fell over", 2)
    assert failed.scouted == (ScoutLevel(users=10, throughput_rps=5.0),)
    assert failed.python == made.environment.python


def test_what_was_found_is_said_for_each_slo(made: Probings, make_setup: MakeSetup, perform: Perform) -> None:
    found = {660.0: Bracket(None, 0), 750.0: Bracket(10, 11), 900.0: Bracket(10, 13)}
    made.found = {(FIRST, block): found for block in (None, 0)}
    said = perform(make_kind(1), make_setup(CELLS[:1]))
    words = f"660 ms: not even {rate_at(0):.3g}/s, 750 ms: {rate_at(10):.3g}/s, 900 ms: undecided, 1200 ms: undecided"
    assert said == [f"p99 within {words} (2 probes)"] * 2


def test_blocks_give_a_median_with_an_interval_and_the_bound_that_was_nearest() -> None:
    lasts = (10, 11, 11, 12, 12, 14)
    probes = [make_probe(last + 1, met=False, bound="slots" if last == 14 else "target-cpu") for last in lasts]
    held = sustain(750.0, [Bracket(last, last + 1) for last in lasts], probes)
    assert held.state == "found"
    assert held.blocks == tuple(map(rate_at, lasts))
    assert held.last_pass == pytest.approx((rate_at(11) + rate_at(12)) / 2)
    assert held.first_fail == pytest.approx((rate_at(12) + rate_at(13)) / 2)
    assert held.low is not None
    assert held.high is not None
    assert held.last_pass is not None
    assert rate_at(10) <= held.low < held.last_pass < held.high <= rate_at(14)
    assert held.limiter == "target-cpu"


def test_fewer_than_six_blocks_have_no_interval() -> None:
    held = sustain(750.0, [Bracket(10, 11)] * 5, [])
    assert (held.state, held.last_pass, held.low, held.limiter) == ("found", rate_at(10), None, None)


def test_a_stack_that_never_passes_is_shown_as_such() -> None:
    held = sustain(750.0, [Bracket(None, 0)] * 6, [make_probe(0, met=False, bound="slots")])
    assert (held.state, held.last_pass, held.first_fail, held.blocks) == ("never", None, rate_at(0), (0.0,) * 6)
    assert held.limiter == "slots"


def test_a_block_whose_bracket_stayed_open_does_not_count() -> None:
    held = sustain(750.0, [Bracket(10, 13), Bracket(None, None), Bracket(9, 10), None], [])
    assert held.blocks == (None, None, rate_at(9), None)
    assert (held.decided, held.last_pass) == ((rate_at(9),), rate_at(9))
    assert sustain(750.0, [Bracket(10, 13)], []).state == "undecided"


def test_an_invalid_probe_names_no_bound() -> None:
    probes = [make_probe(11, met=False, bound="generator", validity="invalid")]
    assert sustain(750.0, [Bracket(10, 11)], probes).limiter is None
