"""What a cause costs is compared on the same stack and Python, and only of runs that were made alike."""

import math
from collections.abc import Collection
from statistics import fmean, stdev

import msgspec
import pytest

from stackmatrix.analysis.causes import CauseCost, cost_causes
from stackmatrix.analysis.comparison.verdicts import Comparison
from stackmatrix.matrix.causes import CAUSES
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result
from tests.made_up import cost_ms, make_results

ONE = (("uvicorn",), ("3.13",))


def pair(blocks: int = 5) -> list[Result]:
    return make_results(*ONE, blocks=blocks, planted=False)


def compare(results: list[Result], void: Collection[str] = ()) -> list[Comparison]:
    """The comparisons of a client for every request with a shared one."""
    found = cost_causes(results, void)
    return [one.comparison for one in found if one.cause.workload == "fanout" and one.comparison is not None]


def values(result: Result) -> list[float]:
    return [block.cpu_ms_per_request for block in result.cost if block.cpu_ms_per_request is not None]


def test_the_ratio_is_that_of_blocks_of_the_same_run_and_round() -> None:
    results = pair()
    (one,) = compare(results)
    ratios = [math.log(mine / theirs) for mine, theirs in zip(values(results[0]), values(results[1]), strict=True)]
    half = 2.7764 * stdev(ratios) / math.sqrt(5)
    assert (one.cell.workload, one.other.workload, one.blocks) == ("fanout", "fanout_shared_client", 5)
    assert one.effect.mid == pytest.approx(math.exp(fmean(ratios)))
    assert one.effect.low == pytest.approx(math.exp(fmean(ratios) - half), rel=1e-4)
    assert one.effect.high == pytest.approx(math.exp(fmean(ratios) + half), rel=1e-4)
    truth = cost_ms(one.cell) / cost_ms(one.other)
    assert one.effect.low is not None
    assert one.effect.high is not None
    assert one.effect.low < truth < one.effect.high
    assert one.word == "worse"


def test_blocks_of_different_runs_are_compared_by_their_means() -> None:
    per_request, shared = pair()
    other = tuple(msgspec.structs.replace(block, run="another") for block in shared.cost)
    (one,) = compare([per_request, msgspec.structs.replace(shared, cost=other)])
    logs = [[math.log(value) for value in values(each)] for each in (per_request, shared)]
    assert one.effect.mid == pytest.approx(math.exp(fmean(logs[0]) - fmean(logs[1])))
    assert one.effect.low is not None


@pytest.mark.parametrize(("blocks", "word"), [(2, "undecided"), (3, "worse")])
def test_nothing_is_said_before_three_blocks(blocks: int, word: str) -> None:
    (one,) = compare(pair(blocks))
    assert one.word == word
    assert (one.effect.low is None) is (word == "undecided")


def test_the_same_cost_is_called_the_same_and_a_lower_one_better() -> None:
    shared = pair()[1]

    def scaled(by: float) -> Result:
        cell = msgspec.structs.replace(shared.cell, workload="fanout")
        return msgspec.structs.replace(shared, cell=cell, cost=tuple(_scaled(block, by) for block in shared.cost))

    assert [compare([scaled(by), shared])[0].word for by in (1.01, 0.8)] == ["same", "better"]


def _scaled(block: CostBlock, by: float) -> CostBlock:
    assert block.cpu_ms_per_request is not None
    return msgspec.structs.replace(block, cpu_ms_per_request=by * block.cpu_ms_per_request)


def test_nothing_is_compared_that_is_void_or_was_not_measured_alike() -> None:
    per_request, shared = pair()
    assert compare([per_request, shared], {"fanout_shared_client": "a control failed"}) == []
    assert compare([per_request]) == []
    assert shared.conditions is not None
    machine = msgspec.structs.replace(shared.conditions.machine, kernel="another")
    elsewhere = msgspec.structs.replace(shared.conditions, machine=machine)
    assert compare([per_request, msgspec.structs.replace(shared, conditions=elsewhere)]) == []
    # Only the rates of arrivals differ by design.
    slower = msgspec.structs.replace(shared.conditions, cost_rate=1.0)
    assert len(compare([per_request, msgspec.structs.replace(shared, conditions=slower)])) == 1


def test_the_difference_is_that_of_the_same_blocks_in_ms() -> None:
    results = pair()
    (one,) = (found for found in cost_causes(results, ()) if found.cause.workload == "fanout")
    less = [mine - theirs for mine, theirs in zip(values(results[0]), values(results[1]), strict=True)]
    half = 2.7764 * stdev(less) / math.sqrt(5)
    assert one.ms.mid == pytest.approx(fmean(less))
    assert (one.ms.low, one.ms.high) == pytest.approx((fmean(less) - half, fmean(less) + half), rel=1e-4)


def renamed(result: Result, workload: str, by: float = 1.0) -> Result:
    cell = msgspec.structs.replace(result.cell, workload=workload)
    return msgspec.structs.replace(result, cell=cell, cost=tuple(_scaled(block, by) for block in result.cost))


def of(found: tuple[CauseCost, ...], title: str) -> CauseCost:
    return next(one for one in found if one.cause.title == title)


def test_what_a_workload_costs_alone_has_no_other_and_no_word() -> None:
    alone = renamed(pair()[1], "no_calls", 0.1)
    one = of(cost_causes([alone], ()), "server and Django alone")
    assert one.comparison is None
    assert one.ms.mid == pytest.approx(fmean(values(alone)))
    assert one.ms.low is not None
    assert one.ms.low < one.ms.mid
    assert of(cost_causes([renamed(pair(2)[1], "no_calls")], ()), "server and Django alone").ms.low is None
    assert cost_causes([alone], {"no_calls"}) == ()


def test_variables_that_a_workload_gives_its_targets_are_no_other_conditions() -> None:
    shared = pair()[1]
    assert shared.conditions is not None

    def given(*names: str) -> Result:
        environment = shared.conditions.environment  # type: ignore[union-attr]
        environment = msgspec.structs.replace(environment, variables=(*environment.variables, *names))
        conditions = msgspec.structs.replace(shared.conditions, environment=environment)  # type: ignore[type-var]
        return msgspec.structs.replace(renamed(shared, "no_middleware", 0.7), conditions=conditions)

    own = [name for name, _ in WORKLOADS["no_middleware"].variables]
    one = of(cost_causes([shared, given(*own)], ()), "middleware, and under ASGI the bridge to it")
    assert one.comparison is not None
    assert one.comparison.effect.mid == pytest.approx(1 / 0.7)
    assert cost_causes([shared, given(*own, "ANOTHER")], ()) == ()


def test_every_cause_is_of_workloads_that_are_there_and_can_stand_beside_each_other() -> None:
    for cause in CAUSES:
        others = [WORKLOADS[cause.beside]] if cause.beside else []
        assert WORKLOADS[cause.workload].interfaces
        for other in others:
            assert set(WORKLOADS[cause.workload].interfaces) & set(other.interfaces)
            assert cause.than
    assert len({cause.title for cause in CAUSES}) == len(CAUSES)
    assert {name for cause in CAUSES for name in (cause.workload, cause.beside)} - {None} == set(WORKLOADS)
