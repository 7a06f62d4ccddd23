"""Folders of a run: those of one that was killed are removed by the next, and no others."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from stackmatrix.system import private_folders
from stackmatrix.system.processes import SOURCE

MAKE = "from stackmatrix.system import private_folders; print(private_folders.make('app'), flush=True); input()"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(private_folders, "JUST_MADE_S", 0.0)
    return tmp_path


def made_by(temporary: Path) -> "tuple[subprocess.Popen[str], Path]":
    """Another process and the folder that it has made."""
    child = subprocess.Popen(
        [sys.executable, "-c", MAKE],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    return child, Path(child.stdout.readline().strip())


def test_what_a_killed_run_has_left_is_removed_and_what_a_live_one_has_is_not(temporary: Path) -> None:
    dead, left = made_by(temporary)
    alive, used = made_by(temporary)
    (temporary / "stackmatrix-others").mkdir()
    own = private_folders.make()
    try:
        dead.kill()
        dead.communicate()
        private_folders.sweep()
        assert not left.exists() or left == used
        assert used.exists()
        assert own.exists()
        assert (temporary / "stackmatrix-others").exists()
    finally:
        alive.communicate("\n")
        private_folders.remove(own)
    private_folders.sweep()
    assert not used.exists()


def test_what_a_process_still_uses_stays(temporary: Path) -> None:
    dead, left = made_by(temporary)
    dead.kill()
    dead.communicate()
    server = subprocess.Popen([sys.executable, "-c", "input()"], cwd=left, stdin=subprocess.PIPE)
    try:
        private_folders.sweep()
        assert left.exists()
    finally:
        server.communicate(b"\n")
    private_folders.sweep()
    assert not left.exists()


def test_what_was_just_made_stays_as_it_may_not_be_locked_yet(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (temporary / f"{private_folders.PREFIX}x").mkdir()
    monkeypatch.setattr(private_folders, "JUST_MADE_S", 60.0)
    private_folders.sweep()
    assert (temporary / f"{private_folders.PREFIX}x").exists()
    ago = time.time() - 3600
    os.utime(temporary / f"{private_folders.PREFIX}x", (ago, ago))
    private_folders.sweep()
    assert not (temporary / f"{private_folders.PREFIX}x").exists()


def test_a_folder_is_for_this_user_alone() -> None:
    with private_folders.folder("app") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(f"{folder}/circus") < 100 or len(tempfile.gettempdir()) > private_folders.LONGEST_TEMPORARY_BYTES
    assert not folder.exists()
