"""Meters of real process trees, and of the machine around them."""

import contextlib
import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix.analysis.level.usage import Surroundings
from stackmatrix.system import linux, process_meter, processes
from stackmatrix.system.machine_meter import MachineMeter
from stackmatrix.system.process_meter import Meters, TreeMeter

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]
type Wait = Callable[[Callable[[], object]], None]

BURN = """
import os, sys, time
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
times = os.times()
print(times.user + times.system, flush=True)
time.sleep(600)
"""

IDLE = "import time; print('up', flush=True); time.sleep(600)"

# A master that replaces its worker when its file is removed.
MASTER = f"""
import subprocess, sys, time
from pathlib import Path
file = Path(sys.argv[1])
while True:
    worker = subprocess.Popen([sys.executable, "-c", {IDLE!r}])
    file.write_text(str(worker.pid))
    while file.exists():
        time.sleep(0.01)
    worker.kill()
    worker.wait()
"""

BIG = """
import threading, time
held = bytearray(80_000_000)
files = [open("/dev/null") for _ in range(40)]
for _ in range(5):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("up", flush=True)
time.sleep(600)
"""


def said(tmp_path: Path, wait_for: Wait) -> str:
    """The first line that the child has printed."""
    log = tmp_path / "child.log"
    wait_for(lambda: log.read_text().endswith("\n"))
    return log.read_text().splitlines()[0]


def test_cpu_time_of_a_child_is_what_it_says_itself(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", BURN])
    own_s = float(said(tmp_path, wait_for))
    # It goes to sleep after it has told; a tick of the kernel's coarser clock is 10 ms.
    assert own_s - 0.02 <= process_meter.cpu_seconds(psutil.Process(child.pid)) <= own_s + 0.05


@pytest.mark.skipif(not psutil.LINUX, reason="finer than psutil on Linux only")
def test_cpu_time_is_finer_than_the_hundredths_of_proc(start_child: StartChild) -> None:
    child = psutil.Process(start_child([sys.executable, "-c", BURN]).pid)
    seen = {process_meter.cpu_seconds(child) for _ in range(200)}
    assert any(round(cpu_s * 100) / 100 != pytest.approx(cpu_s, abs=1e-6) for cpu_s in seen)


def test_where_the_kernel_has_no_clock_of_a_process_its_cpu_time_is_still_known(
    tmp_path: Path, start_child: StartChild, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose kernel is not Linux's own: none is here, so the call is refused."""

    def refuse(_: int) -> float:
        raise OSError(errno.EINVAL, "Invalid argument")

    child = start_child([sys.executable, "-c", BURN])
    own_s = float(said(tmp_path, wait_for))
    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert own_s - 0.05 <= process_meter.cpu_seconds(psutil.Process(child.pid)) <= own_s + 0.05


def test_the_cpu_time_of_a_process_that_is_gone_is_an_error(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        process_meter.cpu_seconds(process)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells switches by thread")
def test_context_switches_are_of_every_thread(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", BIG])
    said(tmp_path, wait_for)
    switches = process_meter.thread_switches(child.pid)
    assert switches.keys() == {thread.id for thread in psutil.Process(child.pid).threads()}
    assert len(switches) == 6
    assert sum(switches.values()) > 0


def test_a_process_that_is_gone_has_no_switches() -> None:
    assert process_meter.thread_switches(2**22 + 1) == {}


def test_a_tree_is_read_as_a_whole(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    pid_file = tmp_path / "worker"
    master = start_child([sys.executable, "-c", MASTER, str(pid_file)])
    wait_for(pid_file.exists)
    wait_for(lambda: "up" in (tmp_path / "child.log").read_text())
    meter = TreeMeter([master.pid])
    assert meter.refresh() == [master.pid, int(pid_file.read_text())]
    reading = meter.read(with_switches=True)
    alone = psutil.Process(master.pid)
    assert (reading.threads, reading.cpu_s > process_meter.cpu_seconds(alone)) == (2, True)
    assert reading.switches.keys() == {master.pid, int(pid_file.read_text())}


def test_several_trees_of_one_role_are_added_up(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    children = [start_child([sys.executable, "-c", BURN]) for _ in range(2)]
    log = tmp_path / "child.log"
    wait_for(lambda: log.read_text().count("\n") == 2)
    own_s = [float(line) for line in log.read_text().split()]
    meter = TreeMeter([child.pid for child in children])
    assert meter.refresh() == [child.pid for child in children]
    reading = meter.read(with_switches=True)
    assert reading.cpu_s >= sum(own_s) - 0.04
    assert reading.threads == 2
    assert reading.switches.keys() == {child.pid for child in children}


# A process that may open 80 files and holds 50 of them; its child may open more and holds few.
LIMITED = """
import resource, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; print('child', flush=True); time.sleep(600)"])
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
files = [open("/dev/null") for _ in range(50)]
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells the limit of another process")
def test_open_files_are_compared_with_the_limit_of_the_process_that_is_nearest_to_it(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    parent = start_child([sys.executable, "-c", LIMITED])
    wait_for(lambda: (tmp_path / "child.log").read_text().count("\n") == 2)
    meter = Meters({"target": [parent.pid]})
    meter.begin()
    use = meter.end()["target"]
    assert use.fds_share_peak == psutil.Process(parent.pid).num_fds() / 80 > 50 / 80
    assert use.fds_peak > psutil.Process(parent.pid).num_fds()


def test_where_no_limit_is_told_there_is_no_share_of_it(
    start_child: StartChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "open_files_limit", lambda _: None)
    meter = Meters({"target": [start_child([sys.executable, "-c", IDLE]).pid]})
    meter.begin()
    assert meter.end()["target"].fds_share_peak is None


def test_peaks_and_cpu_share_of_a_window_are_of_what_ran_in_it(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    child = start_child([sys.executable, "-c", BIG])
    said(tmp_path, wait_for)
    meter = Meters({"target": [child.pid]}, period_s=0.05)
    meter.begin()
    end_s = time.monotonic() + 0.3
    while time.monotonic() < end_s:
        meter.tick()
        time.sleep(0.01)
    use = meter.end()["target"]
    assert use.threads_peak == 6
    assert use.threads_started is use.pss_bytes is None  # nobody asked
    assert len(use.cpu_readings) > 3
    assert use.cpu_readings[-1][1] - use.cpu_readings[0][1] == use.cpu_s
    assert use.fds_peak >= 43
    assert use.wall_s >= 0.3
    assert use.cpu_share < 0.5  # it only slept
    assert use.context_switches is not None


# A process that shares 80 MB with its child, and then has a thread for each line that it reads, for half a second.
THREADS_ON_DEMAND = """
import os, sys, threading, time
from pathlib import Path
held = bytearray(os.urandom(1)) * 80_000_000
if os.fork() == 0:
    time.sleep(600)
print("up", flush=True)
started = 0
while True:
    wanted = int((Path(sys.argv[1]).read_text() or "0") if Path(sys.argv[1]).exists() else "0")
    for _ in range(wanted - started):
        threading.Thread(target=time.sleep, args=(0.5,)).start()
        started += 1
        print("started", started, flush=True)
    time.sleep(0.01)
"""


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")
def test_memory_that_two_processes_share_counts_once(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", THREADS_ON_DEMAND, str(tmp_path / "wanted")])
    said(tmp_path, wait_for)
    meter = Meters({"target": [child.pid]}, closely=["target"])
    meter.begin()
    pss = meter.end()["target"].pss_bytes
    rss = [process.memory_info().rss for process in processes.tree(child.pid)]
    assert len(rss) == 2
    assert pss is not None
    assert 80_000_000 < pss < sum(rss) - 70_000_000


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")
def test_threads_that_came_and_went_within_a_window_were_started(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    wanted, log = tmp_path / "wanted", tmp_path / "child.log"
    child = start_child([sys.executable, "-c", THREADS_ON_DEMAND, str(wanted)])
    said(tmp_path, wait_for)
    meter = Meters({"target": [child.pid], "other": [child.pid]}, period_s=600, closely=["target"])

    def start_until(count: int) -> None:
        """Until so many have been started in all, and have ended."""
        wanted.write_text(str(count))

        def tick_until_all_have_ended() -> bool:
            meter.tick()
            have_started = f"started {count}\n" in log.read_text()
            return have_started and psutil.Process(child.pid).num_threads() == 1

        wait_for(tick_until_all_have_ended)

    meter.begin()
    start_until(3)
    start_until(5)
    uses = meter.end()
    assert (uses["target"].threads_started, uses["other"].threads_started) == (5, None)
    meter.begin()
    assert meter.end()["target"].threads_started == 0


def test_where_the_system_shows_no_threads_or_memory_none_are_told(
    start_child: StartChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "thread_ids", lambda _: [])
    monkeypatch.setattr(linux, "pss_bytes", lambda _: None)
    meter = Meters({"target": [start_child([sys.executable, "-c", IDLE]).pid]}, closely=["target"])
    meter.begin()
    use = meter.end()["target"]
    assert (use.threads_started, use.pss_bytes) == (None, None)


def test_a_burning_process_has_a_whole_core(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", "while True: pass"])
    meter = Meters({"target": [child.pid]})
    meter.begin()
    time.sleep(0.5)
    share = meter.end()["target"].cpu_share
    # A busy machine may give it less, none gives one thread the time of two cores.
    assert 0.1 < share < 1.5


def test_ticks_between_windows_do_nothing(start_child: StartChild) -> None:
    meter = Meters({"target": [start_child([sys.executable, "-c", IDLE]).pid]}, period_s=0)
    meter.tick()
    meter.begin()
    meter.end()
    meter.tick()
    meter.begin()
    assert meter.end().keys() == {"target"}


def test_a_worker_that_was_replaced_within_a_window_is_seen_at_its_end(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    pid_file = tmp_path / "worker"
    master = start_child([sys.executable, "-c", MASTER, str(pid_file)])
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    meter = Meters({"target": [master.pid]})
    meter.begin()
    first = meter.pids("target")
    assert first == [master.pid, int(pid_file.read_text())]
    pid_file.unlink()
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    use = meter.end()["target"]
    meter.look()
    assert meter.pids("target") == [master.pid, int(pid_file.read_text())] != first
    assert use.context_switches is None


def test_a_process_that_ended_in_the_window_counts_for_nothing_at_its_end(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", IDLE])
    meter = Meters({"target": [child.pid]})
    meter.begin()
    child.kill()
    child.wait()
    use = meter.end()["target"]
    meter.look()
    assert (use.cpu_s, meter.pids("target")) == (0, [])
    assert not processes.is_running(child.pid)


def test_a_target_that_works_in_waves_is_busier_in_its_busiest_quarter_than_on_average(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    meter = Meters({"target": [start_child([sys.executable, "-c", BURN]).pid]}, period_s=0.05)
    began_s = time.monotonic()
    meter.begin()

    def tick_until_it_sleeps() -> bool:
        meter.tick()
        return (tmp_path / "child.log").read_text().endswith("\n")

    wait_for(tick_until_it_sleeps)
    end_s = time.monotonic() + 4 * (time.monotonic() - began_s)
    while time.monotonic() < end_s:
        meter.tick()
        time.sleep(0.01)
    use = meter.end()["target"]
    assert use.busiest_share is not None
    assert use.busiest_share > 2 * use.cpu_share > 0


# The machine

on_linux = pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")

BURN_WHEN_TOLD = """
import sys, time
from pathlib import Path
print("up", flush=True)
while not Path(sys.argv[1]).exists():
    time.sleep(0.01)
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
print("burnt", flush=True)
time.sleep(600)
"""
BURNT_S = 0.5
TICK_S = 0.02
"""The kernel tells the times of other processes in hundredths of a second, user and system time each."""


def others(*but: int) -> set[int]:
    """Every process that is there now but these, so that what else the machine does is not in the way of a test."""
    return {*psutil.pids()} - {*but}


def burn_between(meter: MachineMeter, pid: int | None, folder: Path, wait_for: Wait) -> tuple[Surroundings, float]:
    """A child burns between open and close; ``pid`` is foreign, all others are ours. Returns how long it took, too."""
    foreign = () if pid is None else (pid,)
    log = folder / "child.log"
    wait_for(lambda: "up" in log.read_text())
    opened_s = time.monotonic()
    meter.open(others(*foreign))
    (folder / "go").touch()
    wait_for(lambda: "burnt" in log.read_text())
    around = meter.close(others(*foreign))
    return around, time.monotonic() - opened_s


@on_linux
def test_what_others_burn_between_open_and_close_is_told_with_the_name_of_who_burnt_most(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    child = start_child([sys.executable, "-c", BURN_WHEN_TOLD, str(tmp_path / "go")])
    around, took_s = burn_between(MachineMeter((), (), {}), child.pid, tmp_path, wait_for)
    assert around.foreign_share is not None
    assert around.foreign_share >= (BURNT_S - TICK_S) / took_s
    assert around.foreign_name == f"{psutil.Process(child.pid).name()} (process {child.pid})"


@on_linux
def test_what_our_own_burn_is_not_foreign(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", BURN_WHEN_TOLD, str(tmp_path / "go")])
    around, _ = burn_between(MachineMeter((), (), {}), None, tmp_path, wait_for)
    assert around.foreign_share is not None
    assert str(child.pid) not in str(around.foreign_name)


@on_linux
def test_what_others_burnt_before_is_not_told_again(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", BURN])
    said(tmp_path, wait_for)
    meter = MachineMeter((), (), {})
    meter.open(others(child.pid))
    around = meter.close(others(child.pid))
    assert around.foreign_share is not None
    assert f"(process {child.pid})" not in str(around.foreign_name)


def drops(server: socket.socket) -> int:
    counted = linux.listen_drops(server.getsockname()[1])
    assert counted is not None
    return counted


def overflow(server: socket.socket, wait_for: Wait) -> None:
    """Knock ten times where nobody accepts and two may wait, until eight were refused."""
    before = drops(server)
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            client = clients.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(server.getsockname())
        wait_for(lambda: drops(server) >= before + 8)


@on_linux
@pytest.mark.parametrize(("loses", "other"), [("target", "external_api"), ("external_api", "target")])
def test_connections_that_a_full_listen_queue_lost_between_open_and_close_are_counted_by_role(
    wait_for: Wait, loses: str, other: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1) as full,
        socket.create_server(("127.0.0.1", 0)) as empty,
    ):
        overflow(full, wait_for)
        meter = MachineMeter((), (), {loses: [full.getsockname()[1]], other: [empty.getsockname()[1]]})
        meter.open(())
        before = drops(full)
        overflow(full, wait_for)
        around = meter.close(())
        lost = {"target": around.target_drops, "external_api": around.api_drops}
        assert lost == {loses: drops(full) - before, other: 0}
        assert drops(full) - before >= 8


@on_linux
@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="this system cannot defer")
def test_the_end_of_a_deferred_handshake_is_no_lost_connection() -> None:
    """As uWSGI listens: the kernel drops the last packet of each handshake, and waits for the request instead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3)
        around = MachineMeter((), (), {"target": [server.getsockname()[1]]})
        around.open(())
        before = drops(server)
        for _ in range(5):
            with socket.create_connection(server.getsockname()) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                server.accept()[0].close()
        assert drops(server) > before
        assert around.close(()).target_drops == 0


@on_linux
def test_what_all_targets_side_by_side_have_lost_is_added_up(wait_for: Wait) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1) as first,
        socket.create_server(("127.0.0.1", 0), backlog=1) as second,
    ):
        meter = MachineMeter((), (), {"target": [first.getsockname()[1], second.getsockname()[1]]})
        overflow(first, wait_for)
        meter.open(())
        overflow(second, wait_for)
        lost = drops(second)
        around = meter.close(())
    assert lost >= 8
    assert around.target_drops is not None
    assert around.target_drops >= lost


def test_a_port_where_nobody_listens_has_no_drops_to_tell(free_port: Callable[[], int]) -> None:
    meter = MachineMeter((), (), {"target": [free_port()]})
    meter.open(())
    around = meter.close(())
    assert (around.target_drops, around.api_drops) == (None, None)


@on_linux
def test_a_hogged_core_of_the_generator_is_busy_for_what_the_hog_used_at_least(start_child: StartChild) -> None:
    core = max(os.sched_getaffinity(0))
    hog = psutil.Process(start_child([sys.executable, "-c", "while True: pass"]).pid)
    hog.cpu_affinity([core])
    meter = MachineMeter((core,), (core,), {}, period_s=0.1)
    meter.open(())
    before_s = process_meter.cpu_seconds(hog)
    meter.begin()
    end_s = time.monotonic() + 1.0
    while time.monotonic() < end_s:
        meter.tick()
        time.sleep(0.01)
    used_s = process_meter.cpu_seconds(hog) - before_s
    meter.end()
    around = meter.close(())
    wall_s = meter._cores[-1].at_s - meter._cores[0].at_s
    assert around.generator_core_share is not None
    # The kernel charges a core by looking at each tick whose it is.
    assert around.generator_core_share > used_s / wall_s / 2 > 0.05
    assert around.steal_share is not None
    assert 0 <= around.steal_share < 1


@on_linux
def test_ports_in_use_are_a_share_of_those_there_are() -> None:
    meter = MachineMeter((), (), {})
    meter.open(())
    with contextlib.ExitStack() as servers:
        for _ in range(200):
            servers.enter_context(socket.create_server(("127.0.0.1", 0)))
        meter.begin()
        meter.end()
        _, available = linux.used_ports() or (0, 1)
    around = meter.close(())
    assert around.ports_share is not None
    assert 200 / available <= around.ports_share < 1


def test_cores_and_ports_are_read_within_the_window_only(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    monkeypatch.setattr(linux, "core_times", lambda: reads.append("cores"))
    monkeypatch.setattr(linux, "used_ports", lambda: reads.append("ports"))
    meter = MachineMeter((0,), (0,), {}, period_s=0)
    meter.tick()
    meter.open(())
    meter.tick()
    assert reads == []
    meter.begin()
    meter.tick()
    meter.end()
    assert reads == ["cores", "ports"] * 3
    meter.tick()
    meter.close(())
    assert len(reads) == 6


@on_linux
def test_what_was_told_of_one_level_is_not_told_of_the_next(wait_for: Wait) -> None:
    core = max(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        meter = MachineMeter((core,), (core,), {"target": [server.getsockname()[1]]})
        meter.open(())
        meter.begin()
        overflow(server, wait_for)
        meter.end()
        assert None not in {meter.close(()).ports_share, meter.close(()).generator_core_share}
        meter.open(())
        around = meter.close(())
    assert (around.steal_share, around.generator_core_share, around.ports_share) == (None, None, None)
    assert around.target_drops == 0


def test_where_the_system_tells_nothing_nothing_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "LINUX", False)
    monkeypatch.setattr(linux, "read", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        meter = MachineMeter((0,), (0,), {"target": [port], "external_api": [port]})
        meter.open(())
        meter.begin()
        meter.tick()
        meter.end()
        assert meter.close(()) == Surroundings(unknown_cores=(0,))
