"""Pages begin with the machine whose results tell most: what can be claimed comes before what was only seen."""

from collections.abc import Callable

import msgspec

from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.results.cost import Cost
from stackmatrix.results.model import Result


def machine(name: str, result: Result, blocks: int, *stacks: str, cost: Cost | None = None) -> MachineSummary:
    trials = tuple(msgspec.structs.replace(result.trials[0], block=block) for block in range(blocks))
    cells = [msgspec.structs.replace(result.cell, stack=stack) for stack in stacks]
    return summarize(name, [msgspec.structs.replace(result, cell=one, trials=trials, cost=cost) for one in cells])


def test_blocks_come_before_many_cells_of_one_trial_and_equals_are_in_the_order_of_their_names(
    result: Result, make_cost: Callable[..., Cost]
) -> None:
    many = machine("a-many", result, 1, "uvicorn", "uwsgi_gevent", "gunicorn_gevent")
    same = machine("a-same", result, 1, "uvicorn", "uwsgi_gevent", "gunicorn_gevent")
    repeated = machine("b-repeated", result, BLOCKS_TO_CLAIM, "uvicorn")
    both = machine("c-both", result, BLOCKS_TO_CLAIM, "uvicorn", cost=make_cost("one", *[5.0] * BLOCKS_TO_CLAIM))
    nearly = machine("d-nearly", result, 1, "uvicorn", cost=make_cost("one", *[5.0] * (BLOCKS_TO_CLAIM - 1)))
    ordered = strongest_first([nearly, same, many, repeated, both])
    assert [one.machine.name for one in ordered] == ["c-both", "b-repeated", "a-many", "a-same", "d-nearly"]
    told = {one.machine.name: one for one in ordered}
    assert (told["c-both"].in_blocks, told["c-both"].in_fewer, told["c-both"].side_by_side) == (1, 0, 1)
    assert (told["a-many"].in_blocks, told["a-many"].in_fewer, told["a-many"].side_by_side) == (0, 3, 0)
    # A block that does not count makes no claim.
    assert told["d-nearly"].side_by_side == 0
