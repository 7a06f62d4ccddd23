"""How good a machine is for benchmarking: itself and the harness, with the null target in place of a stack."""

import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, stdev
from typing import ClassVar

import numpy as np

from stackmatrix.analysis.level import external_api, latency
from stackmatrix.analysis.level.facts import LevelFacts, largest_deviation
from stackmatrix.analysis.level.throughput import throughput_rps
from stackmatrix.analysis.level.usage import Role, stolen_share
from stackmatrix.analysis.machine_grade import Measures, judge
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.load.saturate import saturate
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step
from stackmatrix.results.calibration import ApiCapacity, Calibration, Jitter, Loop, RateStep, Twins
from stackmatrix.results.model import FORMAT_VERSION
from stackmatrix.system import host
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import pinned
from stackmatrix.system.machine_meter import read_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.null_target import AT_ONCE, WAITS, null_subject
from stackmatrix.testbed.testbed import Load, Testbed

RATES = (100.0, 200.0, 500.0, 1_000.0)
RATE_WINDOW_S = 15.0
"""Long enough for a p99 from 1,000 responses at the lowest rate."""
TWIN_COUNT = 8
BUSY_USERS = 32
"""Enough for a closed loop that is answered at once to keep the generator busy."""
BUSY_WINDOW_S = 4.0
API_RATE = 300.0
"""Calls per second of 300 ms while the external API's overshoot is looked at: three for each of 100 requests."""
SLEEPS = 2_000
ESTIMATE_S = 15.0
"""For one step."""

API_WAITS = Workload("api", "the external API", one_page("/", r'\{"name": .*\}'), (300,))


@dataclass
class MachineCalibration(Kind):
    """Makes a calibration, which :meth:`calibration` gives when all steps are done."""

    name: ClassVar[str] = "calibration"

    def begin(self, setup: Setup) -> None:
        host.need_open_files(int(RATES[-1]))
        self._setup, self._started_s = setup, time.monotonic()
        self._cores_before = read_cores()
        self._speed = PaceBook(setup.layout.target)
        self._ceilings: list[float] = []
        self._costs_us: list[float] = []
        self._actions = (self._rest, self._drive_rates, self._load_api, *(self._start_twin,) * TWIN_COUNT)

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        del standing  # it measures no cell
        if turn > 0:
            return ()
        twins = [f"the same server anew, {number + 1} of {TWIN_COUNT}" for number in range(TWIN_COUNT)]
        labels = ["the core at rest", "the null target at stepped rates", "the external API", *twins]
        return [Step(label, number=place, estimate_s=ESTIMATE_S) for place, label in enumerate(labels)]

    def perform(self, step: Step, show: Show) -> Outcome:
        return Outcome(self._actions[step.number](show))

    def _rest(self, show: Show) -> str:
        self._speed.begin()
        show("timer jitter")
        late_ms = []
        with pinned(self._setup.layout.target):
            for _ in range(SLEEPS):
                before_s = time.perf_counter()
                time.sleep(0.001)
                late_ms.append((time.perf_counter() - before_s) * 1000 - 1)
        ordered = np.sort(np.maximum(0.0, late_ms))
        self._jitter = Jitter(
            sleeps=SLEEPS,
            p50_ms=latency.percentile(ordered, 50),
            p99_ms=latency.percentile(ordered, 99),
            max_ms=float(ordered[-1]),
        )
        return f"a sleep of 1 ms takes {self._jitter.p99_ms:.2f} ms longer at p99"

    def _drive_rates(self, show: Show) -> str:
        steps: list[RateStep] = []
        with testbed.start([null_subject(WAITS)], self._setup.layout, Load(), show) as bed:
            bed.verify()
            bed.warm_up(None)
            for rate in RATES:
                show(f"{rate:g} arrivals/s")
                steps.append(rate_step(rate, self._drive(bed, len(steps), LoadLevel("open", rate), 2.0, RATE_WINDOW_S)))
        self._rate_steps = tuple(steps)
        return f"up to {steps[-1].lag_ms_p99:.2f} ms late at p99"

    def _drive(self, bed: Testbed, place: int, level: LoadLevel, settle_s: float, window_s: float) -> LevelFacts:
        order = LevelOrder.measure(place, level, settle_s, window_s, seed=self._setup.request.seed)
        return bed.drive(order, level).facts

    def _load_api(self, show: Show) -> str:
        level = LoadLevel("open", API_RATE)
        with testbed.start([null_subject(AT_ONCE)], self._setup.layout, Load(of_api=API_WAITS), show) as bed:
            bed.verify()
            bed.warm_up(None)
            with pinned(self._setup.layout.target):
                ceiling_rps = saturate(bed.api_port, "/0/", BUSY_WINDOW_S)
            facts = self._drive(bed, 0, level, 1.0, RATE_WINDOW_S)
        before, after = facts.api_before, facts.api_after
        overshoot = None if before is None or after is None else external_api.overshoot_ms(before, after)
        self._api = ApiCapacity(
            calls=len(facts.rows.window),
            ceiling_rps=ceiling_rps,
            overshoot_ms_mean=overshoot and overshoot[0],
            overshoot_ms_p99=overshoot and overshoot[1],
        )
        return f"{ceiling_rps:,.0f} requests/s at most"

    def _start_twin(self, show: Show) -> str:
        """The generator's ceiling, and what the same server costs when it is started anew."""
        with testbed.start([null_subject(AT_ONCE)], self._setup.layout, Load(), show) as bed:
            bed.verify()
            bed.warm_up(None)
            facts = self._drive(bed, 0, LoadLevel("closed", BUSY_USERS), 1.0, BUSY_WINDOW_S)
        rps = throughput_rps(facts.rows)
        self._ceilings.append(rps)
        self._costs_us.append(facts.uses[Role.TARGET].cpu_share / rps * 1e6)
        return f"{rps:,.0f} requests/s, {self._costs_us[-1]:.0f} µs of CPU each"

    def calibration(self) -> Calibration:
        readings, made = self._speed.readings, self._setup.provenance
        measures = Measures(
            machine=self._setup.machine,
            rate_steps=self._rate_steps,
            external_api=self._api,
            jitter=self._jitter,
            steal_share=self._steal_share(),
            loop=Loop(
                readings_ms=tuple(1000 * one for one in readings),
                median_ms=1000 * median(readings),
                spread=largest_deviation(readings),
            ),
            twins=Twins(cpu_us_per_call=tuple(self._costs_us), sd=twins_sd(self._costs_us)),
        )
        grade, limits = judge(measures)
        return Calibration(
            format_version=FORMAT_VERSION,
            id=uuid.uuid4().hex,
            started=made.started,
            machine=measures.machine,
            tool_versions=made.tool_versions,
            tool_lock_sha256=made.tool_lock_sha256,
            duration_s=time.monotonic() - self._started_s,
            generator_ceiling_rps=median(self._ceilings),
            rate_steps=measures.rate_steps,
            external_api=measures.external_api,
            jitter=measures.jitter,
            steal_share=measures.steal_share,
            loop=measures.loop,
            twins=measures.twins,
            grade=grade,
            limits=tuple(limit.sentence for limit in limits),
            advice=tuple(limit.advice for limit in limits),
        )

    def _steal_share(self) -> float | None:
        readings = [one for one in (self._cores_before, read_cores()) if one is not None]
        return stolen_share(readings, self._setup.layout.used)


def rate_step(rate: float, facts: LevelFacts) -> RateStep:
    rows = facts.rows
    lag_ms = np.sort(rows.lag_ms)
    response_ms = latency.rank(rows.response_ms, "")[0]
    assert response_ms is not None, "the null target answered nothing correctly"
    return RateStep(
        rate=rate,
        requests=len(rows.window),
        failures=len(rows.window) - len(rows.correct),
        lag_ms_p50=latency.percentile(lag_ms, 50),
        lag_ms_p99=latency.percentile(lag_ms, 99),
        lag_ms_max=float(lag_ms[-1]),
        response_ms=response_ms,
        core_share=facts.around.generator_core_share,
    )


def twins_sd(costs: list[float]) -> float:
    """Standard deviation of the log ratios of each server to the one before it, per server (so over the root of 2)."""
    return stdev(math.log(later / earlier) for earlier, later in pairwise(costs)) / math.sqrt(2)
