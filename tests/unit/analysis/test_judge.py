"""From result files to families: what was made up to differ is found, with the words, sizes and ranks that it has."""

import math
from collections.abc import Sequence
from itertools import groupby

import msgspec
import numpy as np
import pytest
from scipy import stats

from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.metrics import METRICS
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.model import Result
from tests.made_up import RATIOS, cost_ms, make_results

STACKS = ("uwsgi_2_threads", "gunicorn_100_threads", "gunicorn_gevent", "uvicorn")
WORKLOAD = "fanout_shared_client"


def results(blocks: int = 6, **changed: object) -> list[Result]:
    return make_results(STACKS, workloads=(WORKLOAD,), blocks=blocks, **changed)  # type: ignore[arg-type]


def cpu(some: Sequence[Result], *, ended: bool = True) -> Family:
    return next(one for one in judge(some, ended=ended) if one.metric.name == "cpu")


def cell(stack: str, python: str = "3.13") -> Cell:
    return Cell(stack=stack, python=python, workload=WORKLOAD)


def against_reference(family: Family, stack: str) -> Comparison:
    found = family.of(cell(stack), cell("gunicorn_100_threads"))
    assert found is not None
    return found


def test_every_workload_and_metric_with_two_cells_has_a_family_in_the_order_of_the_tables() -> None:
    families = judge(make_results(workloads=tuple(reversed(WORKLOADS)), counts=True))
    order = [metric.name for metric in METRICS]
    assert [workload for workload, _ in groupby(one.workload for one in families)] == list(WORKLOADS)
    for _, some in groupby(families, key=lambda one: one.workload):
        places = [order.index(one.metric.name) for one in some]
        assert places == sorted(places)
        assert {order.index(name) for name in ("cpu", "holds", "memory", "instructions")} <= set(places)


def test_a_metric_that_one_cell_alone_has_is_no_family() -> None:
    alone = make_results(("uvicorn",), ("3.13",), (WORKLOAD,))
    assert [one.metric.name for one in judge(alone)] == ["cpu"]  # with its controls
    assert judge(make_results(("uvicorn",), ("3.13",), (WORKLOAD,), planted=False)) == ()
    assert judge(()) == ()


def test_known_differences_are_found_with_their_size_and_word() -> None:
    family = cpu(results(16))
    for stack, word in {"gunicorn_gevent": "worse", "uvicorn": "worse", "uwsgi_2_threads": "better"}.items():
        one = against_reference(family, stack)
        assert one.word == word
        assert one.effect.low is not None
        assert one.effect.high is not None
        assert one.effect.low < RATIOS[stack] < one.effect.high
        assert one.effect.mid == pytest.approx(RATIOS[stack], rel=0.02)
        assert one.blocks == 16
        assert one.decided_after is not None


def test_where_more_is_better_the_word_follows() -> None:
    some = results(ramps=6)
    holds = next(one for one in judge(some) if one.metric.name == "holds")
    worse = against_reference(holds, "uwsgi_2_threads")  # it holds 3 arrivals per second
    assert worse.effect.mid < 0.1
    assert worse.word == "worse"


def test_latencies_are_compared_as_differences_in_ms() -> None:
    family = next(one for one in judge(results(ramps=6)) if one.metric.name == "p95")
    assert family.metric.is_difference
    pairs = [one for one in family.compared if one.effect.low is not None]
    assert pairs
    for one in pairs:
        apart = family.values[one.cell].mid - family.values[one.other].mid
        assert one.effect.mid == pytest.approx(apart, abs=1e-6)


def test_a_cells_value_is_its_mean_over_blocks_with_the_interval_of_that_cell_alone() -> None:
    some = results(6)
    value = cpu(some).values[cell("uvicorn")]
    costs = [block.cpu_ms_per_request for one in some if one.cell == cell("uvicorn") for block in one.cost]
    logs = np.log(np.array(costs, dtype=float))
    low, high = stats.t.interval(0.95, 5, logs.mean(), stats.sem(logs))
    assert (value.mid, value.low, value.high) == pytest.approx((math.exp(logs.mean()), math.exp(low), math.exp(high)))
    assert value.mid == pytest.approx(cost_ms(cell("uvicorn")), rel=0.1)


def test_before_three_blocks_there_are_estimates_and_nothing_else() -> None:
    family = cpu(results(2))
    assert family.blocks == 2
    assert family.ranks == {}
    assert family.values[cell("uvicorn")].low is None
    for one in family.compared:
        assert (one.word, one.effect.low, one.looks, one.blocks) == ("undecided", None, (), 2)
        assert one.needed == 3
    assert family.controls.state == "not yet known"
    assert family.void is None


def test_ranks_count_the_stacks_that_are_better_for_sure_on_the_same_python() -> None:
    ranks = cpu(results(16)).ranks
    for python in ("3.12", "3.13"):
        assert [ranks[cell(stack, python)] for stack in STACKS] == [1, 2, 3, 4]
    assert len(ranks) == 8
    assert all(one.control is None for one in ranks)


def test_stacks_that_nothing_tells_apart_share_a_rank() -> None:
    some = make_results(("uwsgi_100_threads", "uwsgi_2_threads", "uvicorn"), ("3.13",), (WORKLOAD,), blocks=4)
    ranks = cpu(some).ranks
    assert ranks[cell("uwsgi_100_threads")] == ranks[cell("uwsgi_2_threads")] == 1
    assert ranks[cell("uvicorn")] == 3


def test_good_controls_pass_and_are_no_comparison_of_the_family() -> None:
    family = cpu(results(6))
    assert family.controls.state == "passed"
    assert family.controls.planted is not None
    assert family.controls.planted.word == "worse"
    assert all(one.cell.control is None and one.other.control is None for one in family.compared)


def test_controls_are_cells_of_the_cost_only() -> None:
    some = results(6)
    ramps = next(one.ramps for one in some if one.cell == cell("gunicorn_100_threads"))
    holds = next(
        one
        for one in judge([msgspec.structs.replace(one, ramps=ramps) if one.cell.control else one for one in some])
        if one.metric.name == "holds"
    )
    assert all(one.control is None for one in holds.values)


def test_where_the_planted_cost_is_not_found_every_family_is_void_and_claims_nothing() -> None:
    families = judge(results(8, found=False))
    assert len(families) > 1
    for family in families:
        assert family.controls.state == "failed"
        assert family.void
        assert family.ranks == {}
        assert all(one.word == "undecided" and one.decided_after is None for one in family.compared)
        assert all(look.word == "undecided" for one in family.compared for look in one.looks)


def test_a_void_workload_leaves_the_others_alone() -> None:
    bad = results(8, found=False)
    good = make_results(STACKS, workloads=("fanout",), blocks=8)
    voids = {family.workload: family.void is not None for family in judge([*bad, *good])}
    assert voids == {"fanout": False, WORKLOAD: True}


def test_while_a_run_lasts_a_planted_cost_may_still_be_found() -> None:
    some = results(5, found=False)
    assert cpu(some, ended=False).controls.state in {"not yet known", "failed"}
    assert cpu(some, ended=True).controls.state == "failed"
    assert cpu(results(3, found=False), ended=True).controls.state == "not yet known"


def test_runs_of_a_file_are_more_blocks_in_the_order_in_which_they_started() -> None:
    early, late = results(4, seed=1, run="zz"), results(4, seed=2, run="aa")
    both = []
    for one, other in zip(early, late, strict=True):
        later = tuple(msgspec.structs.replace(run, started="2026-11-26T10:00:00+00:00") for run in other.runs)
        both.append(msgspec.structs.replace(one, runs=(*one.runs, *later), cost=(*other.cost, *one.cost)))
    family = cpu(both)
    assert family.blocks == 8
    first = against_reference(family, "uvicorn").looks[0]
    assert first == against_reference(cpu(early), "uvicorn").looks[0]


def test_a_block_that_one_cell_alone_has_is_none() -> None:
    some = results(4)
    kept = [one if one.cell == cell("uvicorn") else msgspec.structs.replace(one, cost=one.cost[:3]) for one in some]
    assert cpu(kept).blocks == 3


def test_other_conditions_refuse_a_comparison_with_the_reason_and_leave_the_others() -> None:
    some = results(6)
    conditions = some[0].conditions
    assert conditions is not None
    other = msgspec.structs.replace(conditions, machine=msgspec.structs.replace(conditions.machine, kernel="Linux 7"))
    odd = [msgspec.structs.replace(one, conditions=other) if one.cell == cell("uvicorn") else one for one in some]
    family = cpu(odd)
    assert family.of(cell("uvicorn"), cell("gunicorn_100_threads")) is None
    reasons = [reason for one, _, reason in family.refused if one == cell("uvicorn")]
    assert len(reasons) == 4
    assert all("the kernel" in reason for reason in reasons)
    assert against_reference(family, "gunicorn_gevent").word == "worse"


def test_cells_of_runs_that_never_met_are_refused_and_not_compared() -> None:
    one = make_results(("uvicorn",), ("3.13",), (WORKLOAD,), blocks=4, run="one", planted=False)
    other = make_results(("gunicorn_100_threads",), ("3.13",), (WORKLOAD,), blocks=4, run="other", planted=False)
    families = judge([*one, *other])
    assert all(family.compared == () for family in families)
    assert {reason for family in families for _, _, reason in family.refused} != set()


def test_unlike_builds_carry_their_caution() -> None:
    one = against_reference(cpu(results()), "uwsgi_2_threads")
    assert one.caution is not None
    assert "shared libpython" in one.caution
    assert against_reference(cpu(results()), "uvicorn").caution is None


def test_failed_and_unmeasured_cells_are_left_out() -> None:
    some = [msgspec.structs.replace(one, cost=(), conditions=None) if one.cell.stack == "uvicorn" else one
            for one in results()]  # fmt: skip
    family = cpu(some)
    assert all(one.stack != "uvicorn" for one in family.values)
    assert family.refused == ()


def test_a_value_of_zero_has_no_ratio_and_is_left_out() -> None:
    some = []
    for one in (one for one in results(4) if one.cost):
        first = msgspec.structs.replace(one.cost[0], cpu_ms_per_request=0.0)
        is_uvicorn = one.cell == cell("uvicorn")
        some.append(msgspec.structs.replace(one, cost=(first, *one.cost[1:])) if is_uvicorn else one)
    assert against_reference(cpu(some), "uvicorn").blocks == 3


def test_only_the_pairs_that_are_given_are_compared_and_the_controls_with_them() -> None:
    some = make_results(("gunicorn_100_threads", "uvicorn"), ("3.13 of base", "3.13 of head"), (WORKLOAD,))
    pairs = [
        (cell(stack, "3.13 of head"), cell(stack, "3.13 of base")) for stack in ("gunicorn_100_threads", "uvicorn")
    ]
    (family,) = (one for one in judge(some, pairs=pairs, threshold=0.05) if one.metric.name == "cpu")
    assert [(one.cell, one.other) for one in family.compared] == pairs
    assert family.controls.twin is not None
    assert family.threshold == 0.05
    assert not any(one.is_decided for one in family.compared if one.word in {"better", "worse"})
