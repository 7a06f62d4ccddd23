"""Validity: whether the numbers of a level are about the target. Each check is one function, with what must hold.

Overload of the target is a result. Overload of the generator, the external API or the machine is not one: the level is
then invalid and is never compared. What is a property of the target is a note, never invalid: to leave it out would be
to select on the outcome. Thresholds are here and in :mod:`.machine_checks`, and nowhere else. To add a check, write a
function and put it into ``CHECKS``. Pure.
"""

from collections.abc import Callable

import numpy as np

from stackmatrix.analysis import exceptions
from stackmatrix.analysis.level import external_api, latency
from stackmatrix.analysis.level.facts import LevelFacts
from stackmatrix.analysis.level.machine_checks import (
    above,
    check_core_kinds,
    check_cores_known,
    check_foreign,
    check_held_up,
    check_memory,
    check_network,
    check_open_files,
    check_pace,
    check_pids,
    check_pinned,
    check_ports,
    check_steal,
    check_strayed,
    check_throttled,
    check_unexplained_load,
)
from stackmatrix.analysis.level.usage import SERVICES
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
OFFERED_SHARE = 0.03
STEADY_SHARE = 0.05
STEADY_ERRORS = 3.0
"""A drift within this many standard errors of the two thirds' means may be chance."""
STEADY_LEAST = 10
"""Requests that a third of a window needs before a drift can be seen."""


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
    return above(share, GENERATOR_SHARE, Code.GENERATOR_BUSY, "The generator's core was {:.0%} busy.")


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
    return above(share, API_SHARE, Code.API_BUSY, "The external API kept its core {:.0%} busy.")


def check_services(facts: LevelFacts) -> Finding | None:
    """What an application needs beside it, such as its database, had time to spare."""
    if (use := facts.uses.get(SERVICES)) is None:
        return None
    return above(use.cpu_share, API_SHARE, Code.SERVICES_BUSY, "The application's own services used {:.0%} of a core.")


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
    if facts.api_before is None or facts.api_after is None or not facts.workload.calls_known:
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
    """Every answer with the right status was right, and none came faster than its calls allow."""
    wrong = int((facts.rows.window["outcome"] == rows.WRONG_BODY).sum())
    if wrong:
        reasons = facts.recorded.why_wrong() if facts.recorded is not None else ""
        if reasons and not facts.workload.calls_known:
            return invalid(Code.WRONG_BODY, f"{wrong} pages: {exceptions.wrong_under_load(reasons)}")
        return invalid(Code.WRONG_BODY, f"{wrong} pages were not the expected one{reasons and f': {reasons}'}.")
    early = int((facts.rows.response_ms < facts.workload.floor_ms - EARLY_MS).sum())
    if early:
        return invalid(Code.TOO_FAST, f"{early} pages came faster than their calls take.")
    return None


def check_statuses(facts: LevelFacts) -> Finding | None:
    """Every answer had the right status; where one had not, that is a result, and why is told."""
    others = int((facts.rows.window["outcome"] == rows.STATUS).sum())
    if not others:
        return None
    reasons = facts.recorded.why_wrong() if facts.recorded is not None else ""
    return note(Code.FAILURES, f"{others} pages had another status{reasons and f': {reasons}'}.")


def check_littles_law(facts: LevelFacts) -> Finding | None:
    """As many calls were in flight as requests times the time of their calls make (Little 1961: L = lambda W).

    The left side is the external API's own integral over time. The right side is the generator's: the requests that it
    had answered, each with the calls that its page must make. So a page that makes other calls under load than when it
    was verified is found, and calls that hang. What failed may have made any of its calls. What the external API meant
    to take beyond what it was asked for, by delays that are drawn and by calls that it lets hang, it says itself.
    """
    before, after = facts.api_before, facts.api_after
    if before is None or after is None or after.at_s <= before.at_s or not facts.workload.calls_known:
        return None
    per_page_s = facts.workload.sequence_ms / 1000 if facts.workload.makes_calls else 0.0
    span_s = after.at_s - before.at_s
    longer_s = (after.overshoot_sum_ms - before.overshoot_sum_ms) / 1000 + after.beyond_s - before.beyond_s
    completed = int(np.isin(facts.rows.all["outcome"], (rows.OK, rows.WRONG_BODY)).sum())
    least = (completed * per_page_s + longer_s) / span_s
    most = (int(np.maximum(1, facts.rows.all["attempts"]).sum()) * per_page_s + longer_s) / span_s
    counted = (after.in_flight_s - before.in_flight_s) / span_s
    if least * (1 - LITTLE_SHARE) <= counted <= most * (1 + LITTLE_SHARE):
        return None
    return invalid(
        Code.LITTLES_LAW,
        f"The external API had {counted:.2f} calls in flight on average, "
        f"requests x the time of their calls are {least:.2f}.",
    )


def check_steady(facts: LevelFacts) -> Finding | None:
    """Below saturation, the last third of the window was like the first. A note: it is a property of the target."""
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
    return note(
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
    check_services,
    check_overshoot,
    check_api_listen_queue,
    check_open_files,
    check_ports,
    check_conservation,
    check_semantics,
    check_statuses,
    check_littles_law,
    check_held_up,
    check_steal,
    check_foreign,
    check_unexplained_load,
    check_pinned,
    check_strayed,
    check_core_kinds,
    check_cores_known,
    check_throttled,
    check_memory,
    check_pids,
    check_network,
    check_pace,
    check_steady,
    check_recorder,
    check_target_processes,
    check_target_listen_queue,
    check_retries,
)


def find_all(facts: LevelFacts) -> tuple[Finding, ...]:
    """Every check's finding on a level, in the order of ``CHECKS``, then why its application raised what it did."""
    return (*(finding for check in CHECKS if (finding := check(facts)) is not None), *facts.named)
