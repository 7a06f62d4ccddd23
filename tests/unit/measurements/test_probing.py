"""Probes on a testbed that is made up: where they begin, what is made once more, and what a failure leaves."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.objectives import SLOS_MS, rate_at, step_of
from stackmatrix.measurements.capacity.probing import ORDER, SCOUT_USERS, START_SHARE, Probing, ProbingPlan
from stackmatrix.measurements.capacity.search import Bracket
from stackmatrix.measurements.capacity.slo import Watch
from stackmatrix.results import rows
from stackmatrix.results.model import Environment
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel

CELL = Cell(stack="uvicorn", python="3.13", workload="fanout")
PINNED = Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))
BOOK = PaceBook(())
CAPACITY_RPS = 20.0
LAST_PASS = step_of(CAPACITY_RPS)


@dataclass
class Bed:
    """A target that answers at once up to its capacity; ``spoilt`` probes, counted from 0, are of one that changed."""

    make_facts: Callable[..., LevelFacts]
    make_steady: Callable[..., list[bytes]]
    make_row: Callable[..., bytes]
    environment: Environment
    spoilt: set[int] = field(default_factory=set)
    backlogs: set[int] = field(default_factory=set)
    breaks_at: int | None = None
    error: type[Exception] = TrialError
    scouted: list[LevelOrder] = field(default_factory=list)
    probed: list[LevelOrder] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)

    @contextlib.contextmanager
    def start(
        self,
        subjects: Sequence[Subject],
        layout: Layout,
        load: Load,
        _show: Callable[[str], None],
        *,
        speed: PaceBook,
    ) -> Iterator["Bed"]:
        assert ([one.cell for one in subjects], layout, speed) == ([CELL], PINNED, BOOK)
        assert load == Load(subjects[0].workload, 3)
        self.subject = subjects[0]
        yield self
        self.happened.append("stop")

    def verify(self) -> None:
        self.environments[self.subject.name] = self.environment

    def warm_up(self, order: LevelOrder) -> None:
        self.happened.append(f"warm up {order.window_s:g}")

    def drive(self, order: LevelOrder, level: LoadLevel, look: Watch | None = None) -> MeasuredLevel:
        if level.model == "closed":
            assert look is None
            assert not order.watched
            self.scouted.append(order)
            # With more users than that, each has to wait for the others.
            response_s = max(0.6, level.value / CAPACITY_RPS)
            facts = self.make_facts(self.make_steady(int(level.value), response_s), plan=level)
        else:
            facts = self._probe(order, level, look)
        return MeasuredLevel(facts, (facts.rows,), (facts.uses["target"],))

    def _probe(self, order: LevelOrder, level: LoadLevel, look: Watch | None) -> LevelFacts:
        number = len(self.probed)
        if number == self.breaks_at:
            raise self.error("The target is gone.")
        assert look is not None
        assert order.watched
        self.probed.append(order)
        if number in self.backlogs:
            look.ended = "backlog"
        took_s = 0.61 if level.value <= CAPACITY_RPS else 1.3
        starts = [95 + place / level.value for place in range(math.ceil(15 * level.value))]
        packed = [self.make_row(at, at + took_s, phase=rows.SETTLE if at < 100 else rows.WINDOW) for at in starts]
        changed: dict[str, Any] = {"target_pids_now": ()} if number in self.spoilt else {}
        return self.make_facts(packed, plan=level, **changed)

    def rest(self) -> None:
        self.happened.append("rest")


@pytest.fixture
def bed(
    make_facts: Callable[..., LevelFacts],
    make_steady: Callable[..., list[bytes]],
    make_row: Callable[..., bytes],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> Bed:
    one = Bed(make_facts, make_steady, make_row, environment)
    monkeypatch.setattr(testbed, "start", one.start)
    return one


type MakeProbing = Callable[..., Probing]


@pytest.fixture
def make_probing(make_subject: Callable[[Cell], Subject]) -> MakeProbing:
    def make(
        block: int | None = None, starts: dict[float, int] | None = None, show: Callable[[str], None] = lambda _: None
    ) -> Probing:
        plan = ProbingPlan(make_subject(CELL), block, seed=7, longest_s=10.0, starts=starts)
        return Probing(plan, PINNED, BOOK, 3, show)

    return make


def test_a_search_scouts_until_the_plateau_and_brackets_every_slo(bed: Bed, make_probing: MakeProbing) -> None:
    probing = make_probing()
    probing.run()
    # Below a user for each request that can be answered there is no plateau yet; the first level that has one ends it.
    assert [int(order.value) for order in bed.scouted] == list(SCOUT_USERS[:3])
    assert [one.users for one in probing.scouted] == list(SCOUT_USERS[:3])
    plateau_rps = max(one.throughput_rps for one in probing.scouted)
    assert plateau_rps == pytest.approx(CAPACITY_RPS, rel=0.05)
    assert probing.probes[0].rate == rate_at(step_of(plateau_rps * START_SHARE))
    assert probing.brackets == dict.fromkeys(ORDER, Bracket(LAST_PASS, LAST_PASS + 1))
    assert set(ORDER) == set(SLOS_MS)
    assert len({probe.rate for probe in probing.probes}) == len(probing.probes)
    assert (probing.environment, bed.happened) == (bed.environment, ["warm up 5", "stop"])


def test_a_block_begins_where_the_search_ended_without_scouting(bed: Bed, make_probing: MakeProbing) -> None:
    probing = make_probing(2, {750.0: LAST_PASS, 900.0: LAST_PASS})
    probing.run()
    assert (bed.scouted, probing.scouted) == ([], [])
    assert [(probe.block, probe.rate) for probe in probing.probes] == [
        (2, rate_at(LAST_PASS)), (2, rate_at(LAST_PASS + 1)),
    ]  # fmt: skip
    assert probing.brackets == dict.fromkeys((750.0, 900.0), Bracket(LAST_PASS, LAST_PASS + 1))


def test_a_probe_says_what_was_seen(bed: Bed, make_probing: MakeProbing) -> None:
    probing = make_probing(2, {750.0: LAST_PASS})
    probing.run()
    passed, missed = probing.probes
    assert {one.slo_ms: one.met for one in passed.objectives} == dict.fromkeys(SLOS_MS, True)
    assert {one.slo_ms: one.met for one in missed.objectives} == dict.fromkeys(SLOS_MS, False)
    assert (passed.window_s, passed.failures, passed.validity, passed.ended) == (10.0, {}, "valid", "time")
    assert passed.requests == pytest.approx(10 * passed.rate, abs=1)
    assert len(bed.probed) == 2


def test_each_probe_has_the_plan_of_its_rate_and_rows_of_its_own(bed: Bed, make_probing: MakeProbing) -> None:
    make_probing(2, {750.0: LAST_PASS}).run()
    assert [order.seed for order in bed.probed] == [plan_seed(7, LAST_PASS), plan_seed(7, LAST_PASS + 1)]
    assert len({order.level for order in bed.probed}) == 2
    assert {order.window_s for order in bed.probed} == {10.0}


def test_an_invalid_probe_is_made_once_more_by_the_same_plan_and_both_are_kept(
    bed: Bed, make_probing: MakeProbing
) -> None:
    bed.spoilt = {0}
    shown: list[str] = []
    probing = make_probing(2, {750.0: LAST_PASS}, shown.append)
    probing.run()
    assert [probe.validity for probe in probing.probes] == ["invalid", "valid", "valid"]
    first, second, _ = bed.probed
    assert first.seed == second.seed
    assert first.level != second.level
    assert probing.brackets == {750.0: Bracket(LAST_PASS, LAST_PASS + 1)}
    assert [one for one in shown if one.endswith("once more")] == [f"probe 2, {first.value:.3g} arrivals/s, once more"]


def test_a_probe_that_stays_invalid_tells_nothing(bed: Bed, make_probing: MakeProbing) -> None:
    bed.spoilt = set(range(100))
    probing = make_probing(2, {750.0: LAST_PASS})
    probing.run()
    assert probing.brackets == {750.0: Bracket(None, None)}
    assert [probe.rate for probe in probing.probes[::2]] == [probe.rate for probe in probing.probes[1::2]]
    assert len({probe.rate for probe in probing.probes[::2]}) == len(probing.probes) / 2


def test_after_a_backlog_the_target_comes_to_rest_before_it_is_asked_again(bed: Bed, make_probing: MakeProbing) -> None:
    bed.backlogs = {1}
    probing = make_probing(2, {750.0: LAST_PASS})
    probing.run()
    assert [probe.ended for probe in probing.probes] == ["time", "backlog"]
    assert bed.happened.count("rest") == 1


@pytest.mark.parametrize("error", [TrialError, SupervisorError])
def test_what_was_found_before_a_failure_is_there_and_no_bracket_is(
    bed: Bed, make_probing: MakeProbing, error: type[Exception]
) -> None:
    bed.breaks_at, bed.error = 2, error
    probing = make_probing()
    with pytest.raises(error, match=r"^The target is gone\.$"):
        probing.run()
    assert (len(probing.scouted), len(probing.probes)) == (3, 2)
    assert (probing.brackets, probing.environment) == ({}, bed.environment)
