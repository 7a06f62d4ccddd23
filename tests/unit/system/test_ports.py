"""Ports that something listens on are passed over; with a server of another process, tests/process/test_machine.py."""

import os
import socket
from collections.abc import Iterator

import pytest

from stackmatrix.errors import PortTakenError
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.system import ports
from stackmatrix.system.ports import LAST_PORT, find_free, is_bound
from stackmatrix.testbed.serve import ports_of

FIRST = 20_000


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens on a port that was free, with a free one after it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", find_free(FIRST, 1)[0]))
        server.listen()
        yield server


def test_free_ports_come_in_order_from_the_first_on_and_each_once() -> None:
    found = find_free(FIRST, 3)
    assert list(found) == sorted(set(found))
    assert found[0] >= FIRST
    assert not any(map(is_bound, found))


def test_a_port_that_something_listens_on_is_skipped(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    assert is_bound(taken)
    found = find_free(taken, 2)
    assert taken not in found
    assert found[0] == next(port for port in range(taken + 1, LAST_PORT) if not is_bound(port))
    listener.close()
    assert find_free(taken, 1) == (taken,)


def test_none_wanted_are_none() -> None:
    assert find_free(FIRST, 0) == ()


def test_where_there_are_too_few_free_ports_the_user_is_told_which_were_looked_at() -> None:
    told = rf"^There are no 2 free ports between {LAST_PORT - 1} and {LAST_PORT}: stop what uses them\.$"
    with pytest.raises(PortTakenError, match=told):
        find_free(LAST_PORT - 1, 2)
    with pytest.raises(PortTakenError, match="There are no 1 free ports"):
        find_free(LAST_PORT, 1)


def test_no_port_is_taken_that_the_kernel_may_give_to_a_client() -> None:
    assert max(ports.API_PORT, ports.TARGET_PORT) < LAST_PORT <= 32_768


def test_runs_that_are_there_at_once_look_for_ports_in_blocks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    claims: list[socket.socket] = []
    monkeypatch.setattr(ports, "_claims", claims)
    look = ports.apart.__wrapped__  # as two processes would, whose ids lead to the same block
    try:
        one, other = look(FIRST), look(FIRST)
        assert abs(one - other) >= ports.BLOCK
        assert not {*find_free(one, ports.BLOCK - 1)} & {*find_free(other, ports.BLOCK - 1)}
        assert is_bound(one + ports.BLOCK - 1)
        claims.pop(0).close()
        assert look(FIRST) == one, "it is free for the next one"
    finally:
        for claim in claims:
            claim.close()


def test_a_run_looks_for_ports_where_nothing_has_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [ports.API_PORT, *(port for port, _, _ in ports_of(list(STACKS.values())))]
    blocks = []
    for pid in range(2 * ports.BLOCKS):
        claims: list[socket.socket] = []
        monkeypatch.setattr(ports, "_claims", claims)
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        blocks += [ports.apart.__wrapped__(first) for first in (ports.API_PORT, ports.TARGET_PORT)]
        for claim in claims:
            claim.close()
    assert not [port for port in own for first in blocks if first <= port < first + ports.BLOCK]


@pytest.mark.parametrize(
    ("said", "allowed", "told"),
    [
        ("4096\n", 2048, None),
        ("2048\n", 2048, None),
        ("128\n", 128, "This system allows a listen queue of 128 connections, and not 2048: every target gets that "),
        (None, min(2048, socket.SOMAXCONN), None if socket.SOMAXCONN >= 2048 else "This system allows"),
    ],
    ids=["more", "just as many", "fewer", "not said"],
)
def test_every_target_gets_the_same_listen_queue_or_what_the_system_allows(
    monkeypatch: pytest.MonkeyPatch, said: str | None, allowed: int, told: str | None
) -> None:
    monkeypatch.setattr(ports, "read", {"/proc/sys/net/core/somaxconn": said}.get)
    assert ports.allowed_backlog() == allowed
    assert (ports.why_short_backlog() or "").startswith(told or "")
    assert (ports.why_short_backlog() is None) == (told is None)
