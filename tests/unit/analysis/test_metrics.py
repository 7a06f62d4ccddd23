"""Each metric takes one number of each valid block, and of no other."""

import msgspec
import pytest

from stackmatrix.analysis.metrics import HOLDS, METRICS, Metric
from stackmatrix.results.blocks import Block
from stackmatrix.results.model import Result
from tests.made_up import make_results, unstopped


def a_result() -> Result:
    results = make_results(("uvicorn",), ("3.13",), ("fanout_shared_client",), planted=False, counts=True)
    return results[0]


def with_blocks(result: Result, change: dict[str, str]) -> Result:
    """The result with its blocks changed alike."""

    def each(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(msgspec.structs.replace(block, **change) for block in blocks)

    kinds = {"cost": each(result.cost), "ramps": each(result.ramps), "counts": each(result.counts)}
    return msgspec.structs.replace(result, **kinds)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_invalid_and_broken_blocks_have_no_value(metric: Metric) -> None:
    result = a_result()
    assert metric.of(with_blocks(result, {"validity": "invalid"})) == {}
    assert metric.of(with_blocks(result, {"failure": "it ended"})) == {}


def test_a_cell_that_was_not_overloaded_up_to_the_highest_rate_has_a_bound_and_no_value() -> None:
    result = a_result()
    assert len(result.ramps) == 2
    one, other = result.ramps
    for ramps in ((unstopped(one), unstopped(other)), (unstopped(one), other)):
        assert HOLDS.of(msgspec.structs.replace(result, ramps=ramps)) == {}
    invalid = msgspec.structs.replace(unstopped(one), validity="invalid")
    assert HOLDS.of(msgspec.structs.replace(result, ramps=(invalid, other))) == {other.key: other.holds}


def test_values_are_in_the_unit_of_the_metric() -> None:
    values = {metric.name: list(metric.of(a_result()).values()) for metric in METRICS}
    result = a_result()
    assert values["cpu"] == [block.cpu_ms_per_request for block in result.cost]
    assert values["holds"] == [ramp.holds for ramp in result.ramps]
    assert values["memory"] == [(ramp.reference.pss_bytes or 0) / 1e6 for ramp in result.ramps if ramp.reference]
    assert values["instructions"] == [block.counts[0].instructions / 1e6 for block in result.counts]


def test_metrics_have_names_of_their_own_and_something_that_matters() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.matters > 0 for metric in METRICS)
    assert [metric.name for metric in METRICS if metric.headline] == ["cpu"]
