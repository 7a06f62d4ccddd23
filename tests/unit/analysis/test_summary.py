"""Numbers of tables are medians over the blocks in which they are valid."""

from collections.abc import Sequence

import msgspec
import pytest

from stackmatrix.analysis.summary import CellSummary, summarize
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result


@pytest.fixture
def level(result: Result) -> Level:
    """A valid closed level of 10 users."""
    return msgspec.structs.replace(result.trials[0].levels[0], model="closed", users=10, rate=None, validity="valid")


def summarised(result: Result, *blocks: Sequence[Level]) -> CellSummary:
    trials = tuple(
        msgspec.structs.replace(result.trials[0], block=place, levels=tuple(one)) for place, one in enumerate(blocks)
    )
    return summarize("m", [msgspec.structs.replace(result, trials=trials)]).workloads[0].rows[0]


def answering(level: Level, rps: float, **changed: object) -> Level:
    return msgspec.structs.replace(level, throughput_rps=rps, **changed)


def test_a_number_is_the_median_over_blocks(result: Result, level: Level) -> None:
    assert summarised(result, *([answering(level, rps)] for rps in (10.0, 16.0, 15.0))).plateau_rps == 15.0


def test_an_invalid_block_is_left_out_of_the_median(result: Result, level: Level) -> None:
    blocks = [answering(level, 16.0)], [answering(level, 1.0, validity="invalid")]
    assert summarised(result, *blocks).plateau_rps == 16.0


def test_levels_stand_by_what_they_offer_closed_ones_first(result: Result, level: Level) -> None:
    opened = [msgspec.structs.replace(level, model="open", users=None, rate=rate) for rate in (40, 5)]
    closed = [msgspec.structs.replace(level, users=users) for users in (100, 25)]
    later = msgspec.structs.replace(level, model="open", users=None, rate=12.5)
    trials = (msgspec.structs.replace(result.trials[0], levels=(*opened, *closed, later)),)
    workload = summarize("m", [msgspec.structs.replace(result, trials=trials)]).workloads[0]
    assert workload.level_names == ("users=25", "users=100", "rate=5", "rate=12.5", "rate=40")
