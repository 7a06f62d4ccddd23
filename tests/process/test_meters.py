"""Meters of real process trees."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix import meters, processes
from stackmatrix.meters import Meters, TreeMeter

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
    assert own_s - 0.02 <= meters.cpu_seconds(psutil.Process(child.pid)) <= own_s + 0.05


@pytest.mark.skipif(not psutil.LINUX, reason="finer than psutil on Linux only")
def test_cpu_time_is_finer_than_the_hundredths_of_proc(start_child: StartChild) -> None:
    child = psutil.Process(start_child([sys.executable, "-c", BURN]).pid)
    seen = {meters.cpu_seconds(child) for _ in range(200)}
    assert any(round(cpu_s * 100) / 100 != pytest.approx(cpu_s, abs=1e-6) for cpu_s in seen)


def test_the_cpu_time_of_a_process_that_is_gone_is_an_error(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        meters.cpu_seconds(process)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells switches by thread")
def test_context_switches_are_of_every_thread(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    child = start_child([sys.executable, "-c", BIG])
    said(tmp_path, wait_for)
    switches = meters.thread_switches(child.pid)
    assert switches.keys() == {thread.id for thread in psutil.Process(child.pid).threads()}
    assert len(switches) == 6
    assert sum(switches.values()) > 0


def test_a_process_that_is_gone_has_no_switches() -> None:
    assert meters.thread_switches(2**22 + 1) == {}


def test_a_tree_is_read_as_a_whole(tmp_path: Path, start_child: StartChild, wait_for: Wait) -> None:
    pid_file = tmp_path / "worker"
    master = start_child([sys.executable, "-c", MASTER, str(pid_file)])
    wait_for(pid_file.exists)
    wait_for(lambda: "up" in (tmp_path / "child.log").read_text())
    meter = TreeMeter(master.pid)
    assert meter.refresh() == [master.pid, int(pid_file.read_text())]
    reading = meter.read(with_switches=True)
    alone = psutil.Process(master.pid)
    assert reading.rss_bytes > 1.5 * alone.memory_info().rss
    assert (reading.threads, reading.cpu_s > meters.cpu_seconds(alone)) == (2, True)
    assert reading.switches.keys() == {master.pid, int(pid_file.read_text())}


def test_peaks_and_cpu_share_of_a_window_are_of_what_ran_in_it(
    tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    child = start_child([sys.executable, "-c", BIG])
    said(tmp_path, wait_for)
    meter = Meters({"target": child.pid}, period_s=0.05)
    meter.begin()
    end_s = time.monotonic() + 0.3
    while time.monotonic() < end_s:
        meter.tick()
        time.sleep(0.01)
    use = meter.end()["target"]
    assert use.rss_bytes_peak > 80_000_000
    assert use.threads_peak == 6
    assert use.fds_peak >= 43
    assert use.wall_s >= 0.3
    assert use.cpu_share < 0.5  # it only slept
    assert use.context_switches is not None


def test_a_burning_process_has_a_whole_core(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", "while True: pass"])
    meter = Meters({"target": child.pid})
    meter.begin()
    time.sleep(0.5)
    share = meter.end()["target"].cpu_share
    # A busy machine may give it less, none gives one thread the time of two cores.
    assert 0.1 < share < 1.5


def test_ticks_between_windows_do_nothing(start_child: StartChild) -> None:
    meter = Meters({"target": start_child([sys.executable, "-c", IDLE]).pid}, period_s=0)
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
    meter = Meters({"target": master.pid})
    meter.begin()
    first = meter.pids("target")
    assert first == [master.pid, int(pid_file.read_text())]
    pid_file.unlink()
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    use = meter.end()["target"]
    assert meter.pids("target") == [master.pid, int(pid_file.read_text())] != first
    assert use.context_switches is None


def test_a_process_that_ended_in_the_window_counts_for_nothing_at_its_end(start_child: StartChild) -> None:
    child = start_child([sys.executable, "-c", IDLE])
    meter = Meters({"target": child.pid})
    meter.begin()
    child.kill()
    child.wait()
    use = meter.end()["target"]
    assert (use.cpu_s, meter.pids("target")) == (0, [])
    assert not processes.is_running(child.pid)
