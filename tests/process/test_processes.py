"""Children are stopped with everything they started, and the launcher hands its process over."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import logs, processes
from stackmatrix.system.launch import Setting

STUBBORN_FAMILY = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, __file__, *sys.argv[2:]])
print("up", flush=True)
time.sleep(600)
"""

LAUNCH = (sys.executable, "-m", "stackmatrix.system.launch")
TELL = (
    "import json, os, resource; "
    "print(json.dumps([os.getpid(), sorted(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_NOFILE)]))"
)

type Wait = Callable[[Callable[[], object]], None]


def start(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    return processes.start(command, environment=processes.child_environment(), log=log)


def test_a_stubborn_child_is_killed_together_with_its_grandchildren(tmp_path: Path, wait_for: Wait) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN_FAMILY)
    log = tmp_path / "log"
    child = start([sys.executable, str(script), "child", "grandchild"], log)
    try:
        wait_for(lambda: log.exists() and log.read_text().count("up") == 3)
        family = processes.tree(child.pid)
        assert len(family) == 3
    finally:
        processes.stop(child, timeout_s=0.2)
    assert child.returncode == -signal.SIGKILL
    wait_for(lambda: not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE])


def test_a_child_that_ends_when_it_is_asked_is_not_killed(tmp_path: Path, wait_for: Wait) -> None:
    log = tmp_path / "log"
    polite = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('up'); time.sleep(600)"
    )
    child = start([sys.executable, "-c", polite], log)
    try:
        wait_for(lambda: "up" in log.read_text())
    finally:
        processes.stop(child, timeout_s=30)
    assert child.returncode == 7


def test_a_child_that_has_ended_already_is_reaped(tmp_path: Path, wait_for: Wait) -> None:
    child = start([sys.executable, "-c", ""], tmp_path / "log")
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    processes.stop(child, timeout_s=0)
    assert child.returncode == 0
    assert not psutil.pid_exists(child.pid)


def test_a_childs_output_and_errors_are_in_its_log_and_it_has_no_input(tmp_path: Path) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); print(repr(sys.stdin.read()))"
    child = start([sys.executable, "-c", script], tmp_path / "log")
    child.wait()
    assert sorted((tmp_path / "log").read_text().split()) == ["''", "err", "out"]


def test_a_child_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    child = start([sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"], tmp_path / "log")
    child.wait()
    assert (tmp_path / "log").read_text() == "True\n"


def test_ending_all_kills_those_that_stay_and_tells_which(
    start_child: Callable[[list[str]], "subprocess.Popen[bytes]"],
) -> None:
    staying = start_child([sys.executable, "-c", "import time; time.sleep(600)"])
    going = start_child([sys.executable, "-c", ""])
    both = [psutil.Process(staying.pid), psutil.Process(going.pid)]
    assert [process.pid for process in processes.end_all(both, timeout_s=1)] == [staying.pid]
    assert not any(process.is_running() for process in both)


SLOPPY_PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", ""]).pid, flush=True)
time.sleep(600)
"""


def test_a_process_that_has_ended_and_was_not_reaped_by_its_parent_need_not_be_killed(
    tmp_path: Path, start_child: Callable[[list[str]], "subprocess.Popen[bytes]"], wait_for: Wait
) -> None:
    start_child([sys.executable, "-c", SLOPPY_PARENT])
    log = tmp_path / "child.log"
    wait_for(lambda: log.read_text().endswith("\n"))
    zombie = psutil.Process(int(log.read_text()))
    wait_for(lambda: zombie.status() == psutil.STATUS_ZOMBIE)
    assert not processes.is_running(zombie.pid)
    assert processes.end_all([zombie], timeout_s=0.1) == []


def launched(*options: str, soft_limit: int | None = None) -> tuple[int, list[object]]:
    """The id of the process that was started, and what the command says of itself."""
    command = [*LAUNCH, *options, "--", sys.executable, "-c", TELL]
    if soft_limit is not None:
        command = ["sh", "-c", f'ulimit -Sn {soft_limit} && exec "$@"', "sh", *command]
    with subprocess.Popen(command, env=processes.child_environment(), stdout=subprocess.PIPE) as child:
        output, _ = child.communicate()
    assert child.returncode == 0
    return child.pid, json.loads(output)


def test_the_launcher_becomes_the_command_and_keeps_the_process_id() -> None:
    pid, (told, *_) = launched()
    assert told == pid


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_the_command_runs_on_the_given_cores_only() -> None:
    core = max(os.sched_getaffinity(0))
    assert launched(f"--cores={core}")[1][1] == [core]
    assert launched("--cores=")[1][1] == sorted(os.sched_getaffinity(0))


def test_open_files_are_raised_as_far_as_the_hard_limit_allows() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert launched("--open-files=512", soft_limit=256)[1][2] == [512, hard]
    assert launched(f"--open-files={2**40}", soft_limit=256)[1][2] == [hard, hard]


def test_open_files_are_never_lowered() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert launched("--open-files=256", soft_limit=512)[1][2] == [512, hard]
    assert launched(soft_limit=256)[1][2] == [256, hard]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_what_was_launched_dies_with_its_parent_even_if_that_is_killed(tmp_path: Path, wait_for: Wait) -> None:
    parent_script = f"""
import subprocess, sys
sleeper = "import time; print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([*{LAUNCH!r}, "--", sys.executable, "-c", sleeper])
print("child", child.pid, flush=True)
child.wait()
"""
    log = tmp_path / "log"
    parent = start([sys.executable, "-c", parent_script], log)
    wait_for(lambda: "up" in log.read_text() and "child" in log.read_text())
    words = log.read_text().split()
    child = psutil.Process(int(words[words.index("child") + 1]))
    try:
        assert child.is_running()
        parent.kill()
        parent.wait()
        wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    finally:
        if child.is_running():
            child.kill()


def test_a_command_that_does_not_exist_is_told_in_the_log(tmp_path: Path) -> None:
    child = start([*LAUNCH, "--", "no-such-command"], tmp_path / "log")
    assert child.wait() != 0
    assert "no-such-command" in logs.explain(tmp_path / "log")


def test_a_commands_own_options_are_left_to_it(tmp_path: Path) -> None:
    script = "import sys; print(sys.argv[1:])"
    child = start(
        [*LAUNCH, "--open-files=99", "--", sys.executable, "-c", script, "--cores=7", "--", "x"], tmp_path / "log"
    )
    child.wait()
    assert (tmp_path / "log").read_text() == "['--cores=7', '--', 'x']\n"


def test_the_clock_of_all_processes_is_one(tmp_path: Path) -> None:
    """Rows are written in locust's process and windows told to another."""
    before = time.monotonic()
    child = start([sys.executable, "-c", "import time; print(time.monotonic())"], tmp_path / "log")
    child.wait()
    assert before <= float((tmp_path / "log").read_text()) <= time.monotonic()


def test_the_command_has_its_variables_byte_for_byte_and_its_folder_by_a_file_that_is_nobody_elses(
    tmp_path: Path,
) -> None:
    value = "a'\"$(x) \\ é\n=\t#end"
    folder, path = tmp_path / "an app", tmp_path / "setting.json"
    folder.mkdir()
    os.umask(before := os.umask(0))
    os.umask(0)
    try:
        Setting({"SECRET": value}, str(folder)).write(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    say = "import os; print(repr(os.environ['SECRET']), os.getcwd())"
    command = [*LAUNCH, f"--setting={path}", "--", sys.executable, "-c", say]
    said = subprocess.run(command, env=processes.child_environment(), capture_output=True, text=True, check=True)
    assert said.stdout == f"{value!r} {folder}\n"
    with pytest.raises(FileExistsError):
        Setting().write(path)
