"""Repeats of a count become a mean with an interval, and parts that add up."""

import pytest

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.analysis.instructions import HEAVIEST, summarise
from stackmatrix.results.instructions import InstructionShare

EVAL, DIGEST, COPY = Function("python", "eval"), Function("libcrypto", "digest"), Function("python", "copy")


def test_the_parts_are_means_per_request_and_the_objects_add_up_to_the_whole() -> None:
    repeats = [Costs({EVAL: 100, DIGEST: 60, COPY: 40}), Costs({EVAL: 120, DIGEST: 60, COPY: 20})]
    count = summarise(20, 10, repeats)
    assert (count.in_flight, count.requests) == (20, 10)
    assert count.repeats == (20, 20)
    assert (count.mean, count.low, count.high) == (20, 20, 20)
    assert count.objects == (
        InstructionShare(object="python", instructions=14),
        InstructionShare(object="libcrypto", instructions=6),
    )
    assert count.functions == (
        InstructionShare(object="python", function="eval", instructions=11),
        InstructionShare(object="libcrypto", function="digest", instructions=6),
        InstructionShare(object="python", function="copy", instructions=3),
    )


def test_the_interval_is_students_for_the_mean_of_the_repeats() -> None:
    count = summarise(1, 1, [Costs({EVAL: 100}), Costs({EVAL: 102})])
    assert count.mean == 101
    assert (count.low, count.high) == pytest.approx((101 - 12.706, 101 + 12.706), abs=0.001)


def test_one_repeat_has_no_interval() -> None:
    count = summarise(1, 4, [Costs({EVAL: 100})])
    assert (count.mean, count.low, count.high) == (25, None, None)


def test_only_the_heaviest_functions_are_kept() -> None:
    costs = Costs({Function("python", f"f{number}"): number for number in range(1, 100)})
    functions = summarise(1, 1, [costs]).functions
    assert [function.instructions for function in functions] == list(range(99, 99 - HEAVIEST, -1))


def test_a_counter_that_knows_no_parts_gives_none() -> None:
    count = summarise(1, 2, [Costs({Function("", ""): 10})])
    assert (count.mean, count.objects, count.functions) == (5, (), ())
