"""What bounded the throughput of a level: its load, the target, or (then it is invalid) the benchmark itself. Pure."""

from stackmatrix import metrics
from stackmatrix.facts import UNSATURATED_SHARE, LevelFacts
from stackmatrix.model import Finding, Limiter

BUSY_SHARE = 0.85
"""From this share of one core on, an interpreter with a GIL has no more to give."""

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
    in waves, and its target rests while all of its requests wait for the external API.
    """
    for finding in findings:
        if finding.code in _OUTSIDE:
            return _OUTSIDE[finding.code]
    if not facts.saturated:
        return "users"
    slots = facts.stack.slots
    throughput = metrics.throughput_rps(facts.rows)
    if slots is not None and throughput >= UNSATURATED_SHARE * slots / (facts.workload.floor_ms / 1000):
        return "slots"
    use = facts.uses["target"]
    if max(use.cpu_share, use.busiest_share or 0.0) >= BUSY_SHARE:
        return "target-cpu"
    return "unknown"
