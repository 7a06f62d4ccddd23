"""Control groups: real ones under a limit where this system lets one be made, and both versions' files."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import cgroup, cores, linux, processes
from stackmatrix.system.cgroup import Events, Group
from stackmatrix.system.machine_meter import MachineMeter

type StartChild = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]
type Wait = Callable[[Callable[[], object]], None]
type MakeGroup = Callable[..., Path]

# A child that enters the group that it is told, and says what it has done there.
ENTER = """
import os, sys, threading, time
with open(sys.argv[1] + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
print("in", flush=True)
def await_go():
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.01)
"""
BURN = ENTER + "await_go()\nuntil = time.process_time() + 0.2\nwhile time.process_time() < until: pass\n"
BURN += "print('done', flush=True)\ntime.sleep(600)"
FILL = ENTER + "await_go()\nif os.fork() == 0:\n    held = bytearray(200_000_000)\nos.wait()\n"
FILL += "print('done', flush=True)\ntime.sleep(600)"
FORK = ENTER + "await_go()\ntry:\n    os.fork()\nexcept OSError:\n    print('done', flush=True)\ntime.sleep(600)"
ASK = ENTER + "from stackmatrix.system import cgroup\nprint(cgroup.why_limited(2), flush=True)\n"
ASK += "print(cgroup.why_limited(1), flush=True)"


@pytest.fixture
def make_group() -> Iterator[MakeGroup]:
    """Makes a control group with a controller's limit, by file; it is gone with the test, after its processes."""
    made: list[Path] = []

    def make(controller: str, **limits: str) -> Path:
        mounts = cgroup._mounts()
        mount = mounts.get(controller) or mounts.get("")
        if mount is None:
            pytest.skip("this system has no control groups")
        folder = mount[1] / f"stackmatrix-test-{os.getpid()}"
        try:
            folder.mkdir()
            made.append(folder)
            for file, limit in limits.items():
                (folder / file.replace("__", ".")).write_text(limit)
        except OSError as error:
            pytest.skip(f"this system lets no control group for {controller} be made: {error}")
        return folder

    yield make
    for folder in made:
        with contextlib.suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                psutil.Process(int(pid)).kill()
                psutil.wait_procs([psutil.Process(int(pid))], 5)
        folder.rmdir()


def limits_of(controller: str, one: Mapping[str, str], two: Mapping[str, str]) -> Mapping[str, str]:
    """The limit's files of the version that this system has for a controller."""
    return one if controller in cgroup._mounts() else two


def quota(cores: float) -> Mapping[str, str]:
    quota_us = str(round(cores * 100_000))
    return limits_of("cpu", {"cpu__cfs_quota_us": quota_us}, {"cpu__max": f"{quota_us} 100000"})


def run_between(folder: Path, program: str, tmp_path: Path, start_child: StartChild, wait_for: Wait) -> Events:
    """What a meter saw of the group while its child did what the program says."""
    log, go = tmp_path / "child.log", tmp_path / "go"
    child = start_child([sys.executable, "-c", program, str(folder), str(go)])
    wait_for(lambda: "in\n" in log.read_text())
    meter = MachineMeter((), (), {})
    meter.open([child.pid])
    go.touch()
    wait_for(lambda: "done\n" in log.read_text())
    around = meter.close([child.pid])
    return Events(around.throttled, around.oom_kills, around.forks_refused)


def test_periods_in_which_a_quota_was_used_up_are_counted(
    make_group: MakeGroup, tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    folder = make_group("cpu", **quota(0.1))
    events = run_between(folder, BURN, tmp_path, start_child, wait_for)
    # It needs 0.2 s, and gets 0.01 s in each tenth of a second.
    assert events.throttled is not None
    assert events.throttled >= 10
    assert not events.oom_kills
    assert not events.forks_refused


def test_a_quota_of_a_group_above_counts_for_those_below_it(
    make_group: MakeGroup, tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    below = make_group("cpu", **quota(0.1)) / "below"
    below.mkdir()
    try:
        events = run_between(below, BURN, tmp_path, start_child, wait_for)
        assert events.throttled is not None
        assert events.throttled >= 10
    finally:
        for pid in (below / "cgroup.procs").read_text().split():
            (below.parent / "cgroup.procs").write_text(pid)
        below.rmdir()


def test_a_group_that_does_not_use_up_its_quota_is_not_throttled(
    make_group: MakeGroup, tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    events = run_between(make_group("cpu", **quota(4)), BURN, tmp_path, start_child, wait_for)
    assert events.throttled == 0


def test_a_process_that_is_killed_for_its_memory_is_counted(
    make_group: MakeGroup, tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    limit = limits_of("memory", {"memory__limit_in_bytes": "60000000"}, {"memory__max": "60000000"})
    events = run_between(make_group("memory", **limit), FILL, tmp_path, start_child, wait_for)
    assert events.oom_kills == 1


def test_a_process_that_is_one_too_many_is_counted(
    make_group: MakeGroup, tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    events = run_between(make_group("pids", pids__max="1"), FORK, tmp_path, start_child, wait_for)
    assert events.forks_refused == 1


def test_a_quota_below_the_cores_that_are_used_is_told_before_the_run(make_group: MakeGroup) -> None:
    folder = make_group("cpu", **quota(1.5))
    command, environment = [sys.executable, "-c", ASK, str(folder)], processes.child_environment()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environment)
    said = done.stdout.splitlines()
    assert said[1].startswith("This control group may use 1.5 of the 2 cores that a measurement uses: ")
    assert said[2] == "None"


FITS = ENTER + "import os\nfrom stackmatrix.system import headroom, limits\n"
FITS += "from stackmatrix.system.limits import Needs\n"
FITS += "print(*limits.stopping(Needs(tasks=130, memory_bytes=400_000_000)), sep='\\n')\n"
FITS += "print(*limits.stopping(Needs(tasks=20, memory_bytes=100_000_000)), sep='\\n')\nprint(headroom.memory().total)"


@pytest.mark.parametrize(
    ("controller", "one", "two", "said"),
    [
        ("pids", {"pids__max": "60"}, {"pids__max": "60"},
         "more processes and threads, and what is measured needs 130: raise its limit (docker: --pids-limit, "),
        ("memory", {"memory__limit_in_bytes": "300000000"}, {"memory__max": "300000000"},
         "This control group may have 300 MB of memory, and what is measured needs 400 MB: raise its limit (docker: "),
    ],
)  # fmt: skip
def test_a_limit_below_what_is_measured_is_told_before_the_run(
    make_group: MakeGroup, controller: str, one: Mapping[str, str], two: Mapping[str, str], said: str
) -> None:
    folder = make_group(controller, **limits_of(controller, one, two))
    command, environment = [sys.executable, "-c", FITS, str(folder)], processes.child_environment()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environment)
    told = done.stdout.splitlines()
    assert said in told[1]
    # Another line is what is in the way of less, which is nothing.
    assert (told[2], len(told)) == ("", 4)
    assert (int(told[3]) < 300_000_001) == (controller == "memory")


STAY = ENTER + "os.sched_setaffinity(0, [int(sys.argv[2])])\nprint('pinned', flush=True)\ntime.sleep(600)"
LEAVE = (
    ENTER
    + """
from stackmatrix.errors import MachineLimitError
from stackmatrix.system.cores import pinned
cores = [int(sys.argv[2])]
with pinned(cores):
    print(os.sched_getaffinity(0) == set(cores), flush=True)
    with open(sys.argv[1] + "/cpuset.cpus", "w") as file:
        file.write(sys.argv[3])
print(os.sched_getaffinity(0) == {int(sys.argv[3])})
try:
    with pinned(cores):
        print("went on")
except MachineLimitError as error:
    print(error)
"""
)


@pytest.fixture
def make_cpuset(make_group: MakeGroup, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, int, int]:
    """A control group that may use two cores, and their numbers."""
    monkeypatch.setattr(cgroup, "CONTROLLERS", (*cgroup.CONTROLLERS, "cpuset"))
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) < 2:
        pytest.skip("this needs two cores")
    folder = make_group("cpuset")
    try:
        (folder / "cpuset.cpus").write_text(f"{allowed[0]},{allowed[1]}")
        (folder / "cpuset.mems").write_text("0")
    except OSError as error:
        pytest.skip(f"this system lets no cpuset be made: {error}")
    return folder, allowed[0], allowed[1]


def test_a_target_that_a_changed_cpuset_moves_off_its_core_is_found(
    make_cpuset: tuple[Path, int, int], tmp_path: Path, start_child: StartChild, wait_for: Wait
) -> None:
    folder, other, own = make_cpuset
    child = start_child([sys.executable, "-c", STAY, str(folder), str(own)])
    wait_for(lambda: "pinned\n" in (tmp_path / "child.log").read_text())
    assert cores.find_strayed([child.pid], (own,)) is None
    assert cores.find_strayed([child.pid], ()) is None
    (folder / "cpuset.cpus").write_text(str(other))
    wait_for(lambda: cores.find_strayed([child.pid], (own,)) == child.pid)


def test_a_core_that_a_changed_cpuset_has_taken_away_is_one_sentence(make_cpuset: tuple[Path, int, int]) -> None:
    folder, other, own = make_cpuset
    command = [sys.executable, "-c", LEAVE, str(folder), str(own), str(other)]
    environment = processes.child_environment()
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environment)
    _, was_pinned, moved, said = done.stdout.splitlines()
    assert (was_pinned, moved) == ("True", "True")
    assert said.startswith(f"Core {own}, on which this run began, may not be used any more (Invalid argument): ")


# Both versions' files, where they are mounted in ways that this system may not have


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Mapping[str, str]], frozenset[Group]]:
    """The groups of process 7 by these mounts and groups, with these files; places are below the test's own folder."""

    def build(mounts: str, groups: str, files: Mapping[str, str]) -> frozenset[Group]:
        proc = {"/proc/self/mountinfo": mounts.replace("/sys/", f"{tmp_path}/"), "/proc/7/cgroup": groups}
        monkeypatch.setattr(cgroup, "read", lambda path: proc[path] if path in proc else linux.read(path))
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
        return cgroup.groups_of([7])

    return build


TWO = "30 24 0:26 / /sys/fs rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
IN_A_CONTAINER = "30 24 0:26 /docker/abc /sys/fs rw - cgroup2 cgroup2 rw\n"
ONE = "31 24 0:27 / /sys/cpu rw - cgroup cgroup rw,cpu,cpuacct\n32 24 0:28 / /sys/pids rw - cgroup cgroup rw,pids\n"
type Tree = Callable[[str, str, Mapping[str, str]], frozenset[Group]]


def test_of_version_two_every_group_up_to_the_root_is_read(tree: Tree) -> None:
    groups = tree(
        TWO,
        "0::/app.slice/bench.service\n",
        {
            "fs/app.slice/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 3\n",
            "fs/app.slice/bench.service/cpu.stat": "nr_throttled 4\n",
            "fs/app.slice/memory.events.local": "oom 1\noom_kill 7\n",
            "fs/app.slice/bench.service/memory.events.local": "low 0\noom_kill 2\noom_group_kill 1\n",
            "fs/app.slice/pids.events.local": "max 1\n",
            "fs/app.slice/pids.events": "max 50\n",
            "fs/app.slice/bench.service/pids.events.local": "max 5\n",
            "fs/app.slice/bench.service/pids.events": "max 60\n",
            "fs/app.slice/cpu.max": "150000 100000\n",
            "fs/app.slice/bench.service/cpu.max": "max 100000\n",
        },
    )
    # Kills of another group below the same one are not ours.
    assert cgroup.read_events(groups) == Events(throttled=7, oom_kills=2, forks_refused=6)
    assert cgroup.quota_cores(groups) == 1.5


def test_older_kernels_tell_of_a_groups_own_limit_on_processes_only(tree: Tree) -> None:
    files = {"fs/one/pids.events": "max 9\n", "fs/one/two/pids.events": "max 2\n"}
    assert cgroup.read_events(tree(TWO, "0::/one/two\n", files)).forks_refused == 2


@pytest.mark.parametrize(
    "path", ["/docker/abc/inner", "/inner"], ids=["as the host sees it", "as a namespace shows it"]
)
def test_inside_a_container_groups_are_found_below_what_is_mounted(tree: Tree, path: str) -> None:
    files = {"fs/cpu.max": "200000 100000\n", "fs/inner/cpu.stat": "nr_throttled 1\n"}
    root = IN_A_CONTAINER if path.startswith("/docker") else TWO
    groups = tree(root, f"0::{path}\n", files)
    assert (cgroup.quota_cores(groups), cgroup.read_events(groups).throttled) == (2.0, 1)


def test_of_version_one_each_controller_has_groups_of_its_own(tree: Tree) -> None:
    groups = tree(
        ONE,
        "4:pids:/p\n3:cpu,cpuacct:/c/d\n2:name=systemd:/s\n1:devices:/\n",
        {
            "cpu/c/cpu.cfs_quota_us": "50000\n",
            "cpu/c/cpu.cfs_period_us": "100000\n",
            "cpu/c/d/cpu.cfs_quota_us": "-1\n",
            "cpu/c/d/cpu.cfs_period_us": "100000\n",
            "cpu/c/d/cpu.stat": "nr_periods 0\nnr_throttled 8\nthrottled_time 0\n",
            "pids/p/pids.events": "max 3\n",
        },
    )
    assert cgroup.quota_cores(groups) == 0.5
    assert cgroup.read_events(groups) == Events(throttled=8, oom_kills=None, forks_refused=3)


def test_a_quota_is_held_against_the_cores_that_are_busy_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 16 cores has many for targets of several processes, and for nothing at all."""
    layout = cores.layout_for({core: frozenset({core}) for core in range(16)})
    monkeypatch.setattr(cgroup, "divide_cores", lambda: layout)
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: 4.0)
    assert cgroup.why_limited() is None
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: 3.5)
    assert str(cgroup.why_limited()).startswith("This control group may use 3.5 of the 4 cores that a measurement uses")
    monkeypatch.setattr(cgroup, "divide_cores", cores.Layout)
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: 0.5)
    assert cgroup.why_limited() is not None


def test_where_there_are_no_control_groups_nothing_is_limited_or_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "read", lambda _: None)
    assert cgroup.groups_of([os.getpid()]) == frozenset()
    assert cgroup.read_events(()) == Events(None, None, None)
    assert cgroup.why_limited() is None
