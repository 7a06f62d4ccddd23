"""What is compared is declared: stacks with each other, Pythons with the one before, controls with what they repeat."""

from msgspec.structs import replace

from stackmatrix.analysis.comparison.contrasts import control_contrasts, declared, in_order
from stackmatrix.matrix.cells import Cell, make_cells
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS


def cell(stack: str, python: str = "3.13") -> Cell:
    return Cell(stack=stack, python=python, workload="fanout")


def names(*stacks: str, pythons: tuple[str, ...] = ("3.13",)) -> list[tuple[str, str]]:
    cells = make_cells(stacks, pythons, ("fanout",))
    return [(f"{one.stack} {one.python}", f"{other.stack} {other.python}") for one, other in declared(cells)]


def test_every_two_stacks_on_a_python_are_compared_once() -> None:
    stacks = tuple(STACKS)
    pairs = [frozenset(pair) for pair in names(*stacks)]
    assert len(pairs) == len(set(pairs)) == len(stacks) * (len(stacks) - 1) / 2


def test_the_reference_stack_is_always_the_other_and_else_the_earlier_in_the_table_is() -> None:
    assert REFERENCE_STACK == "gunicorn_100_threads"
    found = names("uvicorn", "gunicorn_100_threads", "uwsgi_gevent")
    assert ("uvicorn 3.13", "gunicorn_100_threads 3.13") in found
    assert ("uwsgi_gevent 3.13", "gunicorn_100_threads 3.13") in found
    assert ("uvicorn 3.13", "uwsgi_gevent 3.13") in found
    assert len(found) == 3


def test_stacks_of_different_pythons_are_not_compared() -> None:
    pairs = names("uvicorn", "uwsgi_gevent", pythons=("3.12", "3.13"))
    assert len(pairs) == 4
    assert ("uvicorn 3.13", "uwsgi_gevent 3.12") not in pairs


def test_each_python_is_compared_with_the_one_before_that_is_there() -> None:
    pairs = names("uvicorn", pythons=("3.15", "3.12", "3.14"))
    assert pairs == [("uvicorn 3.14", "uvicorn 3.12"), ("uvicorn 3.15", "uvicorn 3.14")]


def test_a_free_threaded_build_is_compared_with_the_plain_one_and_nothing_with_it() -> None:
    pairs = names("uvicorn", pythons=("3.13", "3.14", "3.14t", "3.15"))
    assert ("uvicorn 3.14t", "uvicorn 3.14") in pairs
    assert ("uvicorn 3.15", "uvicorn 3.14") in pairs
    assert all(other != "uvicorn 3.14t" for _, other in pairs)


def test_stacks_that_are_in_no_table_come_last_by_name() -> None:
    assert names("zebra", "uvicorn", "aardvark") == [
        ("aardvark 3.13", "uvicorn 3.13"),
        ("zebra 3.13", "uvicorn 3.13"),
        ("zebra 3.13", "aardvark 3.13"),
    ]


def test_controls_are_compared_with_the_cell_that_they_repeat_and_with_nothing_else() -> None:
    one, other = cell("uvicorn"), cell("uwsgi_gevent")
    twin, planted = replace(one, control="twin"), replace(one, control="planted")
    cells = [planted, one, other, twin]
    assert control_contrasts(cells) == [(twin, one), (planted, one)]
    assert declared(cells) == [(one, other)]
    assert control_contrasts([twin, other]) == []


def test_controls_stand_behind_their_cell_in_order() -> None:
    one = cell("uvicorn")
    twin, planted = replace(one, control="twin"), replace(one, control="planted")
    assert in_order([planted, twin, one, cell("uvicorn", "3.9")]) == [cell("uvicorn", "3.9"), one, twin, planted]
