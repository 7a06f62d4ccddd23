"""Validity: every check has facts that pass and facts that fire, with its code and its figure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level import checks, limiter, machine_checks
from stackmatrix.analysis.level.facts import LevelFacts, Pace, RecorderTally, WrongAnswer
from stackmatrix.analysis.level.usage import Surroundings, Unexplained, Use
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.results import rows
from stackmatrix.results.findings import Code, Finding, note

type Make[T] = Callable[..., T]
type Spoil = Callable[[list[bytes], Make[bytes]], list[bytes]]

BUSY = Use(wall_s=10.0, cpu_s=9.1, threads_peak=1, fds_peak=1, context_switches=1)
IDLE = replace(BUSY, cpu_s=1.0)


def keep(packed: list[bytes], _: Make[bytes]) -> list[bytes]:
    return packed


@dataclass(frozen=True)
class Case:
    """Facts that make one check fire: rows in place of the steady ones, or other facts changed."""

    check: Callable[[LevelFacts], Finding | None]
    code: str
    figures: str
    severity: str = "invalid"
    changed: dict[str, Any] = field(default_factory=dict)
    spoil: Spoil = keep

    def __str__(self) -> str:
        return f"{self.code}: {self.figures}"


@dataclass(frozen=True)
class Pass:
    """Facts that come near to what a check is for, and are not."""

    check: Callable[[LevelFacts], Finding | None]
    because: str
    changed: dict[str, Any] = field(default_factory=dict)
    spoil: Spoil = keep

    def __str__(self) -> str:
        return f"{self.check.__name__}: {self.because}"


def uses(**busy: Use) -> dict[str, Use]:
    return {"target": IDLE, "generator": IDLE, "external_api": IDLE, **busy}


def files(share: float | None) -> Use:
    return replace(IDLE, fds_share_peak=share)


def figures(calls: int, buckets: dict[str, int], **changed: float) -> ApiFigures:
    """A reading of the external API after so many calls, in the 1,000th second, with what they have had in flight."""
    overslept_ms = sum(int(bucket) * 0.1 * count for bucket, count in buckets.items())
    seen = ApiFigures(
        calls_started=calls,
        calls_finished=calls,
        calls_refused=0,
        in_flight=0,
        max_in_flight=3,
        at_s=1000.0 + bool(calls) * 30,
        in_flight_s=calls * 0.35 + overslept_ms / 1000,
        overshoot_sum_ms=overslept_ms,
        overshoot_max_ms=max((int(bucket) * 0.1 for bucket in buckets), default=0.0),
        overshoot_bucket_ms=0.1,
        overshoot_histogram=buckets,
        view_requests_by_calls={},
        view_requests_by_overlap={},
    )
    return replace(seen, **changed)  # type: ignore[arg-type]


def paced(before_s: float, after_s: float, *unusual_s: float) -> dict[str, Any]:
    """The loop around a level, in a run in which nineteen readings were a second, and some were not."""
    return {"pace": Pace(before_s, after_s, of_run_s=(*[1.0] * 19, *unusual_s))}


def arriving(*, lag_s: float = 0.0, from_s: float = 100.0) -> Spoil:
    """Ten arrivals a second until the window's end, all of them sent so late; a hundred are meant for the window."""

    def spoil(_: list[bytes], row: Make[bytes]) -> list[bytes]:
        count = round((110 - from_s) * 10)
        intended = [from_s + 0.05 + 0.1 * i for i in range(count)]
        phases = [rows.SETTLE if at_s < 100 else rows.WINDOW for at_s in intended]
        return [
            row(at_s, at_s + lag_s + 0.6, sent_s=at_s + lag_s, phase=phase)
            for at_s, phase in zip(intended, phases, strict=True)
        ]

    return spoil


def drifting(*each_s: float, per_third: int = 12) -> Spoil:
    """Three thirds of a window with these response times; where there are several, they alternate within the third."""

    def spoil(_: list[bytes], row: Make[bytes]) -> list[bytes]:
        return [
            row(at_s, at_s + took_s)
            for third, took_s in enumerate(each_s)
            for at_s in (100 + (third + (i + 0.5) / per_third) * 10 / 3 for i in range(per_third))
        ]

    return spoil


def swinging(first_s: float, last_s: float, by_s: float) -> Spoil:
    """Response times that swing around one mean in the first third of the window, and around another in the last."""

    def spoil(_: list[bytes], row: Make[bytes]) -> list[bytes]:
        packed = []
        for i in range(12):
            swing_s = by_s if i % 2 else -by_s
            packed += [
                row(100 + i / 4, 100 + i / 4 + first_s + swing_s),
                row(107 + i / 4, 107 + i / 4 + last_s + swing_s),
            ]
        return packed

    return spoil


OPEN = LoadLevel("open", 10)
RARE = LoadLevel("open", 3)

NOTHING_SEEN = figures(0, {})
OWN = Workload("own", "", one_page("/"), (), calls_known=False)
WRONG = tuple(
    WrongAnswer(target, words) for target, words in ((0, "/a/ lacks 'x'"), (1, "/a/ lacks 'x'"), (0, "/b/ is no JSON"))
)
STEADY_ROWS = 50  # of two users with 600 ms each from 5 s before a window of 10 s until its end

CASES = (
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 250.0 ms, at most 250.0 ms",
        spoil=lambda packed, row: [*packed, row(105, 105.6, sent_s=105.25)],
    ),
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 0.0 ms, at most 101.0 ms",  # one in many, too late by itself
        spoil=lambda packed, row: packed * 4 + [row(105, 105.9, sent_s=105.101)],
    ),
    Case(
        checks.check_lag,
        "generator-lag",
        "p99 11.0 ms, at most 11.0 ms",  # all a little too late
        spoil=lambda _, row: [row(105, 105.7, sent_s=105.011)] * 20,
    ),
    Case(
        checks.check_generator_core,
        "generator-busy",
        "core was 81% busy",
        changed={"around": Surroundings(generator_core_share=0.81)},
    ),
    Case(
        checks.check_generator_core,
        "generator-busy",
        "core was 91% busy",  # where cores are not read, what the generator itself used tells
        changed={"around": Surroundings(), "uses": uses(generator=BUSY)},
    ),
    Case(
        checks.check_offered_rate,
        "offered-rate",
        "The plan has 103 arrivals in the window, and 100 were made",
        changed={"plan": OPEN, "planned": 103},
        spoil=arriving(),
    ),
    Case(
        checks.check_offered_rate,
        "offered-rate",
        "The plan has 99 arrivals in the window, and 100 were made",
        changed={"plan": OPEN, "planned": 99},
        spoil=arriving(),
    ),
    Case(
        checks.check_offered_rate,
        "offered-rate",
        "late and sent 95 of 100 arrivals within the window",
        changed={"plan": OPEN, "planned": 100},
        spoil=arriving(lag_s=0.5),
    ),
    Case(
        checks.check_generator_limits,
        "generator-exhausted",
        "no file or port left for 2 requests",
        spoil=lambda packed, row: [*packed, *[row(105, 105, outcome=rows.EXHAUSTED)] * 2],
    ),
    Case(
        machine_checks.check_open_files,
        "open-files",
        "The generator used 81% of the open files",
        changed={"uses": uses(generator=files(0.81), external_api=files(0.95), target=files(0.9))},
    ),
    Case(
        machine_checks.check_open_files,
        "open-files",
        "The external API used 95% of the open files",
        changed={"uses": uses(generator=files(0.8), external_api=files(0.95), target=files(0.9))},
    ),
    Case(
        machine_checks.check_open_files,
        "target-open-files",
        "The target used 90% of the open files",
        severity="note",
        changed={"uses": uses(target=files(0.9))},
    ),
    Case(
        machine_checks.check_ports,
        "ports",
        "81% of the machine's local ports",
        changed={"around": Surroundings(ports_share=0.81)},
    ),
    Case(
        checks.check_api_listen_queue, "api-listen-queue", "lost 1 calls", changed={"around": Surroundings(api_drops=1)}
    ),
    Case(
        checks.check_target_listen_queue,
        "listen-queue",
        "lost 7 connections",
        severity="note",
        changed={"around": Surroundings(target_drops=7)},
    ),
    Case(
        machine_checks.check_steal,
        "steal",
        "2.1% of a core's time",
        changed={"around": Surroundings(steal_share=0.021)},
    ),
    Case(
        machine_checks.check_foreign,
        "foreign-load",
        "used 6% of a core, most of all make (process 9)",
        changed={"around": Surroundings(foreign_share=0.06, foreign_name="make (process 9)")},
    ),
    Case(
        machine_checks.check_held_up,
        "held-up",
        "held up for 60.0 s",
        changed={"around": Surroundings(held_up_s=60.0)},
    ),
    Case(
        machine_checks.check_pace, "pace", "before the level was 9% slower", severity="note", changed=paced(1.09, 1.0)
    ),
    Case(
        machine_checks.check_pace, "pace", "before the level was 9% faster", severity="note", changed=paced(0.91, 1.0)
    ),
    Case(machine_checks.check_pace, "pace", "after the level was 9% slower", severity="note", changed=paced(1.0, 1.09)),
    Case(machine_checks.check_pace, "pace", "after the level was 9% faster", severity="note", changed=paced(1.0, 0.91)),
    Case(
        machine_checks.check_pace,
        "pace",
        "after the level was 26% slower",  # more than it swings by itself
        severity="note",
        changed=paced(1.2, 1.26, 1.25, 1.25, 9.0),
    ),
    Case(
        machine_checks.check_pace,
        "pace",
        "after the level was 26% slower",  # once is not usual
        severity="note",
        changed=paced(1.0, 1.26, 9.0),
    ),
    Case(
        checks.check_steady,
        "not-steady",
        "went from 600 to 640 ms",
        severity="note",
        changed={"plan": RARE},
        spoil=drifting(0.6, 0.6, 0.64),
    ),
    Case(
        checks.check_steady,
        "not-steady",
        "went from 640 to 600 ms",
        severity="note",
        changed={"plan": RARE},
        spoil=drifting(0.64, 0.6, 0.6),
    ),
    Case(
        checks.check_steady,
        "not-steady",
        "went from 700 to 800 ms",  # the standard error of the difference is 9 ms
        severity="note",
        changed={"plan": LoadLevel("open", 2)},
        spoil=swinging(0.7, 0.8, 0.02),
    ),
    Case(
        checks.check_recorder,
        "recorder",
        "kept 49 requests, and locust counted 50",
        changed={"recorded": RecorderTally(49, 50, 1)},
    ),
    Case(
        checks.check_recorder, "recorder", "had 2 unhandled exceptions", changed={"recorded": RecorderTally(50, 50, 2)}
    ),
    Case(checks.check_api_core, "api-busy", "91%", changed={"uses": uses(external_api=BUSY)}),
    Case(
        machine_checks.check_pinned,
        "not-pinned",
        "There is one core.",
        changed={"around": Surroundings(not_pinned="There is one core.")},
        severity="note",
    ),
    Case(
        machine_checks.check_strayed,
        "strayed",
        "uvicorn (process 7) of the target was moved off",
        changed={"around": Surroundings(strayed="uvicorn (process 7)")},
    ),
    Case(
        machine_checks.check_core_kinds,
        "slower-cores",
        "Too few.",
        changed={"around": Surroundings(slower_cores="Too few.")},
        severity="note",
    ),
    Case(
        machine_checks.check_cores_known,
        "unknown-cores",
        "How busy cores 8, 9 were is not known",
        changed={"around": Surroundings(unknown_cores=(8, 9))},
        severity="note",
    ),
    Case(
        machine_checks.check_cores_known,
        "unknown-cores",
        "How busy core 8 was is not known",
        changed={"around": Surroundings(unknown_cores=(8,))},
        severity="note",
    ),
    Case(checks.check_services, "services-busy", "91%", changed={"uses": uses(services=BUSY)}),
    Case(
        checks.check_overshoot,
        "api-overshoot",
        "by 3.5 ms on average, p99 3.6 ms",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"35": 150})},
    ),
    Case(
        checks.check_overshoot,
        "api-overshoot",
        "by 0.6 ms on average, p99 15.1 ms",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"3": 147, "150": 3})},
    ),
    Case(checks.check_overshoot, "api-gone", "did not give its figures", changed={"api_after": None}),
    Case(checks.check_overshoot, "api-gone", "did not give its figures", changed={"api_before": None}),
    Case(
        checks.check_conservation,
        "conservation",
        f"saw 100 calls for {STEADY_ROWS} pages, expected 150",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(100, {"3": 100})},
    ),
    Case(
        checks.check_conservation,
        "conservation",
        f"saw 155 calls for {STEADY_ROWS} pages, expected 150",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(155, {"3": 155})},
    ),
    Case(
        checks.check_semantics,
        "wrong-body",
        "2 pages",
        spoil=lambda packed, row: [*packed, *[row(105, 105.6, outcome=rows.WRONG_BODY)] * 2],
    ),
    Case(
        checks.check_semantics,
        "wrong-body",
        "1 pages were not the expected one: /a/ lacks 'x'; /b/ is no JSON.",
        changed={"recorded": RecorderTally(51, 51, 0, WRONG)},
        spoil=lambda packed, row: [*packed, row(105, 105.6, outcome=rows.WRONG_BODY)],
    ),
    Case(
        checks.check_semantics,
        "wrong-body",
        "1 pages: Right when asked first, wrong under load: /a/ lacks 'x'; /b/ is no JSON. "
        "Does a [[request]] of this file change it?",
        changed={"recorded": RecorderTally(51, 51, 0, WRONG), "workload": OWN},
        spoil=lambda packed, row: [*packed, row(105, 105.6, outcome=rows.WRONG_BODY)],
    ),
    Case(
        checks.check_statuses,
        "failures",
        "1 pages had another status: /a/ lacks 'x'; /b/ is no JSON.",
        "note",
        changed={"recorded": RecorderTally(51, 51, 0, WRONG)},
        spoil=lambda packed, row: [*packed, row(105, 105.6, outcome=rows.STATUS, status=500)],
    ),
    Case(
        checks.check_semantics,
        "too-fast",
        "1 pages",
        spoil=lambda packed, row: [*packed, row(105, 105.598)],
    ),
    Case(
        checks.check_littles_law,
        "littles-law",
        "had 3.00 calls in flight on average, requests x the time of their calls are 1.75",  # they hang
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=90.0)},
    ),
    Case(
        checks.check_littles_law,
        "littles-law",
        "had 1.66 calls in flight on average, requests x the time of their calls are 1.75",  # a twentieth shorter
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=49.8)},
    ),
    Case(
        checks.check_littles_law,
        "littles-law",
        "had 3.00 calls in flight on average, requests x the time of their calls are 2.25",  # of 37.5 s only 15 meant
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=90.0, beyond_s=15.0)},
    ),
    Case(
        machine_checks.check_unexplained_load,
        "unexplained-load",
        "On core 1, 6% of a core was used",
        changed={"around": Surroundings(unexplained=Unexplained((1,), 0.06))},
    ),
    Case(
        machine_checks.check_unexplained_load,
        "unexplained-load",
        "On cores 0, 2, 90% of a core was used",
        changed={"around": Surroundings(unexplained=Unexplained((0, 2), 0.9))},
    ),
    Case(machine_checks.check_throttled, "throttled", "in 1 periods", changed={"around": Surroundings(throttled=1)}),
    Case(machine_checks.check_memory, "memory", "1 processes of our", changed={"around": Surroundings(oom_kills=1)}),
    Case(
        machine_checks.check_pids, "pids", "3 processes or threads", changed={"around": Surroundings(forks_refused=3)}
    ),
    Case(machine_checks.check_network, "network", "1 TCP segments", changed={"around": Surroundings(retransmitted=1)}),
    Case(
        machine_checks.check_network,
        "network",
        "2 TCP segments",  # of 399 requests
        changed={"around": Surroundings(retransmitted=2)},
        spoil=lambda _, row: [row(105, 105.6)] * 399,
    ),
    Case(checks.check_target_processes, "target-changed", "it restarted", changed={"target_pids_now": (10, 12)}),
    Case(
        checks.check_retries,
        "client-retries",
        "1 requests",
        severity="note",
        spoil=lambda packed, row: [*packed, row(105, 105.6, attempts=2)],
    ),
)


PASSES = (
    Pass(checks.check_lag, "nothing was sent", spoil=lambda *_: []),
    Pass(checks.check_lag, "just in time", spoil=lambda packed, row: packed * 4 + [row(105, 105.7, sent_s=105.0999)]),
    Pass(machine_checks.check_held_up, "just in time", changed={"around": Surroundings(held_up_s=1.0)}),
    Pass(checks.check_generator_core, "just idle enough", changed={"around": Surroundings(generator_core_share=0.8)}),
    Pass(
        checks.check_generator_core,
        "its core was read, and that is what counts",
        changed={"around": Surroundings(generator_core_share=0.5), "uses": uses(generator=BUSY)},
    ),
    Pass(checks.check_offered_rate, "a closed level has no plan"),
    Pass(checks.check_offered_rate, "all were made", changed={"plan": OPEN, "planned": 100}, spoil=arriving()),
    Pass(
        checks.check_offered_rate,
        "what fell out of the window was made up by what fell into it",
        changed={"plan": OPEN, "planned": 100},
        spoil=arriving(lag_s=0.5, from_s=98.0),
    ),
    Pass(
        checks.check_offered_rate,
        "three of a hundred were sent after the window",
        changed={"plan": OPEN, "planned": 100},
        spoil=arriving(lag_s=0.3),
    ),
    Pass(
        checks.check_offered_rate,
        "the last of few was sent a moment after the window, but the generator was not late",
        changed={"plan": OPEN, "planned": 2},
        spoil=lambda _, row: [row(105, 105.6), row(109.999, 110.6, sent_s=110.001)],
    ),
    Pass(
        checks.check_offered_rate,
        "an arrival that found no visitor was made",
        changed={"plan": OPEN, "planned": 100},
        spoil=lambda packed, row: [
            *arriving(lag_s=0.02)(packed, row)[:90],
            *[row(109 + i / 20, 111, sent_s=111, outcome=rows.NO_SLOT) for i in range(10)],
        ],
    ),
    Pass(
        checks.check_offered_rate,
        "so rare that none was planned",
        changed={"plan": OPEN, "planned": 0},
        spoil=lambda *_: [],
    ),
    Pass(
        checks.check_generator_limits,
        "a target that refuses is not the generator's fault",
        spoil=lambda packed, row: [*packed, row(105, 105.6, outcome=rows.CONNECTION)],
    ),
    Pass(
        checks.check_generator_limits,
        "before the window",
        spoil=lambda packed, row: [*packed, row(99, 99, outcome=rows.EXHAUSTED, phase=rows.SETTLE)],
    ),
    Pass(
        machine_checks.check_open_files,
        "just enough",
        changed={"uses": uses(target=files(0.8), generator=files(0.8), external_api=files(0.8))},
    ),
    Pass(machine_checks.check_ports, "just enough", changed={"around": Surroundings(ports_share=0.8)}),
    Pass(checks.check_api_listen_queue, "the target's own", changed={"around": Surroundings(target_drops=7)}),
    Pass(checks.check_target_listen_queue, "the external API's", changed={"around": Surroundings(api_drops=7)}),
    Pass(
        checks.check_littles_law,
        "just near enough",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=55.1)},
    ),
    Pass(
        checks.check_littles_law,
        "the external API says that it overslept, and that is another check",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"2000": 150})},
    ),
    Pass(
        checks.check_littles_law,
        "calls that were meant to take longer did",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=90.0, beyond_s=37.5)},
    ),
    Pass(
        checks.check_littles_law,
        "what failed may have made its calls",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(180, {"0": 180})},
        spoil=lambda packed, row: [*packed, *[row(105, 105.6, outcome=rows.STATUS)] * 10],
    ),
    Pass(
        checks.check_littles_law,
        "nothing was asked, and nothing was in flight",
        changed={"api_before": NOTHING_SEEN, "api_after": figures(0, {}, at_s=1030.0)},
        spoil=lambda *_: [],
    ),
    Pass(
        machine_checks.check_unexplained_load,
        "just little enough",
        changed={"around": Surroundings(unexplained=Unexplained((1,), 0.05))},
    ),
    Pass(machine_checks.check_network, "none", changed={"around": Surroundings(retransmitted=0)}),
    Pass(
        machine_checks.check_network,
        "one in two hundred requests, which may be a connection of another program",
        changed={"around": Surroundings(retransmitted=1)},
        spoil=lambda _, row: [row(105, 105.6)] * 200,
    ),
    Pass(
        machine_checks.check_network,
        "what a full listen queue of the target has lost",
        changed={"around": Surroundings(retransmitted=9, target_drops=4)},
    ),
    Pass(
        machine_checks.check_network,
        "what a full listen queue of the external API has lost",
        changed={"around": Surroundings(retransmitted=9, api_drops=4)},
    ),
    Pass(machine_checks.check_steal, "just little enough", changed={"around": Surroundings(steal_share=0.02)}),
    Pass(machine_checks.check_foreign, "just little enough", changed={"around": Surroundings(foreign_share=0.05)}),
    Pass(machine_checks.check_pace, "not read", changed={"pace": None}),
    Pass(machine_checks.check_pace, "just even enough", changed=paced(0.921, 1.079)),
    Pass(machine_checks.check_pace, "as uneven as it is in this run", changed=paced(0.8, 1.24, 1.25, 1.25, 9.0)),
    Pass(checks.check_steady, "within a twentieth", changed={"plan": RARE}, spoil=drifting(0.6, 0.9, 0.629)),
    Pass(checks.check_steady, "saturated", changed={"plan": LoadLevel("open", 9)}, spoil=drifting(0.6, 1.2, 1.8)),
    Pass(
        checks.check_steady,
        "too few to tell",
        changed={"plan": LoadLevel("open", 2.5)},
        spoil=drifting(0.6, 0.6, 0.7, per_third=9),
    ),
    Pass(
        checks.check_steady,
        "perhaps by chance",
        changed={"plan": LoadLevel("open", 2)},
        spoil=swinging(0.7, 0.8, 0.1),
    ),
    Pass(
        checks.check_steady,
        "failures have no response time",
        changed={"plan": RARE},
        spoil=lambda packed, row: [
            *drifting(0.6, 0.6, 0.6)(packed, row),
            *[row(109, 139, outcome=rows.STATUS, status=500)] * 3,
        ],
    ),
    Pass(
        checks.check_conservation,
        "calls are not known",
        changed={"workload": OWN, "api_after": figures(999, {"3": 999})},
    ),
    Pass(
        checks.check_littles_law,
        "calls are not known",
        changed={"workload": OWN, "api_before": NOTHING_SEEN, "api_after": figures(150, {"0": 150}, in_flight_s=90.0)},
    ),
    Pass(
        checks.check_semantics,
        "a page that waits for nothing is never too fast",
        changed={"workload": OWN},
        spoil=lambda packed, row: [*packed, row(105, 105.0)],
    ),
    Pass(checks.check_recorder, "not counted", changed={"recorded": None}),
)


def test_every_check_has_a_case_that_fires() -> None:
    assert {case.check for case in CASES} == set(checks.CHECKS)
    assert len(checks.CHECKS) == len(set(checks.CHECKS))


def test_every_function_that_is_called_a_check_is_in_the_list() -> None:
    functions = {**vars(checks), **vars(machine_checks)}
    named = {value for name, value in functions.items() if name.startswith("check_")}
    assert named == set(checks.CHECKS)


def test_every_finding_that_names_a_limiter_has_a_case() -> None:
    assert set(limiter._OUTSIDE) <= {case.code for case in CASES}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_level_as_it_should_be_passes(
    check: Callable[[LevelFacts], Finding | None], make_facts: Make[LevelFacts]
) -> None:
    assert check(make_facts()) is None


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_what_a_system_does_not_tell_is_no_finding(
    check: Callable[[LevelFacts], Finding | None], make_facts: Make[LevelFacts]
) -> None:
    assert check(make_facts(around=Surroundings(), pace=None, uses=uses())) is None


@pytest.mark.parametrize("case", PASSES, ids=str)
def test_a_check_does_not_fire_on_what_only_comes_near(
    case: Pass, make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    assert case.check(make_facts(case.spoil(make_steady(), make_row), **case.changed)) is None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_check_fires_on_what_it_is_for_and_tells_the_figure(
    case: Case, make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    finding = case.check(make_facts(case.spoil(make_steady(), make_row), **case.changed))
    assert finding is not None
    assert (finding.code, finding.severity) == (case.code, case.severity)
    assert case.figures in finding.sentence


def test_all_findings_come_in_the_order_of_the_checks(make_facts: Make[LevelFacts]) -> None:
    found = checks.find_all(
        make_facts(uses=uses(external_api=BUSY), around=Surroundings(target_drops=1), target_pids_now=())
    )
    assert [finding.code for finding in found] == ["api-busy", "target-changed", "listen-queue"]
    assert checks.find_all(make_facts()) == ()
    locked = note(Code.DATABASE_LOCKED, "SQLite was locked by another writer.")
    assert checks.find_all(make_facts(named=(locked,))) == (locked,)


@pytest.mark.parametrize("outcome", [rows.STATUS, rows.TIMED_OUT, rows.CONNECTION])
@pytest.mark.parametrize("calls_made", [0, 1, 3])
def test_a_failed_request_may_have_made_any_number_of_its_calls(
    make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes], outcome: int, calls_made: int
) -> None:
    packed = [*make_steady(), *[make_row(105, 105.6, outcome=outcome)] * 10]
    calls = 3 * STEADY_ROWS + 10 * calls_made
    facts = make_facts(packed, api_before=NOTHING_SEEN, api_after=figures(calls, {"3": calls}))
    assert checks.check_conservation(facts) is None


def test_a_request_that_the_client_sent_twice_may_have_made_its_calls_twice(
    make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    packed = [*make_steady(), *[make_row(105, 105.6, attempts=2)] * 5]
    for calls, is_found in ((3 * STEADY_ROWS + 15, False), (3 * STEADY_ROWS + 30, False), (3 * STEADY_ROWS + 36, True)):
        facts = make_facts(packed, api_before=NOTHING_SEEN, api_after=figures(calls, {"3": calls}))
        assert (checks.check_conservation(facts) is not None) == is_found


def test_the_clocks_of_two_processes_may_differ_by_a_millisecond(
    make_facts: Make[LevelFacts], make_steady: Make[list[bytes]], make_row: Make[bytes]
) -> None:
    assert checks.check_semantics(make_facts([*make_steady(), make_row(105, 105.5995)])) is None
