"""One ladder on a testbed that is made up: what ends it, what it drives, and what it says of itself.

With real servers, tests/end_to_end.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.errors import StackmatrixError, SupervisorError, TrialError, UsageError
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix import profiles
from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.ladder import LoadLevel, rates, users
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.ladder.recovery import LOOKS, RATE_SHARE
from stackmatrix.measurements.ladder.run import LadderRun, LadderSetting
from stackmatrix.results.conditions import Environment
from stackmatrix.results.findings import Code
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, MeasuredLevel

CELL = Cell(stack="uvicorn", python="3.13", workload="fanout")
PINNED = Layout(target=(1,), generator=(0,), api=(0,), harness=(0,))
SMOKE = profiles.PROFILES["smoke"]


def book(*readings_s: float) -> PaceBook:
    kept = PaceBook(())
    kept._readings = list(readings_s)
    return kept


@dataclass
class Bed:
    """A testbed; ``goes_wrong`` has what is raised where: at ``verify``, a level's number, or at the ``end``."""

    make_facts: Callable[..., LevelFacts]
    environment: Environment
    make_steady: Callable[..., list[bytes]]
    goes_wrong: dict[str | int, StackmatrixError] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    orders: list[LevelOrder] = field(default_factory=list)
    changed: dict[str, object] = field(default_factory=dict)
    """Facts of every level that are not as they should be."""
    environments: dict[str, Environment] = field(default_factory=dict)
    load_s: float = 0.0
    slow_s: dict[str, float] = field(default_factory=dict)
    """How long responses of a level take, where that is not the floor."""

    @contextlib.contextmanager
    def start(
        self,
        subjects: Sequence[Subject],
        layout: Layout,
        load: Load,
        _show: Callable[[str], None],
        *,
        speed: PaceBook | None,
    ) -> Iterator["Bed"]:
        assert ([one.cell for one in subjects], layout, load.processes) == ([CELL], PINNED, 2)
        assert load.of_api is None
        assert speed is None or speed.readings
        self.happened.append("start")
        self.name = subjects[0].name
        try:
            yield self
        finally:
            self.happened.append("stop")
        self._may_go_wrong("end")

    def _may_go_wrong(self, where: str | int) -> None:
        if where in self.goes_wrong:
            raise self.goes_wrong[where]

    def verify(self) -> None:
        self._may_go_wrong("verify")
        self.happened.append("verify")
        self.environments[self.name] = self.environment

    def idle_shares(self, span_s: float) -> tuple[float, ...]:
        self.happened.append(f"idle {span_s:g}")
        return (0.05,)

    def warm_up(self, order: LevelOrder | None) -> None:
        self.happened.append(f"warm up {order.window_s:g}" if order else "no warm-up")

    def drive(self, order: LevelOrder, level: LoadLevel) -> MeasuredLevel:
        self._may_go_wrong(len(self.orders))
        self.happened.append(str(level))
        self.orders.append(order)
        self.load_s += 10.0
        facts = self.facts_of(level)
        return MeasuredLevel(facts, (facts.rows,), (facts.uses["target"],), ((),))

    def facts_of(self, level: LoadLevel) -> LevelFacts:
        packed = self.make_steady(math.ceil(level.value), self.slow_s.get(str(level), 0.6))
        return self.make_facts(packed, plan=level, **self.changed)

    def rows(self) -> bytes:
        return b"every request"


@pytest.fixture
def bed(
    make_facts: Callable[..., LevelFacts],
    make_steady: Callable[..., list[bytes]],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> Bed:
    one = Bed(make_facts, environment, make_steady)
    monkeypatch.setattr(testbed, "start", one.start)
    return one


type MakeRun = Callable[..., LadderRun]


@pytest.fixture
def make_run(make_subject: Callable[[Cell], Subject]) -> MakeRun:
    def make(profile: Profile = SMOKE, show: Callable[[str], None] = lambda _: None, **setting: object) -> LadderRun:
        rows_path = setting.pop("rows_path", None)
        whole = replace(LadderSetting(profile, PINNED, generators=2), **setting)  # type: ignore[arg-type]
        return LadderRun(make_subject(CELL), whole, 1, show, rows_path)  # type: ignore[arg-type]

    return make


def with_lengths(**lengths: float) -> Profile:
    return replace(SMOKE, levels=replace(SMOKE.levels, **lengths))


def test_a_ladder_on_a_core_of_its_own_that_keeps_its_pace_has_nothing_to_note() -> None:
    assert LadderSetting(SMOKE, PINNED).findings() == ()
    assert LadderSetting(SMOKE, PINNED, book(1.0, 1.0, 1.079)).findings() == ()


def test_a_core_that_keeps_no_pace_is_noted_with_how_much_it_varies() -> None:
    (finding,) = LadderSetting(SMOKE, PINNED, book(1.0, 1.0, 1.2)).findings()
    assert (finding.code, finding.severity) == ("uneven-core", "note")
    assert "varied by up to 20% in speed while nothing ran" in finding.sentence


def test_a_ladder_verifies_warms_up_climbs_the_ladder_and_stops(bed: Bed, make_run: MakeRun) -> None:
    ladder = make_run(with_lengths(baseline_s=3.0, warmup_s=5.0))
    assert ladder.run() is None
    assert bed.happened == ["start", "verify", "idle 3", "warm up 5", "users=1", "users=5", "stop"]
    assert [(level.users, level.requests is not None) for level in ladder.levels] == [(1, True), (5, True)]
    assert (ladder.environment, ladder.load_s) == (bed.environment, 20.0)


def test_where_no_warm_up_was_asked_for_nothing_is_driven_before_the_first_level(bed: Bed, make_run: MakeRun) -> None:
    make_run(with_lengths(warmup_s=0.0)).run()
    assert "no warm-up" in bed.happened


def test_each_level_has_the_plan_of_its_place_and_what_the_idle_target_used_is_not_charged(
    bed: Bed, make_run: MakeRun
) -> None:
    ladder = make_run()
    ladder.run()
    assert [(one.level, one.seed) for one in bed.orders] == [(0, plan_seed(1, 0)), (1, plan_seed(1, 1))]
    assert {(one.settle_s, one.window_s) for one in bed.orders} == {(SMOKE.levels.settle_s, SMOKE.levels.window_s)}
    facts = bed.facts_of(SMOKE.ladder[0])
    # Of the 0.1 of a core that it used, 0.05 are idle.
    busy_s = 0.05 * facts.rows.window_s
    assert ladder.levels[0].cpu_ms == pytest.approx(busy_s * 1000 / len(facts.rows.answered))


def test_a_second_attempt_has_the_same_plan_and_rows_of_its_own(bed: Bed, make_run: MakeRun) -> None:
    bed.changed = {"target_pids_now": ()}
    shown: list[str] = []
    ladder = make_run(show=shown.append)
    ladder.run()
    assert [one.level for one in bed.orders] == [0, 2, 1, 3]
    assert [one.seed for one in bed.orders] == [plan_seed(1, place) for place in (0, 0, 1, 1)]
    assert [level.validity for level in ladder.levels] == ["invalid", "invalid"]
    assert shown[-2:] == ["level 2 of 2, users=5", "level 2 of 2, users=5, once more"]


@pytest.mark.parametrize("kind", [TrialError, SupervisorError])
@pytest.mark.parametrize(("where", "driven"), [("verify", 0), (0, 0), (1, 1), ("end", 2)])
def test_what_ends_a_ladder_is_its_failure_and_levels_that_were_not_reached_are_invalid_with_the_reason(
    bed: Bed, make_run: MakeRun, kind: type[StackmatrixError], where: str | int, driven: int
) -> None:
    bed.goes_wrong = {where: kind("The target is gone.")}
    ladder = make_run()
    assert ladder.run() == "The target is gone."
    assert bed.happened[-1] == "stop"
    assert [level.users for level in ladder.levels] == [1, 5]
    assert [level.validity for level in ladder.levels] == ["valid"] * driven + ["invalid"] * (2 - driven)
    for level in ladder.levels[driven:]:
        assert level.requests is None
        assert [(one.code, one.sentence) for one in level.findings] == [("not-reached", "The target is gone.")]
    assert ladder.environment == (None if where == "verify" else bed.environment)
    assert ladder.load_s == 10.0 * driven


def test_what_the_user_must_mend_ends_the_run(bed: Bed, make_run: MakeRun) -> None:
    bed.goes_wrong = {1: UsageError("what is wrong")}
    with pytest.raises(UsageError, match="what is wrong"):
        make_run().run()
    assert bed.happened[-1] == "stop"


def test_the_ladder_is_climbed_in_the_order_of_the_load_that_its_levels_offer(bed: Bed, make_run: MakeRun) -> None:
    bed.goes_wrong = {0: TrialError("The target is gone.")}
    ladder = make_run(replace(SMOKE, ladder=(*users(10, 50), *rates(5, 20))))
    ladder.run()
    assert [level.users or level.rate for level in ladder.levels] == [5, 10, 20, 50]


def test_every_request_is_kept_only_where_that_was_asked_for(bed: Bed, make_run: MakeRun, tmp_path: Path) -> None:
    make_run().run()
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "folder" / "all.rows"
    make_run(rows_path=kept).run()
    assert kept.read_bytes() == b"every request"
    assert bed.happened[-1] == "stop"


LOW = f"rate={RATE_SHARE * WORKLOADS[CELL.workload].compare_rate:g}"
OTHER_MODEL = replace(SMOKE, ladder=(*users(1, 10), *rates(20)))


def test_a_target_that_comes_back_from_an_overload_is_driven_on_and_its_looks_have_marks_of_their_own(
    bed: Bed, make_run: MakeRun
) -> None:
    bed.slow_s = {"users=10": 3.0}
    shown: list[str] = []
    ladder = make_run(OTHER_MODEL, show=shown.append)
    assert ladder.run() is None
    assert bed.happened[-5:] == ["users=1", "users=10", LOW, "rate=20", "stop"]
    assert [one.level for one in bed.orders] == [0, 1, 6, 2]
    assert "coming back from users=10" in shown
    assert Code.RECOVERY not in {one.code for level in ladder.levels for one in level.findings}


def test_what_follows_an_overload_from_which_a_target_does_not_come_back_is_invalid_with_what_was_seen(
    bed: Bed, make_run: MakeRun
) -> None:
    bed.slow_s = {"users=10": 3.0, LOW: 0.67}
    ladder = make_run(OTHER_MODEL)
    ladder.run()
    assert bed.happened[-LOOKS - 1 :] == [LOW] * LOOKS + ["stop"]
    (found,) = ladder.levels[2].findings
    assert (ladder.levels[2].validity, found.code, found.severity) == ("invalid", "recovery", "invalid")
    assert found.sentence == (
        "Not driven: after users=10 it did not come back within 16 s at 2.5 arrivals/s, where its median response took "
        "670 ms (before: 600 ms)."
    )


def test_a_target_that_is_nearly_as_fast_as_before_has_come_back(bed: Bed, make_run: MakeRun) -> None:
    bed.slow_s = {"users=10": 3.0, LOW: 0.65}
    ladder = make_run(OTHER_MODEL)
    ladder.run()
    assert bed.happened.count(LOW) == 1
    assert ladder.levels[2].validity == "valid"
