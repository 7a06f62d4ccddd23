"""The command by which a check serves an app: as every row of the table of stacks has it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stackmatrix.application import check
from stackmatrix.matrix.stacks import STACKS, Stack

FOUND: Any = SimpleNamespace(wsgi="shop.wsgi:application", asgi="shop.asgi:application")


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_every_stacks_command_serves_the_apps_own_callable(stack: Stack) -> None:
    command = check.command_of(FOUND, stack, Path("/env"), 12_000, Path("/private"))
    text = " ".join(command)
    assert "{" not in text
    assert "12000" in text
    served = FOUND.wsgi if stack.interface == "WSGI" else FOUND.asgi
    assert any(served in part for part in command)
