"""Real ladders with a real fault in one of their parts: everything runs as it does in a measurement, only shorter."""

import ctypes
import fcntl
import functools
import os
import re
import resource
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from stackmatrix.load import process as loadprocess
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.profiles import PROFILES, LadderLengths
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.ladder.run import LadderRun, LadderSetting
from stackmatrix.results.levels import Level
from stackmatrix.system import ports, processes
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout, divide_cores, why_not_pinned
from stackmatrix.testbed import circus_ini, supervisor

HERE = Path(__file__).parent
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CELL = Cell(stack="uvicorn", python=THIS_PYTHON, workload="fanout_shared_client")
SEED = 1
SETTLE_S = 1.0
LENGTHS = LadderLengths(warmup_s=1.0, settle_s=SETTLE_S, window_s=5.0, baseline_s=0.0)
INTO_WINDOW_S = SETTLE_S + 1.0
"""From the naming of a level to a moment well within its window."""
BURN = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
FAULTY_LOCUSTFILE = """
import sys
sys.path[:0] = ["{}", "{}"]
from faulty_generator import {} as begin
begin()
from locustfile import *
"""


class Stage:
    """A ladder that is under way: where its parts are found by whoever harms them."""

    MARKS: ClassVar = {
        "target": ("-m uvicorn",),
        "worker": ("spawn_main",),
        "api": ("-m slow_api", "faulty_api.py"),
        "generator": ("--orders-fd",),
    }
    """What stands in the command lines of the target, of one of its workers, of the API and of the generator."""

    def process(self, role: str) -> psutil.Process:
        """The process of a part, or the first of several."""
        children = psutil.Process().children(recursive=True)
        marked = (child for child in children if any(mark in " ".join(child.cmdline()) for mark in self.MARKS[role]))
        return next(marked)


type Fault = Callable[[Stage], object]


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens to a ladder, all of its processes are gone afterwards, and its ports are free."""
    taken: list[int] = []
    find_free = ports.find_free

    def take(first: int, count: int) -> tuple[int, ...]:
        found = find_free(first, count)
        taken.extend(found)
        return found

    monkeypatch.setattr(ports, "find_free", take)
    yield
    left = psutil.Process(os.getpid()).children(recursive=True)
    assert not left, f"left running: {[process.cmdline() for process in left]}"
    assert [port for port in taken if ports.is_bound(port)] == []


@pytest.fixture
def equip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Subject]:
    """Gives uvicorn of this environment, and the other parts of a ladder, their faults.

    ``api`` are options of ``faulty_api.py``, ``target`` is a fault of ``faulty_target.py``, ``generator`` one of
    ``faulty_generator.py``, and ``options`` go to the server.
    """
    sound, committed = STACKS["uvicorn"], circus_ini.CIRCUS_INI.read_text(encoding="utf-8")

    def make(api: Sequence[str] = (), target: str = "", generator: str = "", options: Sequence[str] = ()) -> Subject:
        command, app = (*sound.command, *options), BUILT_IN
        if target:
            command = (*command, "--app-dir", str(HERE))
            app = replace(app, asgi=f"faulty_target:serving_{target}")
        ini = tmp_path / "circus.ini"
        faulty = shlex.join([str(HERE / "faulty_api.py"), *api])
        ini.write_text(committed.replace("-m slow_api", faulty) if api else committed, encoding="utf-8")
        monkeypatch.setattr(supervisor, "CIRCUS_INI", ini)
        if generator:
            locustfile = tmp_path / "faulty_locustfile.py"
            locustfile.write_text(FAULTY_LOCUSTFILE.format(loadprocess.LOCUSTFILE.parent, HERE, generator))
            monkeypatch.setattr(loadprocess, "LOCUSTFILE", locustfile)
        stack, environment = replace(sound, command=command), Installation(Path(sys.prefix), "lock")
        return Subject(CELL, stack, WORKLOADS[CELL.workload], app, environment)

    return make


@dataclass(frozen=True, slots=True)
class Climbed:
    """What came of a ladder: its levels, why it failed if it did, and how long it was under load."""

    levels: tuple[Level, ...]
    failure: str | None
    load_s: float


@pytest.fixture
def run_ladder(equip: Callable[..., Subject], layout: Layout) -> Callable[..., Climbed]:
    """Runs a ladder whose parts have the ``faults`` that ``equip`` knows; ``pace`` has the run's readings of the core.

    ``during`` is called in a thread whenever the ladder says that it begins what ``at`` names, be it once more.
    """

    def run(
        *ladder: LoadLevel,
        pace: PaceBook | None = None,
        during: Fault | None = None,
        at: str = "level 1 of",
        **faults: Any,
    ) -> Climbed:
        subject = equip(**faults)
        profile = replace(PROFILES["smoke"], ladder=ladder, levels=LENGTHS)
        setting = LadderSetting(profile, layout, pace, all_levels=True)
        made: list[Future[object]] = []
        with ThreadPoolExecutor(1) as pool:

            def show(what: str) -> None:
                if during and what.startswith(at):
                    made.append(pool.submit(during, Stage()))

            ran = LadderRun(subject, setting, SEED, show)
            failure = ran.run()
        assert bool(made) == bool(during), "the fault was never made"
        for fault in made:
            fault.result()
        return Climbed(tuple(ran.levels), failure, ran.load_s)

    return run


FEW_PORTS = 80
"""Ten users need forty: one connection each to the target, and three from it to the external API."""
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # netdevice(7)
NAMESPACE = Path("/proc/thread-self/ns/net")


@pytest.fixture
def few_ports() -> Iterator[int]:
    """A network of the test's own, with a loopback device and few local ports; children are born into it."""
    if not psutil.LINUX:
        pytest.skip("only Linux has network namespaces")
    with NAMESPACE.open() as home:
        try:
            os.unshare(os.CLONE_NEWNET)
        except PermissionError:
            pytest.skip("only root may make a network")
        try:
            with socket.socket() as any_socket:
                request = struct.pack("16sH14x", b"lo", IFF_UP)
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
            Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"40000 {40000 + FEW_PORTS - 1}")
            yield FEW_PORTS
        finally:
            os.setns(home.fileno(), os.CLONE_NEWNET)


@pytest.fixture
def leave_few_files() -> Callable[[str], Fault]:
    """Makes the fault that a part may open hardly more files than it has when the window begins."""

    def make(role: str) -> Fault:
        def fault(stage: Stage) -> None:
            time.sleep(0.8 * SETTLE_S)
            process = stage.process(role)
            limit = int(process.num_fds() / USED_SHARE)
            process.rlimit(resource.RLIMIT_NOFILE, (limit, process.rlimit(resource.RLIMIT_NOFILE)[1]))

        return fault

    return make


USED_SHARE = 0.88


@pytest.fixture
def stolen_time(tmp_path: Path) -> Iterator[None]:
    """A machine whose hypervisor gives some of each core's time to others, as far as ``/proc/stat`` tells.

    The file is put over the kernel's own for this test and its children, and follows it.
    """
    if not psutil.LINUX:
        pytest.skip("only Linux tells of stolen time")
    told = tmp_path / "stat"
    with Path("/proc/thread-self/ns/mnt").open() as home, Path("/proc/stat").open() as kernel:
        started_s = time.monotonic()

        def follow() -> None:
            kernel.seek(0)
            ticks = int((time.monotonic() - started_s) * STOLEN_SHARE * os.sysconf("SC_CLK_TCK"))

            def steal(core: re.Match[str]) -> str:
                columns = core[0].split()
                columns[8] = str(int(columns[8]) + ticks)
                return " ".join(columns)

            # In place, as the file that is mounted is this one.
            text = re.sub(r"^cpu\d+ .*$", steal, kernel.read(), flags=re.MULTILINE).encode()
            with told.open("r+b") as file:
                file.write(text)
                file.truncate()

        told.touch()
        follow()
        stop = threading.Event()

        def keep_following() -> None:
            while not stop.wait(0.05):
                follow()

        follower = threading.Thread(target=keep_following)
        try:
            os.unshare(os.CLONE_NEWNS)
        except PermissionError:
            pytest.skip("only root may mount")
        try:
            mount(b"none", b"/", MS_REC | MS_PRIVATE)
            mount(bytes(told), b"/proc/stat", MS_BIND)
            follower.start()
            yield
        finally:
            stop.set()
            follower.join()
            os.setns(home.fileno(), os.CLONE_NEWNS)


STOLEN_SHARE = 0.05
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # mount(2)


def mount(source: bytes, target: bytes, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source, target, None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), os.fsdecode(target))


@pytest.fixture
def stop() -> Callable[[str, float, float], Fault]:
    """Makes the fault that a part stands still, from a moment of the window or of the second before it on."""

    def make(role: str, into_window_s: float, for_s: float) -> Fault:
        def fault(stage: Stage) -> None:
            time.sleep(SETTLE_S + into_window_s)
            process = stage.process(role)
            process.suspend()
            time.sleep(for_s)
            process.resume()

        return fault

    return make


@pytest.fixture
def kill() -> Callable[[str], Fault]:
    """Makes the fault that one part is killed in the middle of a window."""

    def make(role: str) -> Fault:
        def fault(stage: Stage) -> None:
            time.sleep(INTO_WINDOW_S)
            stage.process(role).kill()

        return fault

    return make


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts children that are killed with the test."""
    started = []

    def start(*command: str) -> "subprocess.Popen[bytes]":
        environment = processes.child_environment()
        started.append(processes.start(command, environment=environment, log=tmp_path / "child.log"))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture
def burn(start_child: Callable[..., "subprocess.Popen[bytes]"]) -> Callable[..., int]:
    """Keeps a core busy until the test ends, however often it is asked to; returns the process that does.

    Of several, each has a number.
    """
    return functools.cache(lambda core, number=0: start_child(sys.executable, "-c", BURN, str(core), str(number)).pid)


@pytest.fixture(scope="session")
def layout() -> Layout:
    """The cores of a ladder's parts."""
    return divide_cores()


@pytest.fixture
def pinned(layout: Layout) -> Layout:
    """The same, where the target has a core to itself."""
    reason = why_not_pinned(layout)
    if reason:
        pytest.skip(reason)
    return layout
