"""A level as a result file has it, from the facts of how it was driven. Pure."""

import msgspec

from stackmatrix.analysis.level import external_api, latency, throughput
from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.limiter import name_limiter
from stackmatrix.analysis.level.usage import Use
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.results.findings import Finding
from stackmatrix.results.levels import ApiUse, GeneratorUse, Level, MachineUse, TargetUse
from stackmatrix.results.types import Validity

NOT_LOOKED_FOR = "it was not looked for, or this system does not report it"
TRANSIENT_THREADS = "threads came and went within the window, and the kernel keeps no total for them"
NOT_COUNTED = "counted apart from load, if at all: see instructions"
NOT_SENT = "no request was sent in the window"
API_GONE = "the external API did not give its figures"
NO_CALL = "the external API finished no call"
NOT_REPORTED = "this system does not report it"
NOT_PACED = "a profile that compares nothing does not read it"


def assess(facts: LevelFacts, baseline_cpu_share: float) -> Level:
    """A level that was driven, with every number. ``baseline_cpu_share`` is the idle target's."""
    rows = facts.rows
    found = find_all(facts)
    times = latency.latencies(rows)
    target, no_target = assess_target(facts.uses["target"], len(rows.answered), rows.window_s, baseline_cpu_share)
    api, no_api = assess_api(facts)
    generator, no_generator = assess_generator(facts)
    machine, no_machine = assess_machine(facts)
    connections = throughput.connections_per_request(rows)
    no_load = {"connections_per_request": NOT_SENT} if connections is None else {}
    seconds = latency.timeline(rows)
    if seconds is None:
        no_load["timeline"] = "no correct response at all"
    return Level(
        model=facts.plan.model,
        users=int(facts.plan.value) if facts.plan.model == "closed" else None,
        rate=facts.plan.value if facts.plan.model == "open" else None,
        window_s=rows.window_s,
        validity=validity_of(found),
        limiter=name_limiter(facts, found),
        findings=found,
        requests=len(rows.window),
        failures=rows.failures(),
        throughput_rps=throughput.throughput_rps(rows),
        bound_rps=facts.bound_rps,
        in_flight_mean=rows.in_flight_mean,
        connections_per_request=connections,
        latency_ms=times.latency,
        latency_histogram=times.histogram,
        timeline=seconds,
        service_ms=times.service,
        target=target,
        generator=generator,
        external_api=api,
        machine=machine,
        absent={**times.absent, **no_target, **no_load, **no_generator, **no_api, **no_machine},
    )


def assess_target(
    use: Use, correct: int, window_s: float, baseline_cpu_share: float
) -> tuple[TargetUse, dict[str, str]]:
    """The target's use, and the reasons for what is left out of it."""
    absent = {"target.instructions_per_request": NOT_COUNTED}
    per_request = None
    if correct:
        # The meters are read a moment after the window's ends, so the share is what carries over to the window.
        busy_s = max(0.0, use.cpu_share - baseline_cpu_share) * window_s
        per_request = busy_s * 1000 / correct
    else:
        absent["target.cpu_ms_per_request"] = latency.NO_RESPONSE
    if use.context_switches is None:
        absent["target.context_switches"] = TRANSIENT_THREADS
    unknown = [name for name in ("pss_bytes", "threads_started") if getattr(use, name) is None]
    absent |= {f"target.{name}": NOT_LOOKED_FOR for name in unknown}
    return TargetUse(
        cpu_ms_per_request=per_request,
        instructions_per_request=None,
        cpu_share=use.cpu_share,
        pss_bytes=use.pss_bytes,
        threads_peak=use.threads_peak,
        threads_started=use.threads_started,
        fds_peak=use.fds_peak,
        context_switches=use.context_switches,
    ), absent


def assess_api(facts: LevelFacts) -> tuple[ApiUse, dict[str, str]]:
    """What the external API used in the window and saw during the level, and the reasons for what is left out."""
    calls = overshoot = None
    absent = {}
    if facts.api_before is None or facts.api_after is None:
        absent["external_api.calls"] = API_GONE
    else:
        calls = facts.api_after.calls_started - facts.api_before.calls_started
        overshoot = external_api.overshoot_ms(facts.api_before, facts.api_after)
    if overshoot is None:
        reason = API_GONE if calls is None else NO_CALL
        absent |= dict.fromkeys(("external_api.overshoot_ms_mean", "external_api.overshoot_ms_p99"), reason)
    return ApiUse(
        cpu_share=facts.uses["external_api"].cpu_share,
        calls=calls,
        overshoot_ms_mean=overshoot and overshoot[0],
        overshoot_ms_p99=overshoot and overshoot[1],
    ), absent


def assess_generator(facts: LevelFacts) -> tuple[GeneratorUse, dict[str, str]]:
    """What the load generator used and how late it was, and the reasons for what is left out."""
    lag_ms = facts.rows.lag_ms
    use = GeneratorUse(
        cpu_share=facts.uses["generator"].cpu_share,
        lag_ms_p99=latency.p99(lag_ms),
        lag_ms_max=float(lag_ms.max()) if len(lag_ms) else None,
        core_share=facts.around.generator_core_share,
    )
    absent = {} if len(lag_ms) else dict.fromkeys(("generator.lag_ms_p99", "generator.lag_ms_max"), NOT_SENT)
    if use.core_share is None:
        absent["generator.core_share"] = NOT_REPORTED
    return use, absent


def assess_machine(facts: LevelFacts) -> tuple[MachineUse, dict[str, str]]:
    """What the machine did around the level, and the reasons for what is left out."""
    around, pace = facts.around, facts.pace
    use = MachineUse(
        steal_share=around.steal_share,
        foreign_share=around.foreign_share,
        ports_share=around.ports_share,
        target_drops=around.target_drops,
        api_drops=around.api_drops,
        unexplained_share=None if around.unexplained is None else around.unexplained.share,
        retransmitted=around.retransmitted,
        pace_before=None if pace is None else pace.before_s / pace.usual_s,
        pace_after=None if pace is None else pace.after_s / pace.usual_s,
    )
    absent = {f"machine.{name}": NOT_REPORTED for name in MachineUse.__struct_fields__ if getattr(use, name) is None}
    if pace is None:
        absent |= dict.fromkeys(("machine.pace_before", "machine.pace_after"), NOT_PACED)
    return use, absent


def validity_of(findings: tuple[Finding, ...]) -> Validity:
    """Invalid with one finding that says so."""
    return "invalid" if any(finding.severity == "invalid" for finding in findings) else "valid"


def only_noted(findings: tuple[Finding, ...], codes: frozenset[str]) -> tuple[Finding, ...]:
    """The findings, with those of these codes as notes: what spoils one metric need not spoil another."""
    return tuple(msgspec.structs.replace(one, severity="note") if one.code in codes else one for one in findings)


def not_driven(plan: LoadLevel, window_s: float, validity: Validity, finding: Finding) -> Level:
    """A level of the ladder that was not driven, with the reason."""
    return Level(
        model=plan.model,
        users=int(plan.value) if plan.model == "closed" else None,
        rate=plan.value if plan.model == "open" else None,
        window_s=window_s,
        validity=validity,
        limiter=None,
        findings=(finding,),
    )
