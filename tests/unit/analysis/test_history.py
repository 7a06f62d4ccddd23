"""A history shows what was measured, however it was committed, and calls a change only of like with like."""

import random

import msgspec

from stackmatrix.analysis.history import Course, history_of
from stackmatrix.analysis.metrics import COST, INSTRUCTIONS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from tests import states

CHANGED = "uvicorn"


def course(courses: tuple[Course, ...], stack: str = CHANGED) -> Course:
    (found,) = (one for one in courses if one.cell.stack == stack)
    return found


def test_a_change_of_like_with_like_is_called() -> None:
    head = states.with_packages(states.after(costs={CHANGED: 1.15}), CHANGED, uvicorn="2.0")
    found = history_of(head, states.before())
    one = course(found.of("fanout", COST))
    first, last = one.points
    assert (first.change, first.reason, first.blocks, first.runs) == (None, None, 5, ("before",))
    assert last.change is not None
    assert last.change.word == "worse"
    assert last.differs == ("the packages (uvicorn 1.2.3 → 2.0)",)
    assert last.started == states.LATER
    other = course(found.of("fanout", COST), "uwsgi_2_threads").points[-1]
    assert other.change is not None
    assert other.change.word not in {"better", "worse"}


def test_a_point_after_a_changed_reference_stands_there_without_a_word() -> None:
    head = states.with_packages(states.after(costs={CHANGED: 1.15}), REFERENCE_STACK, gunicorn="9.9")
    last = course(history_of(head, states.before()).of("fanout", COST)).points[-1]
    assert last.change is None
    assert last.reason is not None
    assert "has changed itself" in last.reason
    assert last.value.low is not None


def test_a_point_of_another_kernel_stands_there_without_a_word() -> None:
    head = states.with_kernel(states.after(costs={CHANGED: 1.15}, counts=True), "Linux 7.0")
    found = history_of(head, states.before(counts=True))
    for metric in (COST, INSTRUCTIONS):
        last = course(found.of("fanout", metric)).points[-1]
        assert last.change is None
        assert last.reason is not None
        assert "not measured alike: the kernel" in last.reason


def test_instructions_have_a_history_of_their_own() -> None:
    last = course(history_of(states.after(counts=True), states.before(counts=True)).of("fanout", INSTRUCTIONS)).points[
        -1
    ]
    assert last.change is not None
    assert last.change.samples.reference is None
    assert last.change.word == "same"


def test_blocks_that_were_added_are_no_new_point() -> None:
    grown = [states.before(blocks=count) for count in (3, 4, 5)]
    assert history_of(grown[-1], [*grown[0], *grown[1]]).courses == ()
    found = history_of(states.after(), [*grown[0], *grown[2], *grown[1]])
    first, _ = course(found.of("fanout", COST)).points
    assert first.blocks == 5, "the point is what most blocks say"


def test_the_history_is_the_same_whatever_the_order_and_number_of_commits() -> None:
    now = states.after(costs={CHANGED: 1.15})
    earlier = [*states.before(), *states.before(blocks=3), *now]
    expected = history_of(now, earlier)
    for seed in range(3):
        mixed = [*earlier, *states.before(blocks=4)]
        random.Random(seed).shuffle(mixed)
        assert history_of(now, mixed).courses == expected.courses


def test_a_void_run_has_a_point_and_no_word() -> None:
    last = course(history_of(states.after(found=False), states.before()).of("fanout", COST)).points[-1]
    assert last.change is None
    assert last.reason is not None
    assert "planted cost" in last.reason


def test_cells_and_versions_without_figures_have_no_course() -> None:
    now = states.after()
    empty = [msgspec.structs.replace(one, cost=(), counts=(), runs=()) for one in states.before()]
    assert history_of(now, empty).courses == ()
    gone = states.make("before", 1, stacks=("gunicorn_gevent",))
    assert {one.cell.stack for one in history_of(states.after(stacks=states.STACKS[:2]), gone).courses} == set()
