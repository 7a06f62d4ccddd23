"""Does a target keep a latency objective at a rate of arrivals? As few requests as can decide it. Pure.

An SLO is: p99 of the response time, from the intended start, at most so many ms, and failures under 0.1 %. A request
that failed is late for every SLO. A probe ends early by the binomial rule of MLPerf's LoadGen: as soon as so few late
requests would be improbable if one in a hundred were late, or so many if no more than that were.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.matrix.arrivals import planned
from stackmatrix.matrix.objectives import SLOS_MS
from stackmatrix.results import rows
from stackmatrix.results.capacity import Ended, Objective

LATE_SHARE = 0.01
FAILED_SHARE = 0.001
ERROR = 0.01
"""Each look's chance to be wrong, as LoadGen has it."""
BACKLOG_SDS = 3.0
LEAST_S = 14.0
"""Before this nothing passes: requests that come in the same moments are late together, not independently."""


def judge(slo_ms: float, requests: int, late: int, failed: int, *, final: bool) -> Objective:
    """How so many requests, of which so many were late (failed ones among them), stand to an SLO.

    Before the end, only what is sure is said; at the end, else the share that was seen decides: by nearest rank, p99 is
    within the SLO when at most one in a hundred is not.
    """

    def outcome(*, met: bool | None, sure: bool) -> Objective:
        return Objective(slo_ms=slo_ms, requests=requests, late=late, met=met, sure=sure)

    if requests == 0:
        return outcome(met=None, sure=False)
    too_many = ((late, LATE_SHARE), (failed, FAILED_SHARE))
    if any(special.bdtrc(count - 1, requests, share) <= ERROR for count, share in too_many):
        return outcome(met=False, sure=True)
    few_failed = failed <= FAILED_SHARE * requests
    if special.bdtr(late, requests, LATE_SHARE) <= ERROR and few_failed:
        return outcome(met=True, sure=True)
    if not final:
        return outcome(met=None, sure=False)
    return outcome(met=late <= math.floor(LATE_SHARE * requests) and few_failed, sure=False)


def judge_window(level: LevelRows, slos_ms: Iterable[float] = SLOS_MS) -> tuple[Objective, ...]:
    """Every SLO, of a window that has ended with all of its requests."""
    requests, failed = len(level.window), len(level.window) - len(level.correct)
    return tuple(
        judge(slo_ms, requests, failed + int((level.response_ms > slo_ms).sum()), failed, final=True)
        for slo_ms in slos_ms
    )


@dataclass
class Watch:
    """Looks at a probe while it lasts, of which the plan of arrivals is known, and says when it is decided.

    Asked with all that was answered before the rows' ``end_s``. Only requests that were meant to start an SLO's time
    before that are looked at, answered or not: else the quick ones would count before the late ones.
    """

    rate: float
    settle_s: float
    seed: str
    wanted_ms: tuple[float, ...]
    ended: Ended = field(default="time", init=False)

    def __call__(self, level: LevelRows) -> bool:
        """Whether the probe may end."""
        if self._has_backlog(level):
            self.ended = "backlog"
        else:
            met = [self._judge(level, slo_ms).met for slo_ms in self.wanted_ms]
            if None not in met and (True not in met or level.window_s >= LEAST_S):
                self.ended = "decided"
        return self.ended != "time"

    def _judge(self, level: LevelRows, slo_ms: float) -> Objective:
        until_s = level.end_s - slo_ms / 1000
        due = level.window[level.window["intended_s"] < until_s]
        right = due[due["outcome"] == rows.OK]
        in_time = int(((right["done_s"] - right["intended_s"]) * 1000 <= slo_ms).sum())
        requests = planned(self.rate, self.settle_s, max(0.0, until_s - level.start_s), self.seed)
        return judge(slo_ms, requests, requests - in_time, len(due) - len(right), final=False)

    def _has_backlog(self, level: LevelRows) -> bool:
        """More requests are under way than there can be while responses take no longer than the longest SLO.

        By Little's law that is the rate times the SLO on average, and Poisson arrivals vary by the root of it.
        """
        arrived = planned(self.rate, 0.0, self.settle_s + level.window_s, self.seed)
        under_way = arrived - int((level.all["done_s"] <= level.end_s).sum())
        most = self.rate * max(SLOS_MS) / 1000
        return under_way > most + BACKLOG_SDS * math.sqrt(most)


RESAMPLES = 10_000
BLOCKS_FOR_INTERVAL = 6
"""Fewer give no 95 % interval of a median: it lies between the extremes of n blocks but for 2 / 2^n."""


def bootstrap_median(values: tuple[float, ...]) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of the median of blocks (Efron 1979); ``None`` with fewer than six."""
    if len(values) < BLOCKS_FOR_INTERVAL:
        return None
    drawn = np.random.default_rng(0).choice(np.asarray(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return float(low), float(high)
