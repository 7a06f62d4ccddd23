"""How a machine and its Pythons are put in words where they have what few have."""

import msgspec

from stackmatrix.report.environment import built, describe
from tests.made_up import MACHINE, make_results


def test_a_machine_is_told_with_the_computer_around_it_and_its_kinds_of_cores() -> None:
    plain = describe(MACHINE)
    assert plain == "A made-up processor, 2 cores, 8 GiB, virtual machine, Made-up Linux 1, Linux 6.1"
    more = msgspec.structs.replace(MACHINE, computer="A board", cores=3, core_kinds=((1, 2), (0,)), virtualised=None)
    assert describe(more).startswith(
        "A board, A made-up processor, 3 cores (2 of the fastest kind, 1 of a slower kind), 8 GiB, virtual or not: unkn"
    )


def test_what_slows_a_python_down_is_told_with_its_build() -> None:
    result = make_results(("uvicorn",), workloads=("fanout",), planted=False)[0]
    assert result.conditions is not None
    python = result.conditions.environment.python
    assert "slowed" not in built(python)
    slow = msgspec.structs.replace(python, slowed_by=("a debug build", "a tracer"))
    assert ", slowed by a debug build, a tracer, " in built(slow)
