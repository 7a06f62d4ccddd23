"""Two runs at once: the second is named, and a dead one keeps nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stackmatrix.errors import ResultsFolderError
from stackmatrix.system import runs
from stackmatrix.system.processes import SOURCE

HOLD = """
import sys, time
from pathlib import Path
from stackmatrix.system import runs
with runs.alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def other_run(folder: Path) -> "subprocess.Popen[str]":
    given = {"PATH": os.defpath, "PYTHONPATH": str(SOURCE)}
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], env=given, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_run_is_refused_with_the_first_ones_process_and_since_when_until_that_is_killed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "here"
    with other_run(folder) as child:
        try:
            who = rf"process {child.pid}, since \d{{4}}-\d\d-\d\d \d\d:\d\d" if psutil.LINUX else "."
            with pytest.raises(ResultsFolderError, match=who), runs.alone_in(folder):
                pass
            with runs.alone_in(tmp_path / "elsewhere"):
                pass
        finally:
            child.send_signal(signal.SIGKILL)
    with runs.alone_in(folder):
        assert list(folder.iterdir()) == []
    assert not folder.exists()


@pytest.mark.parametrize(
    ("command", "is_one"),
    [
        ("/x/python -m stackmatrix run --stacks a", True),
        ("/x/python -m stackmatrix gate a b", True),
        ("/x/python -m stackmatrix run --list", False),
        ("/x/python -m stackmatrix serve", False),
        ("/x/python -m stackmatrix", False),
        ("grep stackmatrix run", False),
        ("stackmatrix run", False),
        ("", False),
    ],
)
def test_what_measures_is_told_by_its_command_line(command: str, is_one: bool) -> None:  # noqa: FBT001 - a table
    assert runs._is_measuring(command.split()) is is_one


def test_a_run_elsewhere_is_named_and_this_one_and_those_above_it_are_not(tmp_path: Path) -> None:
    before = runs.why_disturbed()
    package = tmp_path / "stackmatrix"
    package.mkdir()
    (package / "__main__.py").write_text("import time; print('up', flush=True); time.sleep(60)")
    command = [sys.executable, "-m", "stackmatrix", "run"]
    with subprocess.Popen(command, cwd=tmp_path, env={"PATH": os.defpath}, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            told = runs.why_disturbed()
        finally:
            child.kill()
    assert told is not None
    if before is None:  # else another run may be named
        assert f"Another run (process {child.pid}, since " in told
