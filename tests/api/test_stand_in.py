"""The stand-in for a slow service: one answer for all paths, and delays by a law and a seed."""

import statistics

import pytest

from slow_api.stand_in import StandIn

SAID = {
    "delay": {"median_ms": 80, "p99_ms": 900, "seed": 1}, "status": 200, "json": {"rate": 1}, "body": None,
    "content_type": None, "fail_share": 0.1, "hang_share": 0.05,
}  # fmt: skip


def test_delays_have_the_median_and_the_99th_percentile_that_were_said() -> None:
    api = StandIn(SAID)
    delays = sorted(api.draw()[0] * 1000 for _ in range(40_000))
    assert statistics.median(delays) == pytest.approx(80, rel=0.05)
    assert delays[int(len(delays) * 0.99)] == pytest.approx(900, rel=0.1)


def test_the_same_seed_gives_the_same_calls_and_shares_hold() -> None:
    one, other = StandIn(SAID), StandIn(SAID)
    fates = [(one.draw(), other.draw()) for _ in range(20_000)]
    assert all(first == second for first, second in fates)
    share = {fate: sum(first[1] == fate for first, _ in fates) / len(fates) for fate in ("fails", "hangs")}
    assert share == {"fails": pytest.approx(0.1, abs=0.01), "hangs": pytest.approx(0.05, abs=0.01)}


def test_a_fixed_delay_is_the_same_for_each_call() -> None:
    api = StandIn({**SAID, "delay": {"median_ms": 80, "p99_ms": None, "seed": 1}})
    assert {api.draw()[0] for _ in range(100)} == {0.08}
