"""Builders of rows and facts: each gives a level that every check passes, and a test changes what it is about."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level.assess import assess, not_driven
from stackmatrix.analysis.level.facts import LevelFacts, Pace, RecorderTally
from stackmatrix.analysis.level.requests import LevelRows, decode_rows
from stackmatrix.analysis.level.usage import Surroundings, Unexplained, Use
from stackmatrix.commands.examining import first
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.results import rows
from stackmatrix.results.calibration import ApiCapacity, Calibration, Jitter, Loop, RateStep, Twins
from stackmatrix.results.conditions import Conditions, Environment, Machine
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.findings import Finding
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.model import FORMAT_VERSION, Result, Run, Status
from stackmatrix.results.types import PythonBuild

# A slow machine is no failure.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_look_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command says nothing of this machine, whatever else runs on it; what would be said has tests of its own."""
    monkeypatch.setattr(first, "loud", lambda _: ())


WINDOW_S = (100.0, 110.0)
IDLE = Use(
    wall_s=10.0, cpu_s=1.0, threads_peak=1, fds_peak=1, context_switches=1, busiest_share=0.2, fds_share_peak=0.01,
    pss_bytes=50_000_000, threads_started=0, cpu_readings=((100.0, 5.0), (110.0, 6.0)),
)  # fmt: skip
QUIET = Surroundings(
    steal_share=0.0, generator_core_share=0.2, foreign_share=0.01, foreign_name="init (process 1)", api_drops=0,
    target_drops=0, ports_share=0.01, unexplained=Unexplained((1,), 0.01), retransmitted=0, throttled=0, oom_kills=0,
    forks_refused=0,
)  # fmt: skip
EVEN = Pace(before_s=0.0100, after_s=0.0101, of_run_s=(0.0100, 0.0101, 0.0102))


def pack(
    intended_s: float,
    done_s: float,
    *,
    sent_s: float | None = None,
    level: int = 0,
    phase: int = rows.WINDOW,
    outcome: int = rows.OK,
    status: int = 200,
    opened: int = 0,
    attempts: int = 1,
    target: int = 0,
    page: int = 0,
) -> bytes:
    """One row as the recorder writes it, by default a request of the window that was answered correctly."""
    sent = intended_s if sent_s is None else sent_s
    return rows.ROW.pack(intended_s, sent, done_s, level, phase, outcome, status, opened, attempts, target, page)


def select(packed: Iterable[bytes]) -> LevelRows:
    """Level 0 of these rows, with the window from 100 s to 110 s."""
    return LevelRows.select(decode_rows(b"".join(packed)), 0, *WINDOW_S)


def steady(users: int = 2, each_s: float = 0.6) -> list[bytes]:
    """A closed loop without think time, from 5 s before the window until all that began in it have ended."""
    packed = []
    for user in range(users):
        begin_s = WINDOW_S[0] - 5 + user * each_s / users
        for turn in range(int((WINDOW_S[1] - begin_s) / each_s + 0.999)):
            at_s = begin_s + turn * each_s
            phase = rows.SETTLE if at_s < WINDOW_S[0] else rows.WINDOW
            packed.append(pack(at_s, at_s + each_s, phase=phase))
    return packed


def api_figures(calls: int, overshoot: dict[str, int] | None = None, **changed: Any) -> ApiFigures:
    """A reading of the external API after so many calls; ``overshoot`` counts calls by tenths of a ms.

    Three calls of a request take 1,050 ms together, which is what was in flight.
    """
    buckets = {"3": calls} if overshoot is None else overshoot
    overslept_ms = sum(int(bucket) * 0.1 * count for bucket, count in buckets.items())
    figures = ApiFigures(
        calls_started=calls,
        calls_finished=sum(buckets.values()),
        calls_refused=0,
        in_flight=0,
        max_in_flight=3,
        at_s=90.0 + calls / 10,
        in_flight_s=calls * 0.35 + overslept_ms / 1000,
        overshoot_sum_ms=overslept_ms,
        overshoot_max_ms=max((int(bucket) * 0.1 for bucket in buckets), default=0.0),
        overshoot_bucket_ms=0.1,
        overshoot_histogram=buckets,
        view_requests_by_calls={},
        view_requests_by_overlap={},
    )
    return replace(figures, **changed)


def build_facts(packed: list[bytes] | None = None, **changed: Any) -> LevelFacts:
    """Two users on a server with 100 slots, as it should be, where the system tells all; ``changed`` replaces facts."""
    packed = steady() if packed is None else packed
    slots = changed.pop("slots", 100)
    facts = LevelFacts(
        plan=LoadLevel("closed", 2),
        workload=Workload("waits", "", one_page("/"), (300, 600, 150)),
        stack=Stack("stack", "", "server", (), "WSGI", "threads", slots, ("server",)),
        rows=select(packed),
        uses={"target": IDLE, "generator": IDLE, "external_api": IDLE},
        api_before=api_figures(30),
        api_after=api_figures(30 + 3 * len(packed)),
        target_pids_verified=(10, 11),
        target_pids_now=(10, 11),
        around=QUIET,
        pace=EVEN,
        recorded=RecorderTally(recorded=len(packed), counted=len(packed), exceptions=0),
    )
    return replace(facts, **changed)


@pytest.fixture
def make_row() -> Callable[..., bytes]:
    return pack


@pytest.fixture
def make_level() -> Callable[[Iterable[bytes]], LevelRows]:
    return select


@pytest.fixture
def make_steady() -> Callable[..., list[bytes]]:
    return steady


@pytest.fixture
def make_api_figures() -> Callable[..., ApiFigures]:
    return api_figures


@pytest.fixture
def make_facts() -> Callable[..., LevelFacts]:
    return build_facts


@pytest.fixture
def make_subject() -> Callable[[Cell], Subject]:
    """A cell as it would be resolved if its environment were installed, at a place that is not there."""

    def make(cell: Cell) -> Subject:
        environment = Installation(Path("/nowhere"), "0")
        return Subject(cell, STACKS[cell.stack], WORKLOADS[cell.workload], BUILT_IN, environment)

    return make


def build(version: str = "3.13.0", **changed: Any) -> PythonBuild:
    """An interpreter that told all of itself."""
    one = PythonBuild(
        version=version, implementation="CPython", compiler="GCC", origin="pyenv", pgo=True, lto=True, shared=False,
        gil=True, jit=None,
    )  # fmt: skip
    return msgspec.structs.replace(one, **changed)


MACHINE = Machine(
    cpu_model="A processor", cores=2, memory_bytes=2**34, kernel="Linux 6", os="An OS", governor=None,
    virtualised=True, pinning={"target": (1,), "generator": (0,)},
)  # fmt: skip


@pytest.fixture
def environment() -> Environment:
    """What serves such a subject."""
    return Environment(
        python=build("3.12.1"), packages={"django": "6"}, lock_sha256="0", command=("serve",), variables=("LANG",)
    )


@pytest.fixture
def conditions(environment: Environment) -> Conditions:
    """What such a subject is measured under."""
    return Conditions(machine=MACHINE, environment=environment, tool_lock_sha256="ab" * 32, cost_rate=3.5)


RUN = Run(
    id="0123456789abcdef", started="2026-11-22T10:00:00+00:00", seed=7, profile="answer", kinds=("cost", "ladder"),
    git_commit="cd" * 20, tool_versions={"python": "3.13.0", "locust": "2.47.0"}, minutes=30.0, most_blocks=16,
)  # fmt: skip


@pytest.fixture
def make_cost() -> Callable[..., CostBlock]:
    """A cost block of a cell; one without a cost was invalid."""

    def make(cost_ms: float | None = 6.5, *, run: str = RUN.id, round_: int = 0, **changed: Any) -> CostBlock:
        late = Finding(code="generator-lag", severity="invalid", sentence="The generator was late.")
        block = CostBlock(
            run=run, round=round_, started=RUN.started, duration_s=90.5,
            validity="invalid" if cost_ms is None else "valid", findings=(late,) if cost_ms is None else (), place=0,
            together=3, rate=3.5, busy_share=0.5, window_s=57.0, requests=200, failures={},
            cpu_ms_per_request=cost_ms, idle_share=0.0,
        )  # fmt: skip
        return msgspec.structs.replace(block, **changed)

    return make


@pytest.fixture
def calibration(result: Result) -> Calibration:
    assert result.conditions is not None
    return Calibration(
        format_version=FORMAT_VERSION, id="calibrated", started="2026-11-22T09:00:00+00:00",
        machine=result.conditions.machine,
        tool_versions=RUN.tool_versions, tool_lock_sha256=None, duration_s=60.0, generator_ceiling_rps=2_000.0,
        rate_steps=(
            RateStep(
                rate=100.0, requests=1_000, failures=0, lag_ms_p50=0.1, lag_ms_p99=0.5, lag_ms_max=1.5,
                response_ms=LatencyMs(mean=601, p50=601, p90=601, p95=601, p99=602, max=605), core_share=0.1,
            ),
        ),
        external_api=ApiCapacity(calls=1_000, ceiling_rps=20_000.0, overshoot_ms_mean=0.1, overshoot_ms_p99=0.3),
        jitter=Jitter(sleeps=1_000, p50_ms=0.06, p99_ms=0.1, max_ms=0.5), steal_share=None,
        loop=Loop(readings_ms=(10.0, 10.1), median_ms=10.05, spread=0.005),
        twins=Twins(cpu_us_per_call=(100.0, 101.0), sd=0.01), grade="fair", limits=("One.",), advice=("Two.",),
    )  # fmt: skip


@pytest.fixture
def result(make_cost: Callable[..., CostBlock], conditions: Conditions) -> Result:
    """A real result: a cost block, and a ladder with a level that was assessed from times as a server makes them."""
    generator = random.Random(1)
    packed = [pack(105, 105 + generator.lognormvariate(0, 0.05) * 0.65) for _ in range(2000)]
    level = assess(build_facts(packed, plan=LoadLevel("open", 200.0)), 0.0)
    failed = not_driven(LoadLevel("closed", 50), 10.0, "invalid", Finding(code="x", severity="invalid", sentence="y"))
    ladder = Ladder(
        run=RUN.id, round=0, started=RUN.started, duration_s=20.123456789, validity="valid", failure="it ended",
        order=0, seed=7, warmup_s=3.0, settle_s=2.0, window_s=10.0, load_s=15.1, levels=(level, failed),
    )  # fmt: skip
    return Result(
        format_version=FORMAT_VERSION,
        cell=Cell(stack="uvicorn", python="3.13", workload="fanout"),
        status=Status(state="ok"),
        conditions=conditions,
        runs=(RUN,),
        cost=(make_cost(),),
        ladders=(ladder,),
    )
