"""How good a machine is for benchmarking: a grade, what limits it and what to change, from its calibration. Pure.

Thresholds are here and nowhere else; those of single levels are in ``checks``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stackmatrix.analysis.level.checks import LAG_P99_MS, OVERSHOOT_P99_MS
from stackmatrix.analysis.level.machine_checks import PACE_SHARE
from stackmatrix.analysis.level.usage import STEAL_SHARE
from stackmatrix.results.calibration import ApiCapacity, Jitter, Loop, RateStep, Twins
from stackmatrix.results.conditions import Machine

Grade = Literal["good", "fair", "poor"]

LEAST_RATE = 1_000.0
"""Arrivals per second that one generator process has to sustain ..."""
LEAST_RATE_LAG_P99_MS = 5.0
"""... with no more lag than this."""
LEAST_API_RPS = 15_000.0
JITTER_P99_MS = 2.0
MEASURED_ROLES = ("target", "generator", "external_api")
TWINS_SD = 0.05
"""Above it, a handful of blocks cannot show a difference of ten per cent."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What calibration measured."""

    machine: Machine
    rate_steps: tuple[RateStep, ...]
    external_api: ApiCapacity
    jitter: Jitter
    steal_share: float | None
    loop: Loop
    twins: Twins


@dataclass(frozen=True, slots=True)
class Limit:
    """What is wrong, whether it makes the machine poor or only fair, and what to do about it."""

    sentence: str
    advice: str
    poor: bool = False


def _limits_of_roles(measures: Measures) -> Iterator[Limit]:
    """The target needs a core to itself; the generator has to be on time, and the external API fast and exact."""
    pinning, api = measures.machine.pinning, measures.external_api
    if pinning is None:
        sentence = "Nothing can be pinned to a core of its own."
        yield Limit(sentence, "Use Linux with at least two cores, four for rates above 500/s.", poor=True)
    elif set(pinning["generator"]) & set(pinning["external_api"]):
        sentence = "The load generator and the external API share a core."
        yield Limit(sentence, "Use four cores or more; below, stay under 100 requests/s.")
    fastest = {*measures.machine.core_kinds[0]} if measures.machine.core_kinds else None
    if fastest and pinning and (slow := [role for role in MEASURED_ROLES if not fastest >= {*pinning[role]}]):
        sentence = f"Cores are of several kinds, and not on the fastest are: {', '.join(slow).replace('_', ' ')}."
        yield Limit(sentence, "Let this process use at least three cores of the fastest kind (taskset, cpuset).")
    late = [
        step
        for step in measures.rate_steps
        if step.rate >= LEAST_RATE and (step.lag_ms_p99 > LEAST_RATE_LAG_P99_MS or step.failures)
    ]
    if late:
        sentence = f"At {late[0].rate:g} arrivals/s the generator is {late[0].lag_ms_p99:.1f} ms late at p99."
        advice = "Give it a core of its own, stop what else runs, or drive with --processes 2."
        yield Limit(sentence, advice, poor=any(one.lag_ms_p99 > LAG_P99_MS for one in measures.rate_steps))
    if api.ceiling_rps < LEAST_API_RPS:
        sentence = f"The external API answers {api.ceiling_rps:,.0f} requests/s at most."
        yield Limit(sentence, "Use a faster core.", poor=True)
    elif (api.overshoot_ms_p99 or 0.0) > OVERSHOOT_P99_MS:
        sentence = f"The external API oversleeps by {api.overshoot_ms_p99:.1f} ms at p99."
        yield Limit(sentence, "Stop what else runs.", poor=True)


def _limits_of_cores(measures: Measures) -> Iterator[Limit]:
    """A core has to wake in time, to be left alone, to keep its clock, and to cost the same for the same server."""
    steal, governor = measures.steal_share, measures.machine.governor
    if measures.jitter.p99_ms > JITTER_P99_MS:
        sentence = f"A sleep of 1 ms takes {measures.jitter.p99_ms:.1f} ms longer at p99."
        yield Limit(sentence, "Switch power saving off: deep sleep states of the processor, or the hypervisor's.")
    if steal is not None and steal > STEAL_SHARE:
        yield Limit(f"The hypervisor gave {steal:.1%} of a core to others.", "Use dedicated cores.", poor=True)
    if governor not in (None, "performance"):
        advice = "Set it to performance (cpupower frequency-set -g performance)."
        yield Limit(f"The frequency governor is {governor!r}.", advice)
    if (spread := measures.loop.spread) > PACE_SHARE:
        yield Limit(
            f"A fixed CPU loop on the target's idle core varies by up to {spread:.0%}.",
            "Look for a neighbour on the same physical core (another virtual machine, a sibling thread) and for boost "
            "clocks; otherwise trust differences between blocks only.",
            poor=spread > 3 * PACE_SHARE,
        )
    if (sd := measures.twins.sd) > TWINS_SD:
        sentence = f"The same server, started anew, differs in CPU per request by {sd:.1%} (standard deviation)."
        yield Limit(sentence, "Measure more blocks: --profile deep.")


def judge(measures: Measures) -> tuple[Grade, tuple[Limit, ...]]:
    """The grade, and everything that limits it."""
    limits = (*_limits_of_roles(measures), *_limits_of_cores(measures))
    if any(limit.poor for limit in limits):
        return "poor", limits
    return "fair" if limits else "good", limits
