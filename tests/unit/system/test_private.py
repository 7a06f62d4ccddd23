"""Private folders: where they are made, and that nobody else can enter them."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix.errors import MachineLimitError
from stackmatrix.system import private_folders


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder for temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def made() -> Path:
    folder = private_folders.make()
    private_folders.remove(folder)
    return folder


def test_a_private_folder_stands_where_the_user_has_temporary_files_where_that_is_a_plain_place(
    temporary: Path,
) -> None:
    assert made().parent == temporary


@pytest.mark.parametrize("name", ["x" * 100, "mit Leerraum", "Prüf", "co$TS", "o'b", "a%b", "a:b", "a,b", "{a}", 'q"q'])
def test_it_stands_elsewhere_where_the_path_is_long_or_has_signs_that_servers_read(
    name: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (odd := temporary / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    assert str(made().parent) == private_folders.SHORT


def test_nobody_else_can_enter_it_whatever_the_umask_says(temporary: Path) -> None:
    for mask in (0o000, 0o777):
        before = os.umask(mask)
        try:
            folder = private_folders.make()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        finally:
            os.umask(before)
    assert folder.parent == temporary


def test_a_place_that_is_gone_or_no_place_at_all_is_one_sentence(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with pytest.raises(MachineLimitError, match=r"No temporary folder can be made in .*gone"):
        private_folders.make()

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(MachineLimitError, match=r"No temporary folder can be made .No usable"):
        private_folders.make()
