"""SIGKILL of everything at every stage, and Ctrl-C once and twice at each: what is left, what is kept, what is said."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import running
from tests.faults.running import CELLS, complete, reached
from tests.faults.staged import STAGES

FIRST_OF_THE_SECOND_BLOCK = {"start": 2, "verify": 4, "warm-up": 3, "block": 2, "write": 5, "stop": 2}
"""Which time a stage is come to: three targets are verified, the first block warms up twice and writes four files."""
UP = {
    "start": ("target", "api", "circusd"),
    "verify": ("target", "api", "circusd", "locust"),
    "warm-up": ("target", "api", "circusd", "locust"),
    "block": ("target", "api", "circusd", "locust"),
    "write": (),
    "stop": ("target", "api", "circusd"),
}
"""What is running in a stage, beside the harness."""
SERVERS = [(stage, victim) for stage, victims in UP.items() for victim in victims]
SIGNALS = {"Ctrl-C": signal.SIGINT, "closed terminal": signal.SIGHUP, "TERM": signal.SIGTERM}


def arrive(stage: str) -> int:
    return FIRST_OF_THE_SECOND_BLOCK[stage]


@pytest.mark.parametrize(("stage", "victim"), SERVERS, ids=[f"{victim} at {stage}" for stage, victim in SERVERS])
def test_a_server_that_is_killed_costs_time_and_no_block(tmp_path: Path, stage: str, victim: str) -> None:
    with reached(tmp_path, stage, arrive(stage)) as run:
        os.kill(run.victim(victim), signal.SIGKILL)
        run.release()
        code = run.wait_ended()
        assert run.left() == []
    assert "Traceback" not in run.printed
    assert run.counts() == [2, 2, 2]
    states = [run.status(cell)[0] for cell in CELLS]
    if victim == "target" and stage != "stop":  # nobody knows that it did not end by itself
        assert (code, sorted(states)) == (8, ["ok", "ok", "unstable"])
        assert "ended by itself" in run.printed
    else:
        assert (code, states) == (0, ["ok"] * 3)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("victim", ["harness", "guard", "nox"])
def test_a_harness_that_loses_its_head_ends_whole_and_the_next_run_goes_on(
    tmp_path: Path, stage: str, victim: str
) -> None:
    with reached(tmp_path, stage, arrive(stage), through_nox=victim == "nox") as run:
        os.kill(run.victim(victim), signal.SIGKILL)
        if victim != "harness":
            time.sleep(1.5)  # it is told a second later
        run.release()
        assert run.left() == []
    assert "Traceback" not in run.printed
    # What is being written is written to the end, but by a harness that is killed itself.
    assert run.counts() == ([2, 2, 2] if stage == "write" and victim != "harness" else [1, 1, 1])
    assert [run.status(cell)[0] for cell in CELLS] == ["ok"] * 3
    sentence = "ended from outside by SIGKILL" if victim == "harness" else "told to end; what was measured is written"
    assert f"{sentence}" in run.printed
    again = complete(tmp_path)
    assert (again.process.returncode, again.counts()) == (0, [2, 2, 2])
    assert not [*tmp_path.rglob("*.part"), *tmp_path.rglob("*.written")]
    assert [*(tmp_path / "tmp").iterdir()] == []


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_once_or_twice_ends_everything_and_loses_the_block_in_progress_at_most(
    tmp_path: Path, stage: str, times: int
) -> None:
    with reached(tmp_path, stage, arrive(stage)) as run:
        for _ in range(times):
            os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does: the guard and the harness
            time.sleep(1.2)
        run.release()
        assert run.wait_ended(running.GONE_S) == 130
        assert run.left() == []
    assert "stackmatrix: interrupted; what was measured is written, and nothing is left running." in run.printed
    assert "Traceback" not in run.printed
    assert run.counts() == ([2, 2, 2] if stage == "write" else [1, 1, 1])
    assert not [*tmp_path.rglob("*.part"), *tmp_path.rglob("*.written")]


def test_ctrl_c_waits_for_no_server_that_does_not_stop(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 1, STAGED_MISBEHAVES="ignores SIGTERM") as run:
        os.killpg(run.process.pid, signal.SIGINT)
        run.release()
        assert run.wait_ended(running.GONE_S) == 130
        assert run.left() == []
    assert "Traceback" not in run.printed


@pytest.mark.parametrize(("said", "code"), [("closed terminal", 129), ("TERM", 143)])
def test_other_signals_end_it_with_the_same_care(tmp_path: Path, said: str, code: int) -> None:
    with reached(tmp_path, "block", 2) as run:
        os.kill(run.process.pid, SIGNALS[said])
        run.release()
        assert run.wait_ended(running.GONE_S) == code
        assert run.left() == []
    assert run.counts() == [1, 1, 1]


def test_what_nohup_protects_goes_on_when_the_terminal_is_closed(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which is all that nohup does
    try:
        run = running.begin(tmp_path, "block", 1)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        run.wait_reached()
        os.killpg(run.process.pid, signal.SIGHUP)
        run.release()
        assert run.wait_ended() == 0
    finally:
        running.end(run)
    assert run.counts() == [2, 2, 2]


def test_a_run_whose_output_nobody_reads_measures_to_its_end(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    run = running.begin(tmp_path, "block", 1, output=writes)
    try:
        os.close(writes)
        run.wait_reached()
        os.close(reads)
        run.release()
        assert run.wait_ended() == 0
    finally:
        running.end(run)
    assert run.counts() == [2, 2, 2]


def test_nox_that_is_killed_while_it_installs_leaves_nothing_running(tmp_path: Path) -> None:
    # The installing nox is below a guard of its own; what it installs with is a script here that never ends.
    programs = tmp_path / "bin"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text(f"#!{sys.executable}\nimport time\nopen({str(tmp_path / 'at')!r}, 'w').close()\ntime.sleep(600)\n")
    uv.chmod(0o755)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    guarded = [sys.executable, "-P", str(running.ROOT / "src/stackmatrix/system/guard.py")]
    script = f"import os, subprocess; subprocess.run([*{guarded!r}, '--parent', str(os.getpid()), '--', 'uv'])"
    above = subprocess.Popen([sys.executable, "-c", script], env=environment, start_new_session=True)
    run = running.Run(tmp_path, above)
    try:
        running.wait_for((tmp_path / "at").exists, running.REACHED_S, "uv")
        run.look()
        above.kill()
        above.wait()
        assert run.left() == []
    finally:
        running.end(run)


SERVICES = """
import os, sys, time
from pathlib import Path
from stackmatrix.system import guard, private_folders
guard.stand_above()
from stackmatrix.application.postgres import Postgres
from stackmatrix.application.redis import Redis
folder = private_folders.make()
with Postgres.start(folder), Redis.start(folder):
    Path(sys.argv[1], "at").write_text(str(os.getpid()))
    time.sleep(600)
"""
SWEEP = "from stackmatrix.system import private_folders; private_folders.JUST_MADE_S = 0; private_folders.sweep()"


@pytest.mark.skipif(
    not shutil.which("redis-server") or not (shutil.which("initdb") or Path("/usr/lib/postgresql").exists()),
    reason="PostgreSQL or Redis is not installed",
)
def test_services_of_an_application_end_with_a_harness_that_is_killed_and_the_next_run_removes_their_data(
    tmp_path: Path,
) -> None:
    (tmp_path / "tmp").mkdir()
    tmp_path.chmod(0o711)  # servers of root run as others, who have to get through to their data
    (tmp_path / "tmp").chmod(0o1777)
    given = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(running.ROOT / "src")}
    command = [str(running.TOOL), "-c", SERVICES, str(tmp_path)]
    with (tmp_path / "printed.txt").open("wb") as printed:
        above = subprocess.Popen(command, env=given, stdout=printed, stderr=printed, start_new_session=True)
    run = running.Run(tmp_path, above)
    try:
        run.wait_reached()
        names = {one.name() for one in run.seen.values() if one.is_running()}
        assert {"postgres", "redis-server"} <= names
        os.kill(run.harness, signal.SIGKILL)
        assert run.wait_ended(running.GONE_S) == 137
        assert run.left() == []
        assert [*(tmp_path / "tmp").iterdir()]
        subprocess.run([running.TOOL, "-c", SWEEP], env=given, check=True)
        assert [*(tmp_path / "tmp").iterdir()] == []
    finally:
        running.end(run)
