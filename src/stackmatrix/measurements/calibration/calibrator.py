"""Measures the machine and the harness itself, with a target that costs nothing in place of a stack."""

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, stdev

import numpy as np

from stackmatrix.analysis.level import external_api, latency, throughput
from stackmatrix.analysis.level.facts import spread
from stackmatrix.analysis.machine_grade import Measures, judge
from stackmatrix.load.saturate import saturate
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.matrix.workloads import API_PORT, Workload
from stackmatrix.results.calibration import ApiCapacity, Calibration, Jitter, Loop, RateStep, Twins
from stackmatrix.results.model import FORMAT_VERSION, LatencyMs
from stackmatrix.system import cores, host, linux, ports
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import pinned
from stackmatrix.testbed import environments
from stackmatrix.testbed.nullbench import AT_ONCE, NULL_PORT, null_bench

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

API_WAITS = Workload("api", "the external API", "/", (300,))
COUNTRY = r'\{"name": .*\}'


@dataclass
class Calibrator:
    """Makes a calibration; ``show`` hears what it is doing."""

    show: Callable[[str], None]
    seed: int = 1
    _layout: cores.Layout = field(default_factory=cores.divide_cores)

    def run(self) -> Calibration:
        """Measure everything, and judge it.

        Raises:
            PortTakenError, OpenFilesError: before anything is measured.
            TrialError: when something did not start or ended.

        """
        started, started_s = datetime.now(UTC), time.monotonic()
        ports.need_free_port(API_PORT, "the external API")
        ports.need_free_port(NULL_PORT, "the null target")
        host.need_open_files(int(RATES[-1]))
        cores_before = linux.core_times()
        self.show("the core at rest")
        book = PaceBook(self._layout.target)
        book.begin()
        jitter = self._jitter()
        steps = self._rate_steps()
        api = self._api()
        ceiling_rps, twins = self._twins()
        measures = Measures(
            machine=host.describe(self._layout),
            rate_steps=steps,
            external_api=api,
            jitter=jitter,
            steal_share=self._steal_share(cores_before, time.monotonic() - started_s),
            loop=Loop(
                readings_ms=tuple(1000 * one for one in book.readings),
                median_ms=1000 * median(book.readings),
                spread=spread(book.readings),
            ),
            twins=twins,
        )
        grade, limits = judge(measures)
        return Calibration(
            format_version=FORMAT_VERSION,
            id=uuid.uuid4().hex,
            started=started.isoformat(timespec="seconds"),
            machine=measures.machine,
            tool_versions=host.tool_versions(),
            tool_lock_sha256=environments.lock_sha256("tool"),
            duration_s=time.monotonic() - started_s,
            generator_ceiling_rps=ceiling_rps,
            rate_steps=steps,
            external_api=api,
            jitter=jitter,
            steal_share=measures.steal_share,
            loop=measures.loop,
            twins=twins,
            grade=grade,
            limits=tuple(limit.sentence for limit in limits),
            advice=tuple(limit.advice for limit in limits),
        )

    def _jitter(self) -> Jitter:
        self.show("timer jitter")
        late_ms = []
        with pinned(self._layout.target):
            for _ in range(SLEEPS):
                before_s = time.perf_counter()
                time.sleep(0.001)
                late_ms.append((time.perf_counter() - before_s) * 1000 - 1)
        ordered = np.sort(np.maximum(0.0, late_ms))
        return Jitter(
            sleeps=SLEEPS,
            p50_ms=latency.percentile(ordered, 50),
            p99_ms=latency.percentile(ordered, 99),
            max_ms=float(ordered[-1]),
        )

    def _rate_steps(self) -> tuple[RateStep, ...]:
        steps = []
        with null_bench(self._layout, seed=self.seed) as bench:
            for rate in RATES:
                self.show(f"the null target at {rate:g} arrivals/s")
                one = bench.measure(LevelPlan("open", rate), 2.0, RATE_WINDOW_S)
                rows = one.driven.rows
                lag_ms = np.sort(rows.lag_ms)
                response_ms = latency.rank(rows.response_ms, "")[0]
                steps.append(
                    RateStep(
                        rate=rate,
                        requests=len(rows.window),
                        failures=len(rows.window) - len(rows.correct),
                        lag_ms_p50=latency.percentile(lag_ms, 50),
                        lag_ms_p99=latency.percentile(lag_ms, 99),
                        lag_ms_max=float(lag_ms[-1]),
                        response_ms=_need(response_ms),
                        core_share=one.around.generator_core_share,
                    )
                )
        return tuple(steps)

    def _api(self) -> ApiCapacity:
        self.show("the external API")
        with null_bench(self._layout, port=API_PORT, workload=API_WAITS, body=COUNTRY, seed=self.seed) as bench:
            with pinned(self._layout.target):
                ceiling_rps = saturate(API_PORT, "/0/", BUSY_WINDOW_S)
            one = bench.measure(LevelPlan("open", API_RATE), 1.0, RATE_WINDOW_S).driven
        before, after = one.api_before, one.api_after
        overshoot = None if before is None or after is None else external_api.overshoot_ms(before, after)
        return ApiCapacity(
            calls=len(one.rows.window),
            ceiling_rps=ceiling_rps,
            overshoot_ms_mean=overshoot and overshoot[0],
            overshoot_ms_p99=overshoot and overshoot[1],
        )

    def _twins(self) -> tuple[float, Twins]:
        """The generator's ceiling, and what the same server costs when it is started anew."""
        ceilings, costs_us = [], []
        for number in range(TWIN_COUNT):
            self.show(f"the same server anew, {number + 1} of {TWIN_COUNT}")
            with null_bench(self._layout, workload=AT_ONCE, seed=self.seed) as bench:
                one = bench.measure(LevelPlan("closed", BUSY_USERS), 1.0, BUSY_WINDOW_S)
            rps = throughput.throughput_rps(one.driven.rows)
            ceilings.append(rps)
            costs_us.append(one.uses["target"].cpu_share / rps * 1e6)
        return median(ceilings), Twins(cpu_us_per_call=tuple(costs_us), sd=twins_sd(costs_us))

    def _steal_share(self, before: dict[int, linux.CoreTimes] | None, wall_s: float) -> float | None:
        after, cores = linux.core_times(), self._layout.used
        if before is None or after is None or not cores:
            return None
        return max((after[core].steal_s - before[core].steal_s) / wall_s for core in cores)


def twins_sd(costs: list[float]) -> float:
    """Standard deviation of the log ratios of each server to the one before it, per server (so over the root of 2)."""
    return stdev(math.log(later / earlier) for earlier, later in pairwise(costs)) / math.sqrt(2)


def _need(times: LatencyMs | None) -> LatencyMs:
    assert times is not None, "the null target answered nothing correctly"
    return times


def default_machine_name() -> str:
    """The folder of this machine's results."""
    return host.slug(host.describe(cores.divide_cores()))
