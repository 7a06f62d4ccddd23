"""What the machine around a measurement did: real cores, real sockets, real processes."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import foreign, linux
from stackmatrix.system.foreign import Account, Foreign, ForeignUse, Snapshot
from stackmatrix.system.linux import CoreTimes

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]
type Wait = Callable[[Callable[[], object]], None]

on_linux = pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")

BURNT_S = 0.3
SLACK_S = 0.05
"""The kernel tells user and system time in hundredths of a second each, and a child uses some when it has told."""

# What a child of these tests may do; each says on a line of its own what it has done.
TELL = f"""
import os, subprocess, sys, time
from pathlib import Path

def burn():
    until = time.process_time() + {BURNT_S}
    while time.process_time() < until:
        pass

def tell(*words):
    print(*words, flush=True)

def used():
    times = os.times()
    return times.user + times.system

def await_file(name):
    while not Path(name).exists():
        time.sleep(0.01)
"""

BURN = f"{TELL}\nburn(); tell('burnt', used()); time.sleep(600)"
BURN_TWICE = f"{TELL}\nburn(); tell('first', used()); await_file(sys.argv[1]); burn(); tell('second', used())\n"
BURN_TWICE += "time.sleep(600)"
HAVE_IT_BURNT = f"""{TELL}
await_file(sys.argv[1])
subprocess.run([sys.executable, "-c", {TELL!r} + "burn()"])
tell("reaped")
time.sleep(600)
"""
REAP_ONE_THAT_HAD_BURNT = f"""{TELL}
BURN = {TELL!r} + "burn(); tell('burnt', os.getpid()); await_file(sys.argv[1])"
subprocess.run([sys.executable, "-c", BURN, sys.argv[1]])
tell("reaped")
time.sleep(600)
"""
# One whose own child takes a snapshot, after it has reaped another.
ANCESTOR = f"""{TELL}
subprocess.run([sys.executable, "-c", {TELL!r} + "burn()"])
LOOK = "import os; from stackmatrix.system import foreign; accounts = foreign.snapshot(()).items();"
LOOK += "print(*[account.reaps_ours for (pid, _), account in accounts if pid == os.getppid()], flush=True)"
subprocess.run([sys.executable, "-c", LOOK])
time.sleep(600)
"""
LIMITED = f"""{TELL}
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))
tell("limited")
time.sleep(600)
"""


@pytest.fixture
def said(tmp_path: Path, wait_for: Wait) -> Callable[[int], list[str]]:
    """Waits until the child has said so many lines, and gives the words of the last."""

    def wait(lines: int) -> list[str]:
        log = tmp_path / "child.log"
        wait_for(lambda: log.read_text().count("\n") >= lines)
        return log.read_text().splitlines()[lines - 1].split()

    return wait


def only(pid: int, seen: Snapshot) -> Snapshot:
    """A snapshot without what else the machine does."""
    return {key: account for key, account in seen.items() if key[0] == pid}


def account_of(pid: int, seen: Snapshot) -> Account:
    (account,) = only(pid, seen).values()
    return account


# Cores


def cores() -> Mapping[int, CoreTimes]:
    times = linux.core_times()
    assert times is not None
    return times


@on_linux
def test_the_time_that_a_child_burns_is_on_the_core_it_is_pinned_to(
    start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    core = max(os.sched_getaffinity(0))
    before = cores()
    pinned = f"import os; os.sched_setaffinity(0, [{core}])\n{BURN}"
    start_child([sys.executable, "-c", pinned])
    used_s = float(said(1)[1])
    # The kernel charges a core by looking at each tick whose it is.
    assert cores()[core].busy_s - before[core].busy_s > used_s / 2


def test_user_nice_system_and_interrupts_are_busy_and_what_was_stolen_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 4 8 16 32 64 128 1 2\ncpu2 5 0 0 0 0 0 0 0 5 0\nintr 9 9\n"
    monkeypatch.setattr(linux, "read", {"/proc/stat": stat}.get)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert cores() == {0: CoreTimes(103 * tick_s, 128 * tick_s), 2: CoreTimes(5 * tick_s, 0)}


# Sockets


def drops(port: int) -> int:
    counted = linux.listen_drops(port)
    assert counted is not None
    return counted


def overflow(address: str, port: int, wait_for: Wait) -> None:
    """Knock ten times where nobody accepts and two may wait, until eight were refused."""
    before = drops(port)
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            client = clients.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex((address, port))
        wait_for(lambda: drops(port) >= before + 8)


@on_linux
def test_a_listener_that_nobody_accepts_from_drops_what_its_queue_does_not_hold(wait_for: Wait) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        overflow("127.0.0.1", server.getsockname()[1], wait_for)


@on_linux
def test_a_listener_that_is_accepted_from_drops_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        for _ in range(10):
            with socket.create_connection(server.getsockname()):
                server.accept()[0].close()
        assert drops(server.getsockname()[1]) == 0


@on_linux
def test_listeners_that_share_a_port_are_added_up(wait_for: Wait) -> None:
    with socket.create_server(("0.0.0.0", 0), backlog=1, reuse_port=True) as general:  # noqa: S104 - as some servers do
        port = general.getsockname()[1]
        with socket.create_server(("127.0.0.1", port), backlog=1, reuse_port=True):
            overflow("127.0.0.1", port, wait_for)  # reaches the listener of just this address
            by_special = drops(port)
            overflow("127.0.0.2", port, wait_for)
            by_both = drops(port)
        by_general = drops(port)
    assert (by_special > 0, by_general > 0, by_both) == (True, True, by_special + by_general)


def test_a_port_without_a_listener_has_no_drops_to_tell(free_port: Callable[[], int]) -> None:
    assert linux.listen_drops(free_port()) is None


@on_linux
def test_a_listener_of_another_address_is_not_asked_about() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        assert linux.listen_drops(server.getsockname()[1]) is None


@on_linux
def test_without_the_kernels_socket_diagnosis_drops_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert linux.listen_drops(port) == 0
        with monkeypatch.context() as patch:
            patch.setattr(linux, "NETLINK_SOCK_DIAG", 31)  # a protocol that no kernel has
            assert linux.listen_drops(port) is None
        monkeypatch.setattr(psutil, "LINUX", False)
        assert linux.listen_drops(port) is None


def ports() -> int:
    used = linux.used_ports()
    assert used is not None
    return used[0]


def listen(family: socket.AddressFamily) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)
    except OSError:
        pytest.skip("the system has no such addresses")


FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
MANY = 100


@on_linux
@FAMILIES
def test_sockets_that_listen_are_counted(family: socket.AddressFamily, wait_for: Wait) -> None:
    def are_counted() -> bool:  # unless many others have just ended
        before = ports()
        with contextlib.ExitStack() as servers:
            for _ in range(MANY):
                servers.enter_context(listen(family))
            return ports() >= before + MANY

    wait_for(are_counted)


@on_linux
@FAMILIES
def test_connections_that_wait_for_stray_packets_are_counted(family: socket.AddressFamily, wait_for: Wait) -> None:
    def are_counted() -> bool:
        with listen(family) as server:
            before = ports()
            for _ in range(MANY):
                with contextlib.closing(socket.socket(family)) as client:
                    client.connect(server.getsockname())
                    accepted, _ = server.accept()
                accepted.close()
            return ports() >= before + MANY

    wait_for(are_counted)


def test_ports_are_those_of_tcp_and_the_range_includes_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/net/sockstat": "sockets: used 9000\nTCP: inuse 1 orphan 70 tw 2 alloc 80 mem 90\nUDP: inuse 50 mem 60\n",
        "/proc/net/sockstat6": "TCP6: inuse 4\nUDP6: inuse 90\n",
        "/proc/sys/net/ipv4/ip_local_port_range": "1000\t1009\n",
    }
    monkeypatch.setattr(linux, "read", files.get)
    assert linux.used_ports() == (7, 10)
    del files["/proc/net/sockstat6"]
    assert linux.used_ports() == (3, 10)


@on_linux
def test_the_limit_on_open_files_is_the_soft_one_and_goes_with_the_process(
    start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    child = start_child([sys.executable, "-c", LIMITED])
    said(1)
    assert linux.open_files_limit(child.pid) == 77
    child.kill()
    child.wait()
    assert linux.open_files_limit(child.pid) is None


def test_where_the_system_has_no_proc_figures_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "read", lambda _: None)
    assert (linux.core_times(), linux.used_ports()) == (None, None)
    assert linux.open_files_limit(os.getpid()) is None
    assert (linux.pss_bytes(os.getpid()), linux.retransmissions()) == (None, None)


def test_a_process_that_is_gone_has_no_threads() -> None:
    assert linux.thread_ids(2**22 + 1) == []


# Processes


def test_a_process_that_burns_is_named_with_what_it_used_in_between(
    tmp_path: Path, start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    child = start_child([sys.executable, "-c", BURN_TWICE, str(tmp_path / "go")])
    first_s = float(said(1)[1])
    before = foreign.snapshot(())
    (tmp_path / "go").touch()
    second_s = float(said(2)[1])
    after = foreign.snapshot(())
    use = foreign.foreign_use(only(child.pid, before), only(child.pid, after))
    name = psutil.Process(child.pid).name()
    assert use == ForeignUse(use.total_s, Foreign(child.pid, name, use.total_s))
    assert use.total_s == pytest.approx(second_s - first_s, abs=SLACK_S)
    assert foreign.foreign_use(before, after).total_s >= use.total_s


def test_a_process_that_began_in_between_counts_wholly(
    start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    before = foreign.snapshot(())
    child = start_child([sys.executable, "-c", BURN])
    used_s = float(said(1)[1])
    use = foreign.foreign_use(before, only(child.pid, foreign.snapshot(())))
    assert use.total_s == pytest.approx(used_s, abs=SLACK_S)


def test_what_is_ours_is_left_out(start_child: StartChild, said: Callable[[int], list[str]]) -> None:
    child = start_child([sys.executable, "-c", BURN])
    said(1)
    assert only(child.pid, foreign.snapshot({os.getpid()}))
    assert not only(child.pid, foreign.snapshot({child.pid}))


@on_linux
def test_a_child_that_came_and_went_is_charged_to_its_parent(
    tmp_path: Path, start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    child = start_child([sys.executable, "-c", HAVE_IT_BURNT, str(tmp_path / "go")])
    before = foreign.snapshot(())
    (tmp_path / "go").touch()
    said(1)
    use = foreign.foreign_use(only(child.pid, before), only(child.pid, foreign.snapshot(())))
    assert use.busiest is not None
    assert (use.busiest.pid, use.busiest.cpu_s >= BURNT_S - SLACK_S) == (child.pid, True)


@on_linux
def test_what_a_process_used_before_is_not_charged_again_when_it_is_reaped(
    tmp_path: Path, start_child: StartChild, said: Callable[[int], list[str]]
) -> None:
    parent = start_child([sys.executable, "-c", REAP_ONE_THAT_HAD_BURNT, str(tmp_path / "go")])
    child_pid = int(said(1)[1])
    seen = foreign.snapshot(())
    before = {**only(parent.pid, seen), **only(child_pid, seen)}
    (tmp_path / "go").touch()
    said(2)
    after = only(parent.pid, foreign.snapshot(()))
    assert account_of(parent.pid, after).reaped_s >= BURNT_S - SLACK_S
    assert foreign.foreign_use(before, after).total_s < BURNT_S / 2


def test_a_whole_family_that_ended_is_charged_to_who_is_left_with_what_is_new() -> None:
    make, shell, compiler = (1, 0.5), (2, 0.5), (3, 0.5)
    before = {
        make: Account("make", 0, own_s=1, reaped_s=10),
        shell: Account("sh", 1, own_s=2, reaped_s=3),
        compiler: Account("cc", 2, own_s=20, reaped_s=0),
    }
    after = {make: Account("make", 0, own_s=1.5, reaped_s=10 + 2 + 3 + 20 + 4)}
    assert foreign.foreign_use(before, after) == ForeignUse(4.5, Foreign(1, "make", 4.5))
    # Reaped by another: what a process used itself stays.
    after = {make: Account("make", 0, own_s=1.5, reaped_s=10)}
    assert foreign.foreign_use(before, after) == ForeignUse(0.5, Foreign(1, "make", 0.5))


def test_of_several_the_one_that_used_most_is_named_and_the_total_is_of_all() -> None:
    before = {(pid, 1.0): Account(f"p{pid}", 0, own_s=10 - pid, reaped_s=0) for pid in (1, 2, 3)}
    used_s = {1: 1, 2: 4, 3: 2}
    after = {(pid, 1.0): Account(f"p{pid}", 0, own_s=10 - pid + used_s[pid], reaped_s=0) for pid in (1, 2, 3)}
    assert foreign.foreign_use(before, after) == ForeignUse(7, Foreign(2, "p2", 4))


def test_a_child_began_after_its_parent(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", BURN])
    began_s = dict(foreign.snapshot(()).keys())
    assert began_s[child.pid] > began_s[os.getpid()]


def test_an_id_that_was_given_again_is_another_process() -> None:
    before = {(7, 1.0): Account("old", 0, own_s=5, reaped_s=0)}
    after = {(7, 2.0): Account("new", 0, own_s=1, reaped_s=0)}
    assert foreign.foreign_use(before, after) == ForeignUse(1, Foreign(7, "new", 1))


def test_where_nobody_used_anything_nobody_is_the_busiest() -> None:
    seen = {(7, 1.0): Account("idle", 0, own_s=5, reaped_s=1)}
    assert foreign.foreign_use(seen, seen) == foreign.foreign_use({}, {}) == ForeignUse(0, None)


@on_linux
def test_what_this_process_reaped_is_not_foreign() -> None:
    before = foreign.snapshot(())
    subprocess.run([sys.executable, "-c", f"{TELL}\nburn()"], check=True)
    after = foreign.snapshot(())
    mine = [key for key in after if key[0] == os.getpid()]
    used = foreign.foreign_use({key: before[key] for key in mine}, {key: after[key] for key in mine})
    assert after[mine[0]].reaped_s - before[mine[0]].reaped_s > 0
    assert used.total_s == after[mine[0]].own_s - before[mine[0]].own_s


@on_linux
def test_what_an_ancestor_reaped_is_not_foreign(start_child: StartChild, said: Callable[[int], list[str]]) -> None:
    ancestor = start_child([sys.executable, "-c", ANCESTOR])
    from_here = account_of(ancestor.pid, foreign.snapshot(())).reaps_ours
    assert (said(1)[0], from_here) == ("True", False)


def test_an_ancestor_that_is_reaped_itself_charges_nobody_with_what_it_had_reaped() -> None:
    """A shell that had started us ends, and its own parent is charged by the kernel with all that it ever ran."""
    terminal, shell = (1, 1.0), (2, 2.0)
    before = {
        terminal: Account("bash", 0, own_s=1, reaped_s=5),
        shell: Account("bash", 1, own_s=2, reaped_s=800, reaps_ours=True),
    }
    after = {terminal: Account("bash", 0, own_s=1, reaped_s=5 + 2 + 800)}
    assert foreign.foreign_use(before, after).total_s == 0


@on_linux
def test_a_name_may_hold_brackets_and_spaces(start_child: StartChild, said: Callable[[int], list[str]]) -> None:
    rename = f"{TELL}\nPath('/proc/self/comm').write_text('a) R 1 (b'); tell('renamed'); time.sleep(600)"
    child = start_child([sys.executable, "-c", rename])
    said(1)
    account = account_of(child.pid, foreign.snapshot(()))
    assert (account.name, account.parent_pid) == ("a) R 1 (b", os.getpid())


@on_linux
def test_accounts_are_the_same_without_proc(
    tmp_path: Path, start_child: StartChild, said: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go").touch()
    child = start_child([sys.executable, "-c", HAVE_IT_BURNT, str(tmp_path / "go")])
    said(1)
    by_proc = account_of(child.pid, foreign.snapshot(()))
    monkeypatch.setattr(psutil, "LINUX", False)
    by_psutil = account_of(child.pid, foreign.snapshot(()))
    assert by_proc.reaped_s >= BURNT_S - SLACK_S
    assert astuple(by_psutil)[:4] == (
        by_proc.name,
        by_proc.parent_pid,
        pytest.approx(by_proc.own_s, abs=SLACK_S),
        pytest.approx(by_proc.reaped_s, abs=SLACK_S),
    )
