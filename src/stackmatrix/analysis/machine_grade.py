"""How good a machine is for benchmarking: a grade, what limits it and what to change, from its calibration. Pure.

Thresholds are here and nowhere else; those of single levels are in ``checks``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stackmatrix.analysis.level.checks import LAG_P99_MS, OVERSHOOT_P99_MS, PACE_SHARE, STEAL_SHARE
from stackmatrix.results.calibration import ApiCapacity, Jitter, Loop, RateStep, Twins
from stackmatrix.results.model import Machine

Grade = Literal["good", "fair", "poor"]

LEAST_RATE = 1_000.0
"""Arrivals per second that one generator process has to sustain ..."""
LEAST_RATE_LAG_P99_MS = 5.0
"""... with no more lag than this."""
LEAST_API_RPS = 15_000.0
JITTER_P99_MS = 2.0
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


def judge_cores(measures: Measures) -> Limit | None:
    """The target needs a core to itself."""
    if measures.machine.pinning is None:
        return Limit(
            "Nothing can be pinned to a core of its own.",
            "Use Linux with at least two cores, four for rates above 500/s.",
            poor=True,
        )
    if set(measures.machine.pinning["generator"]) & set(measures.machine.pinning["external_api"]):
        return Limit(
            "The load generator and the external API share a core.",
            "Use four cores or more; below, stay under 100 requests/s.",
        )
    return None


def judge_generator(measures: Measures) -> Limit | None:
    """The generator has to be on time at the highest rate that is asked for."""
    for step in measures.rate_steps:
        if step.rate >= LEAST_RATE and (step.lag_ms_p99 > LEAST_RATE_LAG_P99_MS or step.failures):
            sentence = f"At {step.rate:g} arrivals/s the generator is {step.lag_ms_p99:.1f} ms late at p99."
            advice = "Give it a core of its own, stop what else runs, or drive with --processes 2."
            return Limit(sentence, advice, poor=any(one.lag_ms_p99 > LAG_P99_MS for one in measures.rate_steps))
    return None


def judge_api(measures: Measures) -> Limit | None:
    """The external API may neither be slow nor oversleep."""
    api = measures.external_api
    if api.ceiling_rps < LEAST_API_RPS:
        return Limit(
            f"The external API answers {api.ceiling_rps:,.0f} requests/s at most.", "Use a faster core.", poor=True
        )
    if (api.overshoot_ms_p99 or 0.0) > OVERSHOOT_P99_MS:
        return Limit(
            f"The external API oversleeps by {api.overshoot_ms_p99:.1f} ms at p99.", "Stop what else runs.", poor=True
        )
    return None


def judge_jitter(measures: Measures) -> Limit | None:
    """A sleep has to end when it should."""
    if measures.jitter.p99_ms <= JITTER_P99_MS:
        return None
    return Limit(
        f"A sleep of 1 ms takes {measures.jitter.p99_ms:.1f} ms longer at p99.",
        "Switch power saving off: deep sleep states of the processor, or the hypervisor's.",
    )


def judge_steal(measures: Measures) -> Limit | None:
    """The hypervisor should leave the cores alone."""
    share = measures.steal_share
    if share is None or share <= STEAL_SHARE:
        return None
    return Limit(f"The hypervisor gave {share:.1%} of a core to others.", "Use dedicated cores.", poor=True)


def judge_governor(measures: Measures) -> Limit | None:
    """The clock should not follow the load."""
    governor = measures.machine.governor
    if governor in (None, "performance"):
        return None
    return Limit(
        f"The frequency governor is {governor!r}.", "Set it to performance (cpupower frequency-set -g performance)."
    )


def judge_loop(measures: Measures) -> Limit | None:
    """A core should be as fast now as a second ago."""
    if measures.loop.spread <= PACE_SHARE:
        return None
    return Limit(
        f"A fixed CPU loop on the target's idle core varies by up to {measures.loop.spread:.0%}.",
        "Look for a neighbour on the same physical core (another virtual machine, a sibling thread) and for boost "
        "clocks; otherwise trust differences between blocks only.",
        poor=measures.loop.spread > 3 * PACE_SHARE,
    )


def judge_twins(measures: Measures) -> Limit | None:
    """The same server twice should cost the same."""
    if measures.twins.sd <= TWINS_SD:
        return None
    return Limit(
        f"The same server, started anew, differs in CPU per request by {measures.twins.sd:.1%} (standard deviation).",
        "Measure more blocks: --profile standard or rigorous.",
    )


JUDGEMENTS: tuple[Callable[[Measures], Limit | None], ...] = (
    judge_cores,
    judge_generator,
    judge_api,
    judge_jitter,
    judge_steal,
    judge_governor,
    judge_loop,
    judge_twins,
)


def judge(measures: Measures) -> tuple[Grade, tuple[Limit, ...]]:
    """The grade, and everything that limits it."""
    limits = tuple(limit for look in JUDGEMENTS if (limit := look(measures)) is not None)
    if any(limit.poor for limit in limits):
        return "poor", limits
    return "fair" if limits else "good", limits
