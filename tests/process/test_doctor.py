"""The doctor as it is called, on this machine: it says all, stops for real limits, and changes nothing."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stackmatrix.errors import OpenFilesError, ResultsFolderError
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.system import cgroup
from stackmatrix.system.processes import PROJECT, SOURCE

ASKED = ("--stacks", REFERENCE_STACK, "--workload", "no_calls", "--machine", "m")


def call(
    *arguments: str, before: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), **variables}
    command = [sys.executable, "-m", "stackmatrix", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=PROJECT, preexec_fn=before
    )


def test_it_says_how_everything_stands_and_writes_only_what_was_asked_for(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    done = call("doctor", *ASKED, "--results", str(tmp_path / "r"), "--json", str(told), COLUMNS="80", TERM="dumb")
    found = json.loads(told.read_text())
    assert done.returncode == found["exit_code"], done.stderr
    assert "Traceback" not in done.stderr
    for title, one in found["diagnoses"].items():
        assert title in done.stdout
        assert one["said"]
        assert (one["exit_code"] is not None) == (one["state"] == "stops")
    assert [path.name for path in tmp_path.iterdir()] == ["told.json"]


# A child that enters a control group, and says what that leaves it.
ENTER = """
import os, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
from stackmatrix.system import headroom
print(headroom.memory(), headroom.tasks())
"""


@pytest.mark.parametrize(
    ("controller", "files", "limit", "told"),
    [
        ("memory", ("memory.max", "memory.limit_in_bytes"), "268435456", "Memory(total=268435456, "),
        ("pids", ("pids.max",), "50", "limit=50, by_group=True"),
    ],
)
def test_what_a_real_control_group_allows_is_what_is_reckoned_with(
    controller: str, files: tuple[str, ...], limit: str, told: str
) -> None:
    mounts = cgroup._mounts()
    mount = mounts.get(controller) or mounts.get("")
    if mount is None:
        pytest.skip("this system has no control groups")
    folder = mount[1] / f"stackmatrix-doctor-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"this system lets no control group be made: {error}")
    try:
        file = next((path for name in files if (path := folder / name).exists()), None)
        if file is None:
            pytest.skip(f"this system lets no control group for {controller} be made")
        file.write_text(limit)
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(
            [sys.executable, "-c", ENTER, str(folder)], env=environment, capture_output=True, text=True, check=False
        )
    finally:
        folder.rmdir()
    assert told in done.stdout, done.stderr
    assert controller != "memory" or "by_group=True" in done.stdout


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


@pytest.mark.parametrize("command", [["doctor"], ["run", "--list"]], ids=" ".join)
def test_a_shell_that_may_open_too_few_files_is_told_before_anything_is_installed(
    tmp_path: Path, command: list[str]
) -> None:
    done = call(*command, *ASKED, "--results", str(tmp_path), before=few_files)
    assert done.returncode == OpenFilesError.exit_code
    assert "and this shell allows 256: raise the hard limit" in " ".join((done.stdout + done.stderr).split())
    assert not done.stdout.startswith("env-")


def test_a_results_folder_that_is_a_file_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = call("run", "--list", *ASKED, "--results", str(tmp_path / "file" / "results"))
    assert (done.returncode, done.stdout) == (ResultsFolderError.exit_code, "")
    assert "cannot be written" in done.stderr
