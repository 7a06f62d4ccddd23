"""A client per request is compared with a shared one on the same stack and Python, and only of runs made alike."""

import math
from statistics import fmean, stdev

import msgspec
import pytest

from stackmatrix.analysis.clients import compare_clients
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result
from tests.made_up import cost_ms, make_results

ONE = (("uvicorn",), ("3.13",))


def pair(blocks: int = 5) -> list[Result]:
    return make_results(*ONE, blocks=blocks, planted=False)


def values(result: Result) -> list[float]:
    return [block.cpu_ms_per_request for block in result.cost if block.cpu_ms_per_request is not None]


def test_the_ratio_is_that_of_blocks_of_the_same_run_and_round() -> None:
    results = pair()
    (one,) = compare_clients(results, ())
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
    (one,) = compare_clients([per_request, msgspec.structs.replace(shared, cost=other)], ())
    logs = [[math.log(value) for value in values(each)] for each in (per_request, shared)]
    assert one.effect.mid == pytest.approx(math.exp(fmean(logs[0]) - fmean(logs[1])))
    assert one.effect.low is not None


@pytest.mark.parametrize(("blocks", "word"), [(2, "undecided"), (3, "worse")])
def test_nothing_is_said_before_three_blocks(blocks: int, word: str) -> None:
    (one,) = compare_clients(pair(blocks), ())
    assert one.word == word
    assert (one.effect.low is None) is (word == "undecided")


def test_the_same_cost_is_called_the_same_and_a_lower_one_better() -> None:
    shared = pair()[1]

    def scaled(by: float) -> Result:
        cell = msgspec.structs.replace(shared.cell, workload="fanout")
        return msgspec.structs.replace(shared, cell=cell, cost=tuple(_scaled(block, by) for block in shared.cost))

    assert [compare_clients([scaled(by), shared], ())[0].word for by in (1.01, 0.8)] == ["same", "better"]


def _scaled(block: CostBlock, by: float) -> CostBlock:
    assert block.cpu_ms_per_request is not None
    return msgspec.structs.replace(block, cpu_ms_per_request=by * block.cpu_ms_per_request)


def test_nothing_is_compared_that_is_void_or_was_not_measured_alike() -> None:
    per_request, shared = pair()
    assert compare_clients([per_request, shared], {"fanout_shared_client": "a control failed"}) == ()
    assert compare_clients([per_request], ()) == ()
    assert shared.conditions is not None
    machine = msgspec.structs.replace(shared.conditions.machine, kernel="another")
    elsewhere = msgspec.structs.replace(shared.conditions, machine=machine)
    assert compare_clients([per_request, msgspec.structs.replace(shared, conditions=elsewhere)], ()) == ()
    # Only the rates of arrivals differ by design.
    slower = msgspec.structs.replace(shared.conditions, cost_rate=1.0)
    assert len(compare_clients([per_request, msgspec.structs.replace(shared, conditions=slower)], ())) == 1
