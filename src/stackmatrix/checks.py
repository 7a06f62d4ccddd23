"""Validity: is a level's figure about the target, and not about something else? Each check is one function.

Overload of the target is a result. Overload of the generator, the external API or the machine is not one: the level is
then invalid and is never compared. Thresholds are here and nowhere else. Adding a check is a function and its name in
``CHECKS``. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackmatrix import metrics, rows
from stackmatrix.levels import LevelRows
from stackmatrix.model import Finding, Limiter
from stackmatrix.plan import LevelPlan
from stackmatrix.stacks import Stack
from stackmatrix.usage import Use
from stackmatrix.workloads import Workload

LAG_P99_MS = 10.0
LAG_MAX_MS = 100.0
GENERATOR_SHARE = 0.8
API_SHARE = 0.8
OVERSHOOT_MEAN_MS = 3.0
OVERSHOOT_P99_MS = 15.0
CALLS_SHARE = 0.01
LITTLE_SHARE = 0.05
EARLY_MS = 1.0
"""A sleep is never shorter than asked, but clocks of two processes are read a moment apart."""
UNSATURATED_SHARE = 0.9
"""From this share of ``users / floor`` on, a closed level is bounded by its users."""
BUSY_SHARE = 0.85
"""From this share of one core on, an interpreter with a GIL has no more to give."""


@dataclass(frozen=True)
class LevelFacts:
    """Everything known of a level that was driven."""

    plan: LevelPlan
    workload: Workload
    stack: Stack
    rows: LevelRows
    uses: Mapping[str, Use]
    api_before: dict[str, Any] | None
    api_after: dict[str, Any] | None
    target_pids_verified: tuple[int, ...]
    target_pids_now: tuple[int, ...]

    @property
    def bound_rps(self) -> float:
        """The physical bound of a closed level, or the offered rate of an open one."""
        if self.plan.model == "open":
            return self.plan.value
        return metrics.bound_rps(int(self.plan.value), self.stack.slots, self.workload.floor_ms)


def _invalid(code: str, sentence: str) -> Finding:
    return Finding(code=code, severity="invalid", sentence=sentence)


def check_lag(facts: LevelFacts) -> Finding | None:
    """The generator sent its requests when they were meant to be sent."""
    lag = np.sort(facts.rows.lag_ms)
    if len(lag) == 0:
        return None
    p99, worst = metrics.percentile(lag, 99), float(lag[-1])
    if p99 <= LAG_P99_MS and worst <= LAG_MAX_MS:
        return None
    return _invalid("generator-lag", f"The generator was late: p99 {p99:.1f} ms, at most {worst:.1f} ms.")


def check_generator_core(facts: LevelFacts) -> Finding | None:
    """The generator had time to spare."""
    share = facts.uses["generator"].cpu_share
    if share <= GENERATOR_SHARE:
        return None
    return _invalid("generator-busy", f"The generator kept its core {share:.0%} busy.")


def check_api_core(facts: LevelFacts) -> Finding | None:
    """The external API had time to spare."""
    share = facts.uses["external_api"].cpu_share
    if share <= API_SHARE:
        return None
    return _invalid("api-busy", f"The external API kept its core {share:.0%} busy.")


def check_overshoot(facts: LevelFacts) -> Finding | None:
    """The external API slept as long as it was asked to."""
    if facts.api_before is None or facts.api_after is None:
        return _invalid("api-gone", "The external API did not give its figures.")
    overshoot = metrics.overshoot_ms(facts.api_before, facts.api_after)
    if overshoot is None or (overshoot[0] <= OVERSHOOT_MEAN_MS and overshoot[1] <= OVERSHOOT_P99_MS):
        return None
    mean, p99 = overshoot
    return _invalid("api-overshoot", f"The external API slept too long: by {mean:.1f} ms on average, p99 {p99:.1f} ms.")


def check_conservation(facts: LevelFacts) -> Finding | None:
    """The external API saw as many calls as the answered requests make."""
    if facts.api_before is None or facts.api_after is None:
        return None
    completed = int(np.isin(facts.rows.all["outcome"], (rows.OK, rows.WRONG_BODY)).sum())
    failed = len(facts.rows.all) - completed
    least = completed * facts.workload.calls
    # A failed request made any number of its calls.
    most = least + failed * facts.workload.calls
    seen = facts.api_after["calls_started"] - facts.api_before["calls_started"]
    if least * (1 - CALLS_SHARE) <= seen <= most * (1 + CALLS_SHARE):
        return None
    return _invalid("conservation", f"The external API saw {seen} calls for {completed} pages, expected {least}.")


def check_semantics(facts: LevelFacts) -> Finding | None:
    """Every answer with status 200 was right, and none came faster than the slowest call."""
    wrong = int((facts.rows.window["outcome"] == rows.WRONG_BODY).sum())
    if wrong:
        return _invalid("wrong-body", f"{wrong} pages were not the expected one.")
    early = int((facts.rows.response_ms < facts.workload.floor_ms - EARLY_MS).sum())
    if early:
        return _invalid("too-fast", f"{early} pages came faster than the slowest of their calls.")
    return None


def check_littles_law(facts: LevelFacts) -> Finding | None:
    """Mean in flight is throughput times mean latency (Little 1961), so no request is lost or counted twice.

    In a closed loop without think time that product is the number of users (for a saturated one it cannot be taken from
    a window's requests: they come in waves, and the window's ends cut through them). In an open level the law holds for
    what flows through, so requests that pile up within the window are allowed for: overload of the target is a result.
    """
    level = facts.rows
    if len(level.window) == 0:
        return None
    counted = level.in_flight_mean
    if facts.plan.model == "closed":
        by_law, piled_up = facts.plan.value, 0.0
    else:
        latency_s = level.window["done_s"] - level.window["intended_s"]
        by_law = float(latency_s.sum()) / level.window_s
        growth = abs(level.under_way(level.end_s) - level.under_way(level.start_s))
        piled_up = (growth + 1) * float(latency_s.max()) / level.window_s
    if abs(by_law - counted) <= LITTLE_SHARE * by_law + piled_up:
        return None
    return _invalid(
        "littles-law", f"{counted:.2f} requests were in flight on average, throughput x latency is {by_law:.2f}."
    )


def check_target_processes(facts: LevelFacts) -> Finding | None:
    """The processes that answered are the ones that were verified."""
    if facts.target_pids_now == facts.target_pids_verified:
        return None
    return _invalid("target-changed", "The target's processes are not the ones that were verified: it restarted.")


def check_retries(facts: LevelFacts) -> Finding | None:
    """No request was silently sent twice by the generator's client."""
    repeated = int((facts.rows.window["attempts"] > 1).sum())
    if repeated == 0:
        return None
    sentence = f"{repeated} requests were sent again by the client, because their kept connection had been closed."
    return Finding(code="client-retries", severity="note", sentence=sentence)


CHECKS: tuple[Callable[[LevelFacts], Finding | None], ...] = (
    check_lag,
    check_generator_core,
    check_api_core,
    check_overshoot,
    check_conservation,
    check_semantics,
    check_littles_law,
    check_target_processes,
    check_retries,
)


def find_all(facts: LevelFacts) -> tuple[Finding, ...]:
    """Every check's finding on a level, in the order of ``CHECKS``."""
    return tuple(finding for check in CHECKS if (finding := check(facts)) is not None)


_OUTSIDE: dict[str, Limiter] = {
    "generator-lag": "generator",
    "generator-busy": "generator",
    "api-busy": "external-api",
    "api-overshoot": "external-api",
    "api-gone": "external-api",
}


def name_limiter(facts: LevelFacts, findings: tuple[Finding, ...]) -> Limiter:
    """What bounded the level's throughput. ``users`` stands for the offered load, in an open level too."""
    for finding in findings:
        if finding.code in _OUTSIDE:
            return _OUTSIDE[finding.code]
    throughput = metrics.throughput_rps(facts.rows)
    if not is_saturated(facts.plan, throughput, facts.workload):
        return "users"
    slots = facts.stack.slots
    if slots is not None and throughput >= UNSATURATED_SHARE * slots / (facts.workload.floor_ms / 1000):
        return "slots"
    if facts.uses["target"].cpu_share >= BUSY_SHARE:
        return "target-cpu"
    return "unknown"


def is_saturated(plan: LevelPlan, throughput_rps: float, workload: Workload) -> bool:
    """Whether the offered load was more than the target could take."""
    offered = plan.value if plan.model == "open" else plan.value / (workload.floor_ms / 1000)
    return throughput_rps < UNSATURATED_SHARE * offered
