"""What bounded the throughput of a level: its load, the target, or (then it is invalid) the benchmark itself. Pure."""

import math

from stackmatrix import metrics
from stackmatrix.facts import UNSATURATED_SHARE, LevelFacts, offered_rps
from stackmatrix.model import Finding, Limiter

BUSY_SHARE = 0.85
"""From this share of one core on, an interpreter with a GIL has no more to give."""
NEAR_SHARE = 0.7
"""Between its bounds, a level is near to one from this share of it on."""

_OUTSIDE: dict[str, Limiter] = {
    "generator-lag": "generator",
    "generator-busy": "generator",
    "generator-exhausted": "generator",
    "offered-rate": "generator",
    "api-busy": "external-api",
    "api-overshoot": "external-api",
    "api-gone": "external-api",
    "api-listen-queue": "external-api",
}
"""Findings that name the limiter at once."""


def name_limiter(facts: LevelFacts, findings: tuple[Finding, ...]) -> Limiter:
    """What bounded the level's throughput. ``users`` stands for the offered load, in an open level too.

    The target's CPU is looked at in the busiest quarter of the seconds, not on average: a saturated closed loop answers
    in waves, and its target rests while all of its requests wait for the external API. Where throughput bends from one
    bound to the other, the nearer one is named (asymptotic bounds: Denning and Buzen 1978).
    """
    for finding in findings:
        if finding.code in _OUTSIDE:
            return _OUTSIDE[finding.code]
    if not facts.saturated:
        return "users"
    floor_ms, slots, use = facts.workload.floor_ms, facts.stack.slots, facts.uses["target"]
    throughput = metrics.throughput_rps(facts.rows)
    slots_rps = math.inf if slots is None else slots / (floor_ms / 1000)
    near: dict[Limiter, float] = {
        "slots": throughput / slots_rps,
        "target-cpu": max(use.cpu_share, use.busiest_share or 0.0),
        "users": throughput / offered_rps(facts.plan, floor_ms, facts.planned_rate),
    }
    if throughput >= UNSATURATED_SHARE * slots_rps:
        return "slots"
    if near["target-cpu"] >= BUSY_SHARE:
        return "target-cpu"
    nearest = max(near, key=near.__getitem__)
    return nearest if near[nearest] >= NEAR_SHARE else "unknown"
