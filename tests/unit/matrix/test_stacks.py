"""What must hold of every row of the table of stacks."""

import pytest

from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.stack import BACKLOG

QUEUE_OPTIONS = {"--backlog", "--listen"}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_every_stack_has_the_same_listen_queue(stack: Stack) -> None:
    (place,) = [number for number, part in enumerate(stack.command) if part in QUEUE_OPTIONS]
    assert stack.command[place + 1] in {str(BACKLOG), "{backlog}"}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_every_stack_says_who_recommends_its_flags(stack: Stack) -> None:
    assert stack.flags_from.endswith(".")
    assert "documentation" in stack.flags_from or "demo" in stack.flags_from
