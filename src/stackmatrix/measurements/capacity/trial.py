"""Probes one cell's capacity once, in fresh processes: a search that knows nothing, or a block near what it found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from stackmatrix.analysis.level import latency
from stackmatrix.analysis.level.assess import only_noted, validity_of
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.facts import LevelFacts, is_saturated
from stackmatrix.analysis.level.limiter import nearest_bound
from stackmatrix.analysis.level.throughput import throughput_rps
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.load.generator import Order
from stackmatrix.matrix import objectives
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import LevelPlan, rates, users
from stackmatrix.matrix.objectives import rate_at, step_of
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.capacity import slo
from stackmatrix.measurements.capacity.search import Bracket, Search
from stackmatrix.results.capacity import Probe, Scouted
from stackmatrix.results.model import Environment
from stackmatrix.testbed import supervisor
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.targetbench import Conditions, TargetBench, target_bench

WARMUP_S, SETTLE_S = 5.0, 2.0
SCOUT_USERS = (5, 10, 20, 40, 80, 160)
SCOUT_S = 6.0
"""Ten responses for each user: where to search is all that it has to tell."""
FIRST_STRIDE = 2
ATTEMPTS = 2
ORDER = (objectives.HEADLINE_MS, *(slo_ms for slo_ms in objectives.SLOS_MS if slo_ms != objectives.HEADLINE_MS))
"""The headline first: what its probes tell of the others is then there."""
ONLY_NOTED = frozenset({"not-steady", "pace"})
"""Near its capacity a target's queue comes and goes, which is what a probe is to find. How fast the core was is of the
block: an interval over blocks tells it."""
START_SHARE = 0.7
"""Of the scouted plateau: latency is lost before throughput, and every overloaded probe has to be drained."""


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """One fresh tree: ``starts`` has a step for each SLO, or is ``None`` where the search has to scout first."""

    cell: Cell
    block: int | None
    seed: int
    longest_s: float
    starts: Mapping[float, int] | None = None


@dataclass
class CapacityTrial:
    """Probes until every SLO's bracket is narrow; ``failure`` is why it ended early. ``show`` hears of it."""

    plan: CapacityPlan
    target_environment: TargetEnvironment
    conditions: Conditions
    show: Callable[[str], None]
    scouted: list[Scouted] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    brackets: dict[float, Bracket] = field(default_factory=dict)
    environment: Environment | None = None
    failure: str | None = None
    _orders: int = 0

    def run(self) -> None:
        """Run it to its end, whatever that is."""
        folder = supervisor.private_folder()
        try:
            with target_bench(self.plan.cell, self.target_environment, self.conditions, folder, self.show) as bench:
                self.environment = bench.environment
                self.show("warming up")
                bench.warm_up(WARMUP_S)
                self._search(bench)
                bench.finish()
        except (TrialError, SupervisorError) as error:
            self.failure = str(error)
        finally:
            supervisor.remove(folder)

    def _search(self, bench: TargetBench) -> None:
        starts = self.plan.starts
        if starts is None:
            plateau = self._scout(bench)
            search = Search(dict.fromkeys(ORDER, step_of(plateau * START_SHARE)), FIRST_STRIDE)
        else:
            search = Search(starts)
        for slo_ms in (one for one in ORDER if one in search.starts):
            while (step := search.next(slo_ms)) is not None:
                wanted = search.wanted(step)
                probe = self._probe(bench, step, wanted)
                told = {one.slo_ms: one.met for one in probe.objectives} if probe.validity == "valid" else {}
                search.note(step, {one_ms: told.get(one_ms) for one_ms in wanted})
        self.brackets = {slo_ms: search.bracket(slo_ms) for slo_ms in search.starts}

    def _scout(self, bench: TargetBench) -> float:
        """The most that a closed loop of any size gets, in requests per second."""
        floor_ms = WORKLOADS[self.plan.cell.workload].floor_ms
        for plan in users(*SCOUT_USERS):
            self.show(f"scouting, {plan}")
            facts = bench.measure(self._order(plan, SCOUT_S, 0), plan)
            throughput = throughput_rps(facts.rows)
            self.scouted.append(Scouted(users=int(plan.value), throughput_rps=throughput))
            if is_saturated(plan, throughput, floor_ms):
                break
        return max(one.throughput_rps for one in self.scouted)

    def _probe(self, bench: TargetBench, step: int, wanted_ms: tuple[float, ...]) -> Probe:
        """One rate; once more where something else than the target decided."""
        (plan,) = rates(rate_at(step))
        for number in range(1, ATTEMPTS + 1):
            again = "" if number == 1 else ", once more"
            self.show(f"probe {len(self.probes) + 1}, {plan.value:.3g} arrivals/s{again}")
            order = replace(self._order(plan, self.plan.longest_s, step), watched=True)
            watch = slo.Watch(plan.value, order.settle_s, order.seed, wanted_ms)
            facts = bench.measure(order, plan, watch)
            probe = self._describe(facts, watch)
            self.probes.append(probe)
            if probe.ended == "backlog":
                self.show("waiting for the target to come to rest")
                bench.rest()
            if probe.validity == "valid":
                break
        return probe

    def _order(self, plan: LevelPlan, window_s: float, step: int) -> Order:
        self._orders += 1
        return Order.measure(step, plan, SETTLE_S, window_s, trial_seed=self.plan.seed, mark=self._orders)

    def _describe(self, facts: LevelFacts, watch: slo.Watch) -> Probe:
        level = facts.rows
        found = only_noted(find_all(facts), ONLY_NOTED)
        times, _ = latency.rank(level.response_ms, "")
        return Probe(
            block=self.plan.block,
            rate=facts.plan.value,
            window_s=level.window_s,
            requests=len(level.window),
            failures=level.failures(),
            throughput_rps=throughput_rps(level),
            p99_ms=times.p99 if times else None,
            cpu_share=facts.uses["target"].cpu_share,
            ended=watch.ended,
            bound=nearest_bound(facts, found),
            validity=validity_of(found),
            findings=found,
            objectives=slo.judge_window(level),
        )
