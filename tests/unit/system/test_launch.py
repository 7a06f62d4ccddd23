"""What a command is given in a file: its variables and its folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.system import launch
from stackmatrix.system.launch import Setting
from stackmatrix.system.processes import SOURCE

GIVEN = " a$b'c\\n\"=é\n "
TELL = "import os; print(repr(os.environ['TOKEN']), os.getcwd(), os.environ['KEPT'])"


def test_a_command_gets_its_variables_byte_for_byte_and_starts_in_its_folder(tmp_path: Path) -> None:
    file, folder = tmp_path / "setting.json", tmp_path / "place"
    folder.mkdir()
    Setting({"TOKEN": GIVEN}, str(folder)).write(file)
    command = [sys.executable, "-m", "stackmatrix.system.launch", f"--setting={file}", "--", sys.executable, "-c", TELL]
    environment = {"PYTHONPATH": str(SOURCE), "KEPT": "kept", "TOKEN": "other", "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == f"{GIVEN!r} {folder} kept"


def test_nothing_is_said_of_a_setting_that_gives_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    Setting().take()
    assert (dict(os.environ), Path.cwd()) == (before, tmp_path)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_the_cores_of_a_setting_are_those_of_the_command(tmp_path: Path) -> None:
    core, file = min(os.sched_getaffinity(0)), tmp_path / "setting.json"
    Setting(cores=(core,)).write(file)
    command = [
        sys.executable,
        launch.__file__,
        f"--setting={file}",
        "--cores",
        ",".join(map(str, os.sched_getaffinity(0))),
    ]
    tell = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    assert subprocess.check_output([*command, "--", *tell], text=True) == f"{{{core}}}\n"


def test_only_the_user_can_read_the_file_whatever_others_are_made_readable(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Setting({"TOKEN": GIVEN}).write(tmp_path / "setting.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "setting.json").stat().st_mode) == 0o600


def test_a_file_that_somebody_else_has_put_there_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "setting.json").touch()
    with pytest.raises(FileExistsError):
        Setting({"TOKEN": GIVEN}).write(tmp_path / "setting.json")
    assert (tmp_path / "setting.json").read_text() == ""


def test_what_cannot_be_started_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, launch.__file__, "--", "no-such-program"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "no-such-program cannot be started: No such file or directory\n")
