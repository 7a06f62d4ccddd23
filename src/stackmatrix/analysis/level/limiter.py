"""What bounded the throughput of a level: its load, the target, or, which is invalid, the benchmark itself. Pure."""

import math

from stackmatrix.analysis.level.facts import UNSATURATED_SHARE, LevelFacts, offered_rps
from stackmatrix.analysis.level.throughput import throughput_rps
from stackmatrix.results.findings import Code, Finding
from stackmatrix.results.types import Limiter

BUSY_SHARE = 0.85
"""From this share of one core on, an interpreter with a GIL has no more to give."""
NEAR_SHARE = 0.7
"""Between its bounds, a level is near to one from this share of it on."""

_OUTSIDE: dict[str, Limiter] = {
    Code.GENERATOR_LAG: "generator",
    Code.GENERATOR_BUSY: "generator",
    Code.GENERATOR_EXHAUSTED: "generator",
    Code.OFFERED_RATE: "generator",
    Code.API_BUSY: "external-api",
    Code.SERVICES_BUSY: "services",
    Code.API_OVERSHOOT: "external-api",
    Code.API_GONE: "external-api",
    Code.API_LISTEN_QUEUE: "external-api",
}
"""Findings that name the limiter at once."""


def name_limiter(facts: LevelFacts, findings: tuple[Finding, ...]) -> Limiter:
    """What bounded the level's throughput. ``users`` stands for the offered load, in an open level too.

    The target's CPU is looked at in the busiest quarter of the seconds, not on average: a saturated closed loop answers
    in waves, and its target rests while all of its requests wait for the external API. Where throughput bends from one
    bound to the other, the nearer one is named (asymptotic bounds: Denning and Buzen 1978).
    """
    named = outside(findings)
    if named is not None:
        return named
    if not facts.saturated:
        return "users"
    near = _shares(facts)
    throughput = throughput_rps(facts.rows)
    near["users"] = throughput / offered_rps(facts.plan, facts.workload.unloaded_ms, facts.planned_rate)
    if throughput >= UNSATURATED_SHARE * _slots_rps(facts):
        return "slots"
    if near["target-cpu"] >= BUSY_SHARE:
        return "target-cpu"
    nearest = max(near, key=near.__getitem__)
    return nearest if near[nearest] >= NEAR_SHARE else "unknown"


def outside(findings: tuple[Finding, ...]) -> Limiter | None:
    """What else than the target bounded the load, where a finding says so."""
    return next((_OUTSIDE[finding.code] for finding in findings if finding.code in _OUTSIDE), None)


def _shares(facts: LevelFacts) -> dict[Limiter, float]:
    """The share of each of the target's own bounds that is used."""
    use = facts.uses["target"]
    return {
        "slots": throughput_rps(facts.rows) / _slots_rps(facts),
        "target-cpu": max(use.cpu_share, use.busiest_share or 0.0),
    }


def _slots_rps(facts: LevelFacts) -> float:
    """The most that the stack's slots let through."""
    slots = facts.stack.slots
    return math.inf if slots is None else slots / (facts.workload.unloaded_ms / 1000)
