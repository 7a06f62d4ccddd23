"""How good a machine is: each thing that limits it is named with what to do, and the worst decides the grade."""

import inspect
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stackmatrix.analysis import machine_grade
from stackmatrix.analysis.machine_grade import Measures
from stackmatrix.results.calibration import ApiCapacity, Jitter, Loop, RateStep, Twins
from stackmatrix.results.conditions import Machine
from stackmatrix.results.levels import LatencyMs

TIMES = LatencyMs(mean=601, p50=601, p90=602, p95=602, p99=603, max=605)
STEP = RateStep(
    rate=1000, requests=15_000, failures=0, lag_ms_p50=0.1, lag_ms_p99=1.4, lag_ms_max=5, response_ms=TIMES,
    core_share=0.4,
)  # fmt: skip
MACHINE = Machine(
    cpu_model="A processor", cores=4, memory_bytes=2**34, kernel="Linux 6", os="An OS", governor="performance",
    virtualised=False, pinning={"target": (3,), "generator": (2,), "external_api": (1,), "harness": (0,)},
)  # fmt: skip
GOOD = Measures(
    machine=MACHINE,
    rate_steps=(msgspec.structs.replace(STEP, rate=100), STEP),
    external_api=ApiCapacity(calls=4500, ceiling_rps=33_000, overshoot_ms_mean=0.6, overshoot_ms_p99=2.0),
    jitter=Jitter(sleeps=2000, p50_ms=0.1, p99_ms=0.2, max_ms=1.0),
    steal_share=0.001,
    loop=Loop(readings_ms=(2.0, 2.1), median_ms=2.05, spread=0.03),
    twins=Twins(cpu_us_per_call=(50.0, 51.0), sd=0.02),
)


def changed(part: str, **fields: Any) -> Measures:
    return replace(GOOD, **{part: msgspec.structs.replace(getattr(GOOD, part), **fields)})


def with_lag(lag_ms: float, failures: int = 0) -> Measures:
    step = msgspec.structs.replace(STEP, lag_ms_p99=lag_ms, failures=failures)
    return replace(GOOD, rate_steps=(GOOD.rate_steps[0], step))


SHARED = {"target": (1,), "generator": (0,), "external_api": (0,), "harness": (0,)}

CASES = [
    (changed("machine", pinning=None), "poor", "Nothing can be pinned"),
    (changed("machine", pinning=SHARED), "fair", "share a core"),
    (changed("machine", core_kinds=((3, 2), (0, 1))), "fair", "not on the fastest are: external api."),
    (with_lag(5.1), "fair", "At 1000 arrivals/s the generator is 5.1 ms late"),
    (with_lag(10.1), "poor", "10.1 ms late"),
    (with_lag(1.0, failures=1), "fair", "1000 arrivals/s"),
    (changed("external_api", ceiling_rps=14_999), "poor", "14,999 requests/s"),
    (changed("external_api", overshoot_ms_p99=15.1), "poor", "15.1 ms"),
    (changed("jitter", p99_ms=2.1), "fair", "2.1 ms longer"),
    (replace(GOOD, steal_share=0.021), "poor", "2.1%"),
    (changed("machine", governor="powersave"), "fair", "'powersave'"),
    (changed("loop", spread=0.09), "fair", "9%"),
    (changed("loop", spread=0.68), "poor", "68%"),
    (changed("twins", sd=0.06), "fair", "6.0%"),
]


@pytest.mark.parametrize(("measures", "grade", "words"), CASES, ids=[words for *_, words in CASES])
def test_what_limits_a_machine_is_named_with_what_to_do_and_decides_its_grade(
    measures: Measures, grade: str, words: str
) -> None:
    found, (limit,) = machine_grade.judge(measures)
    assert found == grade
    assert words in limit.sentence
    assert limit.advice.endswith(".")


def test_every_limit_has_a_case() -> None:
    kinds = {re.sub(r"[\d.,%]+", "", machine_grade.judge(measures)[1][0].sentence) for measures, *_ in CASES}
    assert len(kinds) == inspect.getsource(machine_grade).count("yield Limit(") == 11


def test_a_machine_that_nothing_limits_is_good() -> None:
    assert machine_grade.judge(GOOD) == ("good", ())


def test_what_a_system_does_not_tell_is_not_held_against_it() -> None:
    quiet = replace(changed("machine", governor=None), steal_share=None)
    assert machine_grade.judge(quiet) == ("good", ())


def test_the_worst_limit_decides() -> None:
    both = replace(changed("jitter", p99_ms=3), steal_share=0.5)
    grade, limits = machine_grade.judge(both)
    assert (grade, len(limits)) == ("poor", 2)
