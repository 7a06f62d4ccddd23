"""Probes one cell's capacity once, in fresh processes: a search that knows nothing, or a block near what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.level.assess import only_noted, validity_of
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.facts import LevelFacts, is_saturated
from stackmatrix.analysis.level.limiter import nearest_bound
from stackmatrix.analysis.level.throughput import throughput_rps
from stackmatrix.analysis.level.usage import Role
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.ladder import LoadLevel, rates, users
from stackmatrix.matrix.objectives import HEADLINE_MS, SLOS_MS, rate_at, step_of
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.measurements.capacity import slo
from stackmatrix.measurements.capacity.search import Bracket, Search
from stackmatrix.measurements.request import Show
from stackmatrix.results.capacity import Probe, ScoutLevel
from stackmatrix.results.findings import Code
from stackmatrix.results.model import Environment
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load, Testbed

WARMUP_S, SETTLE_S = 5.0, 2.0
SCOUT_USERS = (5, 10, 20, 40, 80, 160)
SCOUT_S = 6.0
"""Ten responses for each user: where to search is all that it has to show."""
FIRST_STRIDE = 2
ORDER = (HEADLINE_MS, *(slo_ms for slo_ms in SLOS_MS if slo_ms != HEADLINE_MS))
"""The headline first: what its probes show of the others is then there."""
ONLY_NOTED = frozenset({Code.NOT_STEADY, Code.PACE})
"""Near its capacity a target's queue comes and goes, which is what a probe is to find. How fast the core was is of the
block: an interval over blocks shows it."""
START_SHARE = 0.7
"""Of the scouted plateau: latency is lost before throughput, and every overloaded probe has to be drained."""


@dataclass(frozen=True, slots=True)
class ProbingPlan:
    """One fresh tree: ``starts`` has a step for each SLO, or is ``None`` where the search has to scout first."""

    subject: Subject
    block: int | None
    seed: int
    longest_s: float
    starts: Mapping[float, int] | None = None


@dataclass
class Probing:
    """Probes until every SLO's bracket is narrow."""

    plan: ProbingPlan
    layout: Layout
    speed: PaceBook
    generators: int
    show: Show
    scouted: list[ScoutLevel] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    brackets: dict[float, Bracket] = field(default_factory=dict)
    environment: Environment | None = None
    _orders: int = 0

    def run(self) -> None:
        """Run it to its end.

        Raises:
            TrialError, SupervisorError: when it failed; what was found until then is there.

        """
        subject = self.plan.subject
        load = Load(subject.workload, self.generators)
        with testbed.start([subject], self.layout, load, self.show, speed=self.speed) as bed:
            bed.verify()
            self.environment = bed.environments.get(subject.name)
            self.show("warming up")
            bed.warm_up(LevelOrder.warmup(WARMUP_S))
            self._search(bed)

    def _search(self, bed: Testbed) -> None:
        starts = self.plan.starts
        if starts is None:
            plateau = self._scout(bed)
            search = Search(dict.fromkeys(ORDER, step_of(plateau * START_SHARE)), FIRST_STRIDE)
        else:
            search = Search(starts)
        for slo_ms in (one for one in ORDER if one in search.starts):
            while (step := search.next(slo_ms)) is not None:
                wanted = search.wanted(step)
                probe = self._probe(bed, step, wanted)
                met = {one.slo_ms: one.met for one in probe.objectives} if probe.validity == "valid" else {}
                search.note(step, {one_ms: met.get(one_ms) for one_ms in wanted})
        self.brackets = {slo_ms: search.bracket(slo_ms) for slo_ms in search.starts}

    def _scout(self, bed: Testbed) -> float:
        """The most that a closed loop of any size gets, in requests per second."""
        floor_ms = self.plan.subject.workload.floor_ms
        for level in users(*SCOUT_USERS):
            self.show(f"scouting, {level}")
            facts = bed.drive(self._order(level, SCOUT_S, 0), level).facts
            seen_rps = throughput_rps(facts.rows)
            self.scouted.append(ScoutLevel(users=int(level.value), throughput_rps=seen_rps))
            if is_saturated(level, seen_rps, floor_ms):
                break
        return max(one.throughput_rps for one in self.scouted)

    def _probe(self, bed: Testbed, step: int, wanted_ms: tuple[float, ...]) -> Probe:
        """One rate; once more where something else than the target decided."""
        (level,) = rates(rate_at(step))

        def attempt(number: int) -> Probe:
            again = "" if number == 1 else ", once more"
            self.show(f"probe {len(self.probes) + 1}, {level.value:.3g} arrivals/s{again}")
            order = self._order(level, self.plan.longest_s, step, watched=True)
            watch = slo.Watch(level.value, order.settle_s, order.seed, wanted_ms)
            probe = self._describe(bed.drive(order, level, watch).facts, watch)
            self.probes.append(probe)
            if probe.ended == "backlog":
                self.show("waiting for the target to come to rest")
                bed.rest()
            return probe

        return until_valid(attempt, lambda probe: probe.findings)[0]

    def _order(self, level: LoadLevel, window_s: float, step: int, *, watched: bool = False) -> LevelOrder:
        self._orders += 1
        seed, mark = self.plan.seed, self._orders
        return LevelOrder.measure(step, level, SETTLE_S, window_s, seed=seed, mark=mark, watched=watched)

    def _describe(self, facts: LevelFacts, watch: slo.Watch) -> Probe:
        rows = facts.rows
        found = only_noted(find_all(facts), ONLY_NOTED)
        times, _ = latency.rank(rows.response_ms, "")
        return Probe(
            block=self.plan.block,
            rate=facts.plan.value,
            window_s=rows.window_s,
            requests=len(rows.window),
            failures=rows.failures(),
            throughput_rps=throughput_rps(rows),
            p99_ms=times.p99 if times else None,
            cpu_share=facts.uses[Role.TARGET].cpu_share,
            ended=watch.ended,
            bound=nearest_bound(facts, found),
            validity=validity_of(found),
            findings=found,
            objectives=slo.judge_window(rows),
        )
