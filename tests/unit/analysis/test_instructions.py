"""What was counted becomes instructions per request, with parts that add up, and means over blocks."""

from collections.abc import Sequence

import msgspec
import pytest

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.analysis.instructions import HEAVIEST, count_of, idle_part, summarise
from stackmatrix.results.counts import CountBlock, InstructionCount, InstructionShare

EVAL, DIGEST, COPY = Function("python", "eval"), Function("libcrypto", "digest"), Function("python", "copy")
COSTS = Costs({EVAL: 100, DIGEST: 60, COPY: 40})


def share(function: Function, instructions: float) -> InstructionShare:
    return InstructionShare(object=function.object, function=function.name, instructions=instructions)


def make_block(*counts: InstructionCount, round_: int = 0, failure: str | None = None) -> CountBlock:
    return CountBlock(
        run="run", round=round_, started="2026-11-25T10:00:00+00:00", duration_s=60, validity="valid", failure=failure,
        hash_seed=1, counter="valgrind-3.0", counts=counts,
    )  # fmt: skip


def test_what_an_idle_target_executes_is_no_cost_of_a_request_and_the_parts_add_up_with_it() -> None:
    count = count_of(20, 10, COSTS, idle=50)
    assert (count.in_flight, count.requests, count.instructions, count.idle) == (20, 10, 15, 5)
    assert count.objects == (
        InstructionShare(object="python", instructions=14),
        InstructionShare(object="libcrypto", instructions=6),
    )
    assert count.functions == (share(EVAL, 10), share(DIGEST, 6), share(COPY, 4))
    assert sum(one.instructions for one in count.objects) == count.instructions + count.idle


TICK = Function("loop", "tick")


def test_the_idle_part_of_a_count_is_as_large_as_its_interval_is_long() -> None:
    assert idle_part(Costs({EVAL: 9_000, TICK: 90}), Costs({EVAL: 100, TICK: 30}), times=2.5) == 2.5 * 130


def test_a_loop_that_looked_around_less_often_than_an_idle_one_shows_it_by_what_no_request_needs() -> None:
    assert idle_part(Costs({EVAL: 9_000, TICK: 60}), Costs({EVAL: 100, TICK: 30}), times=2.5) == 2 * 130


def test_what_an_idle_target_hardly_executed_shows_nothing() -> None:
    assert idle_part(Costs({EVAL: 9_000}), Costs({EVAL: 1_000, TICK: 2}), times=2.5) == 2.5 * 1_002


def test_a_counter_that_knows_no_parts_shows_no_more_than_the_time() -> None:
    whole = Function("", "")
    assert idle_part(Costs({whole: 100}), Costs({whole: 80}), times=2.5) == 2.5 * 80
    assert idle_part(Costs({whole: 100}), Costs(), times=2.5) == 0


def test_a_target_that_executed_less_than_when_it_was_idle_has_no_cost_below_zero() -> None:
    assert count_of(1, 1, COSTS, idle=300).instructions == 0


def test_only_the_heaviest_functions_are_kept() -> None:
    costs = Costs({Function("python", f"f{number}"): number for number in range(1, 100)})
    functions = count_of(1, 1, costs, 0).functions
    assert [function.instructions for function in functions] == list(range(99, 99 - HEAVIEST, -1))


def test_a_counter_that_knows_no_parts_gives_none() -> None:
    count = count_of(1, 2, Costs({Function("", ""): 10}), 0)
    assert (count.instructions, count.objects, count.functions) == (5, (), ())


def of_many(*costs: Sequence[tuple[Function, int]]) -> list[CountBlock]:
    return [
        make_block(count_of(20, 1, Costs({EVAL: 1}), 0), count_of(1, 1, Costs(dict(one)), 10), round_=round_)
        for round_, one in enumerate(costs)
    ]


def test_a_cells_counts_are_means_over_its_blocks_by_the_number_in_flight() -> None:
    alone, many = summarise(of_many([(EVAL, 100), (DIGEST, 60)], [(EVAL, 120), (DIGEST, 50)]))
    assert (alone.in_flight, many.in_flight) == (1, 20)
    assert (alone.repeats, alone.mean, alone.idle) == ((150, 160), 155, 10)
    assert alone.functions == (share(EVAL, 110), share(DIGEST, 55))
    assert [part.instructions for part in alone.objects] == [110, 55]


def test_a_function_that_was_not_among_the_heaviest_of_every_block_is_left_out() -> None:
    (alone, _) = summarise(of_many([(EVAL, 100), (DIGEST, 60)], [(EVAL, 100), (COPY, 60)]))
    assert alone.functions == (share(EVAL, 100),)


@pytest.mark.parametrize("spoilt", [{"failure": "it fell over"}, {"validity": "invalid"}])
def test_a_block_that_does_not_count_does_not_count(spoilt: dict[str, str]) -> None:
    blocks = of_many([(EVAL, 100)], [(EVAL, 900)])
    (alone, _) = summarise([blocks[0], msgspec.structs.replace(blocks[1], **spoilt)])
    assert alone.repeats == (90,)
