"""Of two states of results a word is said only of what can be compared, and a change that is there is found."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from stackmatrix.analysis.comparison.recorded import IS_REFERENCE, Change, Samples, decide
from stackmatrix.analysis.comparison.states import Recorded, compare_states
from stackmatrix.analysis.metrics import COST, INSTRUCTIONS, P95
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.results.model import Result
from tests import states

DRAWS = 2400
CHANGED = "uvicorn"


def costs(recorded: Recorded) -> dict[str, Change]:
    return {one.samples.cell.stack: one for one in recorded.changes if one.samples.metric is COST}


def reasons(recorded: Recorded, stack: str) -> dict[str, str]:
    return {one.metric.name: one.reason for one in recorded.unsaid if one.cell.stack == stack}


def test_a_change_of_one_stack_is_found_with_its_size_whatever_the_machine_was_like() -> None:
    found = costs(compare_states(states.before(), states.after(speed=1.4, costs={CHANGED: 1.12})))
    effect = found[CHANGED].effect
    assert effect.low is not None
    assert effect.high is not None
    assert effect.low < 1.12 < effect.high
    assert found[CHANGED].word == "worse"
    assert {stack: one.word for stack, one in found.items() if stack != CHANGED}.keys() == {
        stack for stack in states.STACKS if stack not in {CHANGED, REFERENCE_STACK}
    }
    assert not [stack for stack, one in found.items() if stack != CHANGED and one.word in {"better", "worse"}]


def test_a_stack_that_became_cheaper_is_better() -> None:
    assert costs(compare_states(states.before(), states.after(costs={CHANGED: 0.85})))[CHANGED].word == "better"


def test_no_word_is_said_of_the_reference_stack_itself() -> None:
    recorded = compare_states(states.before(), states.after(costs={REFERENCE_STACK: 1.0}))
    assert REFERENCE_STACK not in costs(recorded)
    assert reasons(recorded, REFERENCE_STACK)["cpu"] == IS_REFERENCE
    (one,) = (one for one in recorded.unsaid if one.cell.stack == REFERENCE_STACK)
    assert one.base is not None
    assert one.head is not None
    assert one.head.mid > 1.2 * one.base.mid, "what it was stands there without a word"


def family_of(generator: random.Random, blocks: Sequence[int], rests: Sequence[float], stacks: int) -> list[Samples]:
    """Stacks whose ratios to the reference did not change; the reference's own rest is in all of them."""
    sides = list(zip(blocks, rests, strict=True))
    reference = [[generator.gauss(0, rest) for _ in range(count)] for count, rest in sides]
    family = []
    for place in range(stacks):
        cell = Cell(stack=f"stack {place}", python="3.13", workload="fanout")
        base, head = ([generator.gauss(0, rest) - one for one in reference[at]] for at, (_, rest) in enumerate(sides))
        family.append(Samples(cell, COST, None, base, head))
    return family


@pytest.mark.parametrize("stacks", [1, 6])
@pytest.mark.parametrize("blocks", [(3, 3), (5, 5), (3, 12), (16, 4)])
@pytest.mark.parametrize("rests", [(0.016, 0.016), (0.01, 0.04)])
def test_a_change_that_is_not_there_is_called_in_one_family_of_twenty_at_most(
    blocks: tuple[int, int], rests: tuple[float, float], stacks: int
) -> None:
    generator, wrong, draws = random.Random(11), 0, DRAWS // stacks
    for _ in range(draws):
        changes, _ = decide(family_of(generator, blocks, rests, stacks))
        wrong += any(one.word in {"better", "worse"} for one in changes)
    # Two standard errors beside a share of 5 %: the draws are few.
    assert wrong / draws <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / draws)


def test_states_that_nothing_tells_apart_are_called_alike_in_nearly_all_draws_of_whole_results() -> None:
    wrong = 0
    for seed in range(60):
        base, head = (states.make(run, 1000 * place + seed) for place, run in enumerate(("before", "after")))
        wrong += any(one.word in {"better", "worse"} for one in costs(compare_states(base, head)).values())
    assert wrong <= 6


def test_a_change_of_eight_per_cent_is_found_by_five_blocks_in_most_draws() -> None:
    generator, found = random.Random(12), 0
    for _ in range(100):
        family = family_of(generator, (5, 5), (0.016, 0.016), 6)
        shifted = [replace(one, head=[each + math.log(1.08) for each in one.head]) for one in family]
        found += sum(one.word == "worse" for one in decide(shifted)[0])
    assert found / 600 > 0.9


def test_where_the_reference_changed_no_ratio_to_it_is_compared() -> None:
    head = states.with_packages(states.after(costs={CHANGED: 1.3}), REFERENCE_STACK, gunicorn="9.9.9")
    recorded = compare_states(states.before(), head)
    assert not costs(recorded)
    assert (
        "has changed itself, so that no ratio to it can be compared: the packages (gunicorn 1.2.3 → 9.9.9)."
        in reasons(recorded, CHANGED)["cpu"]
    )


def test_unlike_machines_are_refused_whatever_is_compared() -> None:
    head = states.with_kernel(states.after(costs={CHANGED: 1.3}, counts=True), "Linux 7.0")
    recorded = compare_states(states.before(counts=True), head)
    assert recorded.changes == ()
    assert recorded.unlike == ("the kernel (Linux 6.1 → Linux 7.0)",)
    assert {one.reason for one in recorded.unsaid} == {
        "The two sides were not measured alike: the kernel (Linux 6.1 → Linux 7.0)."
    }


def test_across_machines_every_word_is_of_a_ratio_to_the_reference() -> None:
    head = states.with_kernel(states.after(costs={CHANGED: 1.15}, counts=True), "Linux 7.0")
    recorded = compare_states(states.before(counts=True), head, across=True)
    assert costs(recorded)[CHANGED].word == "worse"
    assert {one.samples.metric for one in recorded.changes} >= {COST, INSTRUCTIONS}
    assert {one.samples.reference and one.samples.reference.stack for one in recorded.changes} == {REFERENCE_STACK}


def test_another_way_of_measuring_is_refused_across_machines_too() -> None:
    head = [
        msgspec.structs.replace(one, conditions=msgspec.structs.replace(one.conditions, protocol=99))
        for one in states.after()
        if one.conditions is not None
    ]
    recorded = compare_states(states.before(), head, across=True)
    assert recorded.changes == ()
    assert "another way" in reasons(recorded, CHANGED)["cpu"]


def counted(results: Sequence[Result], stack: str, times: float = 1.0, counter: str | None = None) -> list[Result]:
    """Results whose counts of one stack are so many times as many, or by another program."""
    return [
        msgspec.structs.replace(
            one,
            counts=tuple(
                msgspec.structs.replace(
                    block,
                    counter=counter or block.counter,
                    counts=tuple(
                        msgspec.structs.replace(each, instructions=times * each.instructions) for each in block.counts
                    ),
                )
                for block in one.counts
            ),
        )
        if one.cell.stack == stack
        else one
        for one in results
    ]


def test_instructions_are_compared_as_they_are_even_of_the_reference() -> None:
    head = states.with_packages(states.after(counts=True), REFERENCE_STACK, gunicorn="9.9.9")
    recorded = compare_states(states.before(counts=True), counted(head, REFERENCE_STACK, 1.02))
    found = {one.samples.cell.stack: one for one in recorded.changes if one.samples.metric is INSTRUCTIONS}
    assert found[REFERENCE_STACK].word == "worse"
    assert found[REFERENCE_STACK].samples.reference is None
    assert found[REFERENCE_STACK].effect.mid == pytest.approx(1.02, abs=0.005)
    assert found[CHANGED].word == "same"


def test_counts_of_another_program_are_refused() -> None:
    head = counted(states.after(counts=True), CHANGED, counter="perf version 6.1")
    recorded = compare_states(states.before(counts=True), head)
    told = "They were counted by other programs: perf version 6.1, valgrind-3.19.0."
    assert reasons(recorded, CHANGED)["instructions"] == told
    assert not [
        one for one in recorded.changes if one.samples.metric is INSTRUCTIONS and one.samples.cell.stack == CHANGED
    ]


def test_counts_without_any_noise_are_decided() -> None:
    samples = Samples(Cell(stack="one", python="3.13", workload="fanout"), INSTRUCTIONS, None, [2.0] * 3, [2.1] * 3)
    (change,), why = decide([samples])
    assert why is None
    assert change.word == "worse"
    assert change.effect.low == change.effect.high == pytest.approx(math.exp(0.1))


def test_a_latency_is_compared_by_its_difference_to_the_reference() -> None:
    workloads = ("fanout_shared_client",)
    recorded = compare_states(states.before(ramps=4, workloads=workloads), states.after(ramps=4, workloads=workloads))
    found = [one for one in recorded.changes if one.samples.metric is P95]
    assert found
    assert all(one.samples.reference is not None for one in found)
    assert all(abs(one.effect.mid) < 60 for one in found)


def test_two_blocks_on_a_side_decide_nothing() -> None:
    found = costs(compare_states(states.before(), states.after(costs={CHANGED: 2.0}, blocks=2, planted=False)))
    assert {one.word for one in found.values()} == {"undecided"}
    assert {one.effect.low for one in found.values()} == {None}


def test_blocks_that_both_sides_have_are_no_two_samples() -> None:
    base = states.before(blocks=5)
    grown = states.before(blocks=8)
    recorded = compare_states(base, base)
    assert (recorded.changes, recorded.unsaid, recorded.compared) == ((), (), ())
    assert len(recorded.alike) == len(states.STACKS)
    recorded = compare_states(base, grown)
    assert (recorded.changes, recorded.compared, recorded.alike) == ((), (), ())
    assert len(recorded.grown) == len(states.STACKS)


def test_cells_come_and_go() -> None:
    recorded = compare_states(states.before(stacks=states.STACKS[:3]), states.after(stacks=states.STACKS[1:]))
    assert [cell.stack for cell in recorded.came] == [states.STACKS[3]]
    assert [cell.stack for cell in recorded.went] == [states.STACKS[0]]


def test_a_run_that_is_void_compares_nothing() -> None:
    recorded = compare_states(states.before(), states.after(costs={CHANGED: 1.3}, found=False))
    assert recorded.changes == ()
    assert "planted cost" in recorded.void["fanout"]
    assert reasons(recorded, CHANGED)["cpu"] == recorded.void["fanout"]


def test_where_the_twin_changed_against_the_reference_nothing_is_said() -> None:
    family = family_of(random.Random(13), (5, 5), (0.01, 0.01), 3)
    moved = [replace(one, head=[each + 0.3 for each in one.head]) for one in family]
    assert [one.word for one in decide(moved)[0]] == ["worse"] * 3
    twin = replace(moved[0], cell=msgspec.structs.replace(moved[0].cell, control="twin"))
    changes, why = decide([twin, *moved[1:]])
    assert why is not None
    assert "twin" in why
    assert {one.word for one in changes} == {"undecided"}
    assert decide([replace(twin, head=family[0].head), *moved[1:]])[1] is None
