"""What an installation says is shown as ever, and kept for the harness to read."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from stackmatrix.system import keep_errors

KEEP = [sys.executable, keep_errors.__file__]


def keep(file: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*KEEP, str(file), *command], capture_output=True, text=True, check=False)


def test_standard_error_is_shown_and_kept_and_the_rest_is_as_without(tmp_path: Path) -> None:
    file = tmp_path / "install.log"
    done = keep(file, "sh", "-c", "echo out; echo 'error: no' >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "error: no\n")
    assert file.read_text() == "error: no\n"
    assert file.stat().st_mode & 0o077 == 0
    assert keep(file, "true").returncode == 0
    assert file.read_text() == ""


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    done = keep(tmp_path / "log", "/no/such/uv", "pip")
    assert done.returncode == 127
    assert done.stderr == (tmp_path / "log").read_text()
    assert done.stderr == "error: /no/such/uv cannot be started: No such file or directory\n"


def test_a_signal_reaches_the_command_and_a_command_that_is_killed_has_failed(tmp_path: Path) -> None:
    code = "import os; print(os.getpid(), flush=True); import time; time.sleep(60)"
    command = [*KEEP, str(tmp_path / "log"), sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 128 + signal.SIGTERM
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("it is still there")
