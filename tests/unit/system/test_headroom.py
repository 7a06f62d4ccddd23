"""What a system still lets a run have: the least of the machine and of its control groups, in both versions' files."""

import os
import resource
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import headroom
from stackmatrix.system.cgroup import Group
from stackmatrix.system.headroom import Tasks

GIB = 2**30


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")
    return folder


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The control groups of this process."""
    found: list[Path] = []
    monkeypatch.setattr(headroom, "_groups", lambda: frozenset(Group(one, is_own=True) for one in found))
    return found


def test_without_a_group_the_memory_is_the_machines(folders: list[Path]) -> None:
    assert not folders
    found = headroom.memory()
    assert (found.total, found.by_group) == (psutil.virtual_memory().total, False)
    assert 0 < found.available <= found.total


@pytest.mark.parametrize(
    "files",
    [
        {
            "memory__max": str(GIB),
            "memory__current": str(GIB // 2),
            "memory__stat": f"anon 5\ninactive_file {GIB // 4}",
        },
        {
            "memory__limit_in_bytes": str(GIB),
            "memory__usage_in_bytes": str(GIB // 2),
            "memory__stat": f"inactive_file 7\ntotal_inactive_file {GIB // 4}",
        },
    ],
    ids=["version 2", "version 1"],
)
def test_a_groups_memory_counts_less_what_is_used_and_cannot_be_given_back(
    folders: list[Path], tmp_path: Path, files: dict[str, str]
) -> None:
    folders.append(group(tmp_path, **files))
    found = headroom.memory()
    assert (found.total, found.by_group) == (GIB, True)
    assert found.available in {3 * GIB // 4, GIB // 2 + 7}


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096), "", "odd"])
def test_a_group_without_a_limit_changes_nothing(folders: list[Path], tmp_path: Path, limit: str) -> None:
    folders.append(group(tmp_path, memory__max=limit, memory__current="5", pids__max=limit, pids__current="5"))
    assert not headroom.memory().by_group


def test_the_closest_limit_on_processes_is_the_one_that_is_told(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert headroom.tasks() is None
    folders.append(group(tmp_path / "a", pids__max="500", pids__current="20"))
    folders.append(group(tmp_path / "a" / "b", pids__max="60", pids__current="70"))
    assert headroom.tasks() == Tasks(0, 60, by_group=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(headroom, "own_tasks", lambda: 30)
    folders.clear()
    assert headroom.tasks() == Tasks(70, 100, by_group=False)


def test_own_processes_are_counted() -> None:
    assert headroom.own_tasks() >= 1


def test_room_is_told_where_a_folder_would_be(tmp_path: Path) -> None:
    found = headroom.disk(tmp_path / "not" / "yet")
    assert found is not None
    assert found.free > 0
    assert found.device == tmp_path.stat().st_dev
    assert headroom.existing(tmp_path / "not" / "yet") == tmp_path
    assert headroom.existing(tmp_path) == tmp_path
