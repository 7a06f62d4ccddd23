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
