"""Validity: whether the numbers of a level are about the target. Each check is one function, with what must hold.

Overload of the target is a result. Overload of the generator, the external API or the machine is not one: the level is
then invalid and is never compared. Thresholds are here and nowhere else. To add a check, write a function and put it
into ``CHECKS``. Pure.
"""

from collections.abc import Callable

import numpy as np

from stackmatrix.analysis.level import external_api, latency
from stackmatrix.analysis.level.facts import LevelFacts, unrest
from stackmatrix.results import rows
from stackmatrix.results.findings import Code, Finding, invalid, note

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
FILES_SHARE = 0.8
PORTS_SHARE = 0.8
OFFERED_SHARE = 0.03
STEAL_SHARE = 0.02
FOREIGN_SHARE = 0.05
PACE_SHARE = 0.08
STEADY_SHARE = 0.05
STEADY_ERRORS = 3.0
"""A drift within this many standard errors of the two thirds' means may be chance."""
STEADY_LEAST = 10
"""Requests that a third of a window needs before a drift can be seen."""


def _above(share: float | None, most: float, code: Code, sentence: str) -> Finding | None:
    """Invalid where a share is known and above the most that is allowed; it stands in the sentence."""
    return None if share is None or share <= most else invalid(code, sentence.format(share))


def check_lag(facts: LevelFacts) -> Finding | None:
    """The generator sent its requests when they were due."""
    lag = np.sort(facts.rows.lag_ms)
    if len(lag) == 0:
        return None
    p99, worst = latency.percentile(lag, 99), float(lag[-1])
    if p99 <= LAG_P99_MS and worst <= LAG_MAX_MS:
        return None
    return invalid(Code.GENERATOR_LAG, f"The generator was late: p99 {p99:.1f} ms, at most {worst:.1f} ms.")


def check_generator_core(facts: LevelFacts) -> Finding | None:
    """The generator's core had time to spare, in any five seconds; where cores are not read, the generator itself."""
    share = facts.around.generator_core_share
    if share is None:
        share = facts.uses["generator"].cpu_share
    return _above(share, GENERATOR_SHARE, Code.GENERATOR_BUSY, "The generator's core was {:.0%} busy.")


def check_offered_rate(facts: LevelFacts) -> Finding | None:
    """The generator made every arrival that the plan has in the window, and sent them within it."""
    if facts.planned is None:
        return None
    level = facts.rows
    made = len(level.window)
    if made != facts.planned:
        return invalid(Code.OFFERED_RATE, f"The plan has {facts.planned} arrivals in the window, and {made} were made.")
    sent_s = level.all["sent_s"][level.all["outcome"] != rows.NO_SLOT]
    sent = int(((sent_s >= level.start_s) & (sent_s < level.end_s)).sum())
    no_slot = int((level.window["outcome"] == rows.NO_SLOT).sum())
    late = len(level.lag_ms) > 0 and latency.percentile(np.sort(level.lag_ms), 99) > LAG_P99_MS
    if not late or abs(sent + no_slot - made) <= OFFERED_SHARE * made:
        return None
    return invalid(Code.OFFERED_RATE, f"The generator was late and sent {sent} of {made} arrivals within the window.")


def check_generator_limits(facts: LevelFacts) -> Finding | None:
    """The generator did not run out of files or ports."""
    exhausted = int((facts.rows.window["outcome"] == rows.EXHAUSTED).sum())
    if not exhausted:
        return None
    return invalid(Code.GENERATOR_EXHAUSTED, f"The generator had no file or port left for {exhausted} requests.")


def check_open_files(facts: LevelFacts) -> Finding | None:
    """No process came near its limit on open files; at the target that is a result."""
    for role, name in (("generator", "generator"), ("external_api", "external API")):
        share = facts.uses[role].fds_share_peak
        if share is not None and share > FILES_SHARE:
            return invalid(Code.OPEN_FILES, f"The {name} used {share:.0%} of the open files that it may have.")
    share = facts.uses["target"].fds_share_peak
    if share is not None and share > FILES_SHARE:
        return note(Code.TARGET_OPEN_FILES, f"The target used {share:.0%} of the open files that it may have.")
    return None


def check_ports(facts: LevelFacts) -> Finding | None:
    """The machine had local ports to spare."""
    share = facts.around.ports_share
    return _above(share, PORTS_SHARE, Code.PORTS, "{:.0%} of the machine's local ports were in use.")


def check_api_listen_queue(facts: LevelFacts) -> Finding | None:
    """No call was lost to a full listen queue of the external API."""
    if not facts.around.api_drops:
        return None
    return invalid(Code.API_LISTEN_QUEUE, f"The external API's full listen queue lost {facts.around.api_drops} calls.")


def check_target_listen_queue(facts: LevelFacts) -> Finding | None:
    """The target's listen queue was not full; where it was, that is a result."""
    if not facts.around.target_drops:
        return None
    return note(
        Code.TARGET_LISTEN_QUEUE,
        f"The target's listen queue was full: it lost {facts.around.target_drops} connections.",
    )


def check_api_core(facts: LevelFacts) -> Finding | None:
    """The external API had time to spare."""
    share = facts.uses["external_api"].cpu_share
    return _above(share, API_SHARE, Code.API_BUSY, "The external API kept its core {:.0%} busy.")


def check_overshoot(facts: LevelFacts) -> Finding | None:
    """The external API slept as long as it was asked to."""
    if facts.api_before is None or facts.api_after is None:
        return invalid(Code.API_GONE, "The external API did not give its figures.")
    overshoot = external_api.overshoot_ms(facts.api_before, facts.api_after)
    if overshoot is None or (overshoot[0] <= OVERSHOOT_MEAN_MS and overshoot[1] <= OVERSHOOT_P99_MS):
        return None
    mean, p99 = overshoot
    return invalid(
        Code.API_OVERSHOOT, f"The external API slept too long: by {mean:.1f} ms on average, p99 {p99:.1f} ms."
    )


def check_conservation(facts: LevelFacts) -> Finding | None:
    """The external API saw as many calls as the answered requests make."""
    if facts.api_before is None or facts.api_after is None:
        return None
    completed = int(np.isin(facts.rows.all["outcome"], (rows.OK, rows.WRONG_BODY)).sum())
    least = completed * facts.workload.calls
    # A failed request made any number of its calls, and one that the client sent twice made them twice.
    most = int(np.maximum(1, facts.rows.all["attempts"]).sum()) * facts.workload.calls
    seen = facts.api_after.calls_started - facts.api_before.calls_started
    if least * (1 - CALLS_SHARE) <= seen <= most * (1 + CALLS_SHARE):
        return None
    return invalid(Code.CONSERVATION, f"The external API saw {seen} calls for {completed} pages, expected {least}.")


def check_semantics(facts: LevelFacts) -> Finding | None:
    """Every answer with status 200 was right, and none came faster than the slowest call."""
    wrong = int((facts.rows.window["outcome"] == rows.WRONG_BODY).sum())
    if wrong:
        return invalid(Code.WRONG_BODY, f"{wrong} pages were not the expected one.")
    early = int((facts.rows.response_ms < facts.workload.floor_ms - EARLY_MS).sum())
    if early:
        return invalid(Code.TOO_FAST, f"{early} pages came faster than the slowest of their calls.")
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
    return invalid(
        Code.LITTLES_LAW, f"{counted:.2f} requests were in flight on average, throughput x latency is {by_law:.2f}."
    )


def check_steal(facts: LevelFacts) -> Finding | None:
    """The hypervisor left the cores to this machine."""
    share = facts.around.steal_share
    return _above(share, STEAL_SHARE, Code.STEAL, "The hypervisor gave {:.1%} of a core's time to others.")


def check_foreign(facts: LevelFacts) -> Finding | None:
    """No other processes used the machine."""
    share = facts.around.foreign_share
    if share is None or share <= FOREIGN_SHARE:
        return None
    return invalid(
        Code.FOREIGN_LOAD, f"Other processes used {share:.0%} of a core, most of all {facts.around.foreign_name}."
    )


def check_pace(facts: LevelFacts) -> Finding | None:
    """The target's core was as fast as in the rest of the run, as far as its speed is steady at all (decision 6)."""
    if facts.pace is None:
        return None
    usual_s, allowed = facts.pace.usual_s, max(PACE_SHARE, unrest(facts.pace.of_run_s))
    for when, took_s in (("before", facts.pace.before_s), ("after", facts.pace.after_s)):
        off = took_s / usual_s - 1
        if abs(off) > allowed:
            word = "slower" if off > 0 else "faster"
            return invalid(
                Code.PACE, f"A fixed CPU loop {when} the level was {abs(off):.0%} {word} than in the run's median."
            )
    return None


def check_steady(facts: LevelFacts) -> Finding | None:
    """Below saturation, the last third of the window was like the first."""
    if facts.saturated:
        return None
    level = facts.rows
    third_s = level.window_s / 3
    intended_s = level.correct["intended_s"]
    first = level.response_ms[intended_s < level.start_s + third_s]
    last = level.response_ms[intended_s >= level.end_s - third_s]
    if min(len(first), len(last)) < STEADY_LEAST:
        return None
    drift = float(last.mean() - first.mean())
    error = float(np.hypot(first.std(ddof=1) / len(first) ** 0.5, last.std(ddof=1) / len(last) ** 0.5))
    if abs(drift) <= max(STEADY_SHARE * float(first.mean()), STEADY_ERRORS * error):
        return None
    return invalid(
        Code.NOT_STEADY, f"The mean response went from {first.mean():.0f} to {last.mean():.0f} ms within the window."
    )


def check_recorder(facts: LevelFacts) -> Finding | None:
    """Every request that locust counted was recorded, and nothing went wrong unseen in locust."""
    kept = facts.recorded
    if kept is None:
        return None
    if kept.recorded != kept.counted:
        return invalid(Code.RECORDER, f"The recorder kept {kept.recorded} requests, and locust counted {kept.counted}.")
    if kept.exceptions:
        return invalid(Code.RECORDER, f"Locust had {kept.exceptions} unhandled exceptions.")
    return None


def check_target_processes(facts: LevelFacts) -> Finding | None:
    """The processes that answered are the ones that were verified."""
    if facts.target_pids_now == facts.target_pids_verified:
        return None
    return invalid(Code.TARGET_CHANGED, "The target's processes are not the ones that were verified: it restarted.")


def check_retries(facts: LevelFacts) -> Finding | None:
    """No request was silently sent twice by the generator's client."""
    repeated = int((facts.rows.window["attempts"] > 1).sum())
    if repeated == 0:
        return None
    sentence = f"{repeated} requests were sent again by the client, because their kept connection had been closed."
    return note(Code.CLIENT_RETRIES, sentence)


CHECKS: tuple[Callable[[LevelFacts], Finding | None], ...] = (
    check_lag,
    check_generator_core,
    check_offered_rate,
    check_generator_limits,
    check_api_core,
    check_overshoot,
    check_api_listen_queue,
    check_open_files,
    check_ports,
    check_conservation,
    check_semantics,
    check_littles_law,
    check_steal,
    check_foreign,
    check_pace,
    check_steady,
    check_recorder,
    check_target_processes,
    check_target_listen_queue,
    check_retries,
)


def find_all(facts: LevelFacts) -> tuple[Finding, ...]:
    """Every check's finding on a level, in the order of ``CHECKS``."""
    return tuple(finding for check in CHECKS if (finding := check(facts)) is not None)
