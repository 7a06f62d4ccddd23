"""Sentences about many cells stay short, whatever there are of cells and reasons."""

from itertools import product

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.wording import by_reason, in_short, named, places

EVERY = [
    Cell(stack=stack, python=python, workload=workload)
    for workload, stack, python in product(("fanout", "no_calls"), "abcdefgh", ("3.13", "3.14"))
]


def test_a_cell_alone_is_named_with_its_workload() -> None:
    assert named({EVERY[0]: "it fell over."}) == ["a on 3.13, fanout: it fell over"]


def test_cells_of_one_reason_are_named_once_by_stack_and_python_and_of_many_some() -> None:
    assert places(EVERY[:1] + EVERY[16:17]) == "a on 3.13"
    assert places(EVERY) == "a on 3.13, a on 3.14, b on 3.13, b on 3.14 and 12 more"
    assert named(dict.fromkeys(EVERY[:2], "it fell over")) == ["a on 3.13 and a on 3.14: it fell over"]
    assert [*by_reason({EVERY[0]: "x.", EVERY[1]: "x", EVERY[2]: "y"})] == ["x", "y"]


def test_many_reasons_do_not_make_an_endless_sentence() -> None:
    reasons = {cell: f"reason {place}" for place, cell in enumerate(EVERY)}
    assert in_short(reasons) == (
        "a on 3.13, fanout: reason 0; a on 3.14, fanout: reason 1; b on 3.13, fanout: reason 2; and 29 more reasons"
    )
    assert in_short(dict([*reasons.items()][:4])).count(";") == 3
