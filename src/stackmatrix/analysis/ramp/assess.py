"""A ramp, or a hold, as a result file has it, from the facts of how it was driven. Pure.

What the checks look at is the climb, from its first arrival to the drop: the generator and the external API must have
been well there, too, where the target no longer was, or it was not the target that was overloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackmatrix.analysis.level import latency, throughput
from stackmatrix.analysis.level.assess import assess_target, validity_of
from stackmatrix.analysis.level.checks import check_lag, check_steady, find_all
from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.limiter import by_database, outside
from stackmatrix.analysis.level.pages import page_loads
from stackmatrix.analysis.level.requests import Floats, Rows
from stackmatrix.analysis.level.usage import Role, Use
from stackmatrix.analysis.ramp.steps import (
    are_late,
    judge_steps,
    last_held,
    name_limiter,
    p50_ms_by_page,
    second_by_second,
    windowed,
)
from stackmatrix.analysis.ramp.watch import most_under_way, overload_s, recovered_after_s
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.ramp import RampPlan
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.findings import Code, Finding
from stackmatrix.results.holds import Hold
from stackmatrix.results.ramps import Ended, Ramp, RampStep, Recovery, ReferenceLoad
from stackmatrix.results.types import Limiter

REFERENCE_CHECKS: tuple[Callable[[LevelFacts], Finding | None], ...] = (check_lag, check_steady)
"""Of the reference load alone; every other check holds for the whole climb."""
SERVED_SHARE = 0.5
"""Of the requests at a rate that was served are in time, at least: their median is."""
NOT_OF_A_CLIMB = frozenset({Code.NOT_STEADY})
"""Its load changes on purpose."""

type Stamp = Mapping[str, Any]
"""The fields that every block has of its run and its time."""


@dataclass(frozen=True)
class RampFacts:
    """Facts of one ramp. The window of ``climb`` is from the first arrival to the drop, or to the end without one.

    ``dropped_s`` is when the load dropped, ``after_s`` are the moments of the arrivals that were planned from then on,
    and ``stopped_s`` is when it was over. ``reference_use`` is the target's, at the reference rate.
    """

    plan: RampPlan
    climb: LevelFacts
    dropped_s: float | None
    after_s: Floats
    stopped_s: float
    reference_use: Use | None = None

    @property
    def rows(self) -> Rows:
        return self.climb.rows.all

    @property
    def unloaded_s(self) -> float:
        return self.climb.workload.unloaded_ms / 1000

    @property
    def start_s(self) -> float:
        return self.climb.rows.start_s

    @property
    def end_s(self) -> float:
        return self.climb.rows.end_s


def assess_ramp(facts: RampFacts, stamp: Stamp, *, seed: int, recovery_s: float) -> Ramp:
    """What a ramp gave, valid or not."""
    use = facts.climb.uses[Role.TARGET]
    steps = judge_steps(facts.plan, facts.rows, facts.start_s, facts.end_s, facts.climb.workload, use)
    held = last_held(steps)
    found = _find(facts)
    is_over = facts.end_s >= facts.start_s + facts.plan.starts_s[-1]
    ended: Ended = "highest rate" if is_over and facts.dropped_s is None else "backlog"
    return Ramp(
        **stamp,
        validity=validity_of(found),
        findings=found,
        seed=seed,
        steps=tuple(steps),
        reference=_assess_reference(facts),
        holds=None if held is None else steps[held].rate,
        limiter=_limiter(facts, steps, held, found),
        ended=ended,
        recovery=_assess_recovery(facts, recovery_s),
        seconds=second_by_second(facts.rows, facts.start_s, facts.stopped_s, facts.dropped_s),
    )


@dataclass(frozen=True, slots=True)
class Before:
    """The p50 before an overload, of all requests and of those of each page."""

    p50_ms: float
    by_page_ms: tuple[float, ...]


def before_overload(plan: RampPlan, recorded: Rows, start_s: float, workload: Workload) -> Before | None:
    """What it was at the rate to which the load drops, on the way up.

    ``None`` where more than half of the requests were late: that rate was never served.
    """
    first_s, last_s = plan.span_s(plan.before)
    level = windowed(recorded, start_s + first_s, start_s + last_s)
    late = are_late(level, workload)
    if len(late) == 0 or late.mean() > SERVED_SHARE:
        return None
    p50_ms = latency.percentile(sorted(latency.visitor_ms(level)), 50)
    return Before(p50_ms, p50_ms_by_page(level, workload))


def _find(facts: RampFacts) -> tuple[Finding, ...]:
    found = [one for one in find_all(facts.climb) if one.code not in NOT_OF_A_CLIMB]
    if (reference := _reference_facts(facts)) is not None:
        codes = {one.code for one in found}
        more = [one for check in REFERENCE_CHECKS if (one := check(reference)) is not None]
        found += [one for one in more if one.code not in codes]
    return tuple(found)


def _reference_facts(facts: RampFacts) -> LevelFacts | None:
    """The reference load as a level of its own; ``None`` where there is none, or the ramp ended within it."""
    if facts.plan.reference is None or facts.reference_use is None:
        return None
    first_s, last_s = (facts.start_s + at_s for at_s in facts.plan.span_s(facts.plan.reference))
    if last_s > facts.end_s:
        return None
    return LevelFacts(
        plan=LoadLevel("open", facts.plan.rates[facts.plan.reference]),
        workload=facts.climb.workload,
        stack=facts.climb.stack,
        rows=windowed(facts.rows, first_s, last_s),
        uses={**facts.climb.uses, Role.TARGET: facts.reference_use},
        api_before=None,
        api_after=None,
        target_pids_verified=(),
        target_pids_now=(),
    )


def _assess_reference(facts: RampFacts) -> ReferenceLoad | None:
    reference = _reference_facts(facts)
    if reference is None:
        return None
    rows, use = reference.rows, reference.uses[Role.TARGET]
    count = len(rows.window)
    times = latency.latencies(rows)
    target, _ = assess_target(use, len(rows.answered), rows.window_s, 0.0)
    return ReferenceLoad(
        rate=reference.plan.value,
        window_s=rows.window_s,
        requests=count,
        failures=rows.failures(),
        latency_ms=times.latency,
        latency_histogram=times.histogram,
        in_flight_mean=rows.in_flight_mean,
        cpu_ms_per_request=target.cpu_ms_per_request,
        pss_bytes=use.pss_bytes,
        threads_peak=use.threads_peak,
        threads_per_request=_per_request(use.threads_started, count),
        switches_per_request=_per_request(use.context_switches, count),
        connections_per_request=throughput.connections_per_request(rows),
        pages=page_loads(rows, reference.workload),
    )


def _per_request(total: int | None, requests: int) -> float | None:
    return None if total is None or not requests else total / requests


def _limiter(
    facts: RampFacts, steps: Sequence[RampStep], held: int | None, found: tuple[Finding, ...]
) -> Limiter | None:
    """What stopped the climb; ``None`` where nothing did."""
    first_not_held = 0 if held is None else held + 1
    if (named := outside(found)) is not None or first_not_held >= len(steps):
        return named
    # Once it is surely overloaded: what throughput then is, the target gives no more of.
    from_s = max(facts.start_s + facts.plan.starts_s[first_not_held], facts.end_s - overload_s(steps[-1].rate))
    use, stack = facts.climb.uses[Role.TARGET], facts.climb.stack
    found_limiter = name_limiter(facts.rows, from_s, facts.end_s, use, stack.slots, facts.unloaded_s)
    if found_limiter == "unknown" and by_database(facts.climb.named, windowed(facts.rows, from_s, facts.end_s)):
        return "database"
    return found_limiter


def _assess_recovery(facts: RampFacts, recovery_s: float) -> Recovery | None:
    """How long it took to come back; ``None`` where there was no overload, or nothing to come back to."""
    before = before_overload(facts.plan, facts.rows, facts.start_s, facts.climb.workload)
    if facts.dropped_s is None or before is None:
        return None
    rate = facts.plan.drop_rate
    seconds = recovered_after_s(
        facts.after_s, facts.rows, facts.dropped_s, facts.stopped_s, rate, before.by_page_ms, recovery_s
    )
    return Recovery(rate=rate, before_p50_ms=before.p50_ms, seconds=seconds, watched_s=recovery_s)


def assess_hold(facts: RampFacts, stamp: Stamp, *, seed: int, held: float, stalled_at_s: float, stall_s: float) -> Hold:
    """What a hold gave: the target was stopped ``stalled_at_s`` after the start of its one rate, for ``stall_s``."""
    found = _find(facts)
    rate, stalled_s = facts.plan.rates[0], facts.start_s + stalled_at_s
    # A request that was meant to start later may still be under way when the target is stopped.
    before = windowed(facts.rows, facts.start_s, stalled_s - facts.climb.workload.answered_ms / 1000)
    times = latency.latencies(before).latency
    resumed_s = stalled_s + stall_s
    back_s = None
    if times is not None:
        within_s, before_ms = facts.end_s - resumed_s, p50_ms_by_page(before, facts.climb.workload)
        back_s = recovered_after_s(facts.after_s, facts.rows, resumed_s, facts.stopped_s, rate, before_ms, within_s)
    left = facts.climb.rows.under_way(facts.end_s)
    return Hold(
        **stamp,
        validity=validity_of(found),
        findings=found,
        seed=seed,
        rate=rate,
        held=held,
        window_s=facts.end_s - facts.start_s,
        stall_s=stall_s,
        stalled_at_s=stalled_at_s,
        requests=len(facts.climb.rows.window),
        failures=facts.climb.rows.failures(),
        latency_ms=times,
        recovery=None
        if times is None
        else Recovery(rate=rate, before_p50_ms=times.p50, seconds=back_s, watched_s=facts.end_s - resumed_s),
        seconds=second_by_second(facts.rows, facts.start_s, facts.stopped_s, None),
        sustained=back_s is not None and left <= most_under_way(rate, facts.unloaded_s),
    )
