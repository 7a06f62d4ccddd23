"""What must hold of every row of the table of stacks."""

from dataclasses import fields

import pytest

from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.matrix.stacks.excluded import EXCLUDED
from stackmatrix.report import stacks
from stackmatrix.report.environment import typed
from stackmatrix.system.processes import PROJECT

UNTOLD = {"caddysnake"}
"""Servers whose listen queue is what the system allows: they cannot be told."""
EVERY = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)


@EVERY
def test_every_stack_has_the_same_listen_queue_wherever_its_server_can_be_told(stack: Stack) -> None:
    queues = [part for part in stack.command if "{backlog}" in part]
    assert bool(queues) == (stack.server not in UNTOLD)
    assert not [part for part in stack.command if "2048" in part]


@EVERY
def test_every_stack_says_who_recommends_its_flags(stack: Stack) -> None:
    assert stack.flags_from.endswith(".")
    assert any(source in stack.flags_from for source in ("documentation", "demo", "command line's help"))


@EVERY
def test_every_stack_listens_on_this_machine_only(stack: Stack) -> None:
    command = " ".join(stack.command)
    assert "127.0.0.1" in command or "launchers." in command
    assert ":{port}" not in command.replace("127.0.0.1:{port}", "")


@EVERY
def test_every_stack_says_by_what_it_is_told_from_others_and_nothing_twice(stack: Stack) -> None:
    assert stack.traits
    assert len(set(stack.traits)) == len(stack.traits)


@EVERY
def test_a_stack_shares_the_environment_of_one_with_the_same_packages_that_shares_none(stack: Stack) -> None:
    owner = STACKS[stack.environment]
    assert owner.shares_with is None
    assert owner.requirements == stack.requirements


@EVERY
def test_several_processes_are_named_and_tagged(stack: Stack) -> None:
    assert ("processes" in stack.tags) == (stack.workers > 1)
    assert (stack.workers > 1) == bool(
        {f"{stack.workers}_processes", f"{stack.workers}_workers"} & {*_ends(stack.name)}
    )


def _ends(name: str) -> list[str]:
    parts = name.split("_")
    return ["_".join(parts[place:]) for place in range(len(parts))]


@EVERY
def test_the_way_of_waiting_fits_the_interface_and_the_patching(stack: Stack) -> None:
    assert stack.monkey_patched == (stack.waits_with == "greenlets")
    assert (stack.waits_with == "event loop") == (stack.interface == "ASGI" and stack.view != "sync")
    assert stack.slots is None or stack.interface == "WSGI"


@EVERY
def test_a_stack_that_varies_another_stands_after_it_so_that_they_are_compared(stack: Stack) -> None:
    if stack.varies is not None:
        places = list(STACKS)
        assert places.index(stack.varies.stack) < places.index(stack.name)
        assert stack.varies.by


def test_the_demos_stacks_come_first_at_the_demos_ports() -> None:
    seed = [stack for stack in STACKS.values() if stack.is_seed]
    assert list(STACKS)[: len(seed)] == [stack.name for stack in seed]
    assert [stack.port for stack in seed] == [8000, 8001, 8002, 8003, 8004, 8005]
    assert STACKS[REFERENCE_STACK].is_seed


def test_each_stack_has_a_port_of_its_own_by_its_place() -> None:
    assert [stack.port for stack in STACKS.values()] == [8000 + place for place in range(len(STACKS))]


def test_what_is_not_in_the_table_has_a_reason_each() -> None:
    assert len({one.name for one in EXCLUDED}) == len(EXCLUDED)
    assert all(one.reason.endswith(".") for one in EXCLUDED)
    assert not {field.name for field in fields(EXCLUDED[0])} - {"name", "reason"}


def test_the_page_of_stacks_is_what_the_table_gives() -> None:
    is_same = (PROJECT / "docs" / "stacks.md").read_text(encoding="utf-8") == stacks.render()
    assert is_same, "docs/stacks.md is not what the table gives: nox -s lock makes it anew"


def test_a_command_is_shown_on_one_line_in_which_an_argument_with_a_space_is_one() -> None:
    assert typed(("uwsgi", "--hook", "unix_signal:15 end", "{port}")) == 'uwsgi --hook "unix_signal:15 end" {port}'
    assert '--hook-master-start "unix_signal:15 gracefully_kill_them_all" ' in stacks.render()


def test_the_page_of_stacks_has_every_stack_and_every_candidate_that_is_none() -> None:
    page = stacks.render()
    assert all(f"| {name} |" in page for name in STACKS)
    assert all(one.name in page for one in EXCLUDED)
