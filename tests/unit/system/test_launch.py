"""What a command is given in a file: its variables and its folder."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.errors import OpenFilesError
from stackmatrix.system import host, launch
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


# Linux grants what the hard limit says, up to a number that is never reached here: macOS's refusal is a patched call.
class Limit:
    """A limit on open files of which the system grants no more than ``most``, whatever its hard one says."""

    def __init__(self, soft: int, hard: int, most: int, error: Exception | None = None) -> None:
        self.soft, self.hard, self._most = soft, hard, most
        self._error = error or ValueError("current limit exceeds maximum limit")

    def get(self, _: int) -> tuple[int, int]:
        return self.soft, self.hard

    def set(self, _: int, limits: tuple[int, int]) -> None:
        if limits[0] > self._most:
            raise self._error
        self.soft, self.hard = limits


ENDLESS = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limit", "holds"),
    [
        (Limit(256, ENDLESS, 10_240), 10_240),
        (Limit(256, ENDLESS, 10_240, OSError(22, "Invalid argument")), 10_240),
        (Limit(256, 524_288, 12_345), 12_345),
        (Limit(256, ENDLESS, 10**9), 32_768),
        (Limit(256, 4_096, 10**9), 4_096),
        (Limit(256, ENDLESS, 256), 256),
        (Limit(40_000, ENDLESS, 10), 40_000),
        (Limit(ENDLESS, ENDLESS, 10_240), 10_240),
        (Limit(ENDLESS, ENDLESS, 10**9), 32_768),
    ],
)
def test_the_limit_on_open_files_is_raised_as_far_as_the_system_lets_it_be(
    limit: Limit, holds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", limit.get)
    monkeypatch.setattr(resource, "setrlimit", limit.set)
    assert launch.raise_open_files(32_768) == holds
    assert limit.soft == holds


def test_what_the_kernel_itself_does_not_allow_is_refused_with_its_own_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit(256, ENDLESS, 1_000)
    monkeypatch.setattr(resource, "getrlimit", limit.get)
    monkeypatch.setattr(resource, "setrlimit", limit.set)
    with pytest.raises(OpenFilesError) as refused:
        host.need_open_files(1_000)
    assert refused.value.exit_code == 5
    assert str(refused.value) == (
        "1000 requests at once need up to 8200 open files, and this system allows 1000: raise that (macOS: sudo sysctl "
        "kern.maxfilesperproc=8200) or lower the ladder (--users, --rates)."
    )


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
@pytest.mark.parametrize("core", ["4095", "99999999"])
def test_a_core_that_is_not_there_is_one_sentence(core: str) -> None:
    command = [sys.executable, launch.__file__, "--cores", core, "--", sys.executable, "-c", "print('ran')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Core {core} may not be used here (")


def test_what_crashes_leaves_no_dump_in_the_folder_that_it_ran_in() -> None:
    tell = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    command = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"]
    command += [sys.executable, launch.__file__, "--", sys.executable, "-c", tell]
    assert subprocess.check_output(command, text=True) == "0\n"
