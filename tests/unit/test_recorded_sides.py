"""Which words are states of results, and which name what is to be measured."""

import argparse
import subprocess
from pathlib import Path

import pytest

from stackmatrix.commands.compare import FOLDER
from stackmatrix.commands.comparing import recorded
from stackmatrix.matrix.stacks import REFERENCE_STACK

GIT = ("git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits and a branch called like a Python and one called like a stack."""
    for name in ("folder", "requirements"):
        (tmp_path / name).mkdir()
    (tmp_path / "requirements" / "base.txt").touch()
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        *[("commit", "--quiet", "--allow-empty", "--message=empty")] * 2,
        ("branch", "3.13"),
        ("branch", REFERENCE_STACK),
    ):
        subprocess.run([*GIT, *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(clone: Path, *sides: str, **changed: object) -> bool:
    known = {
        "sides": list(sides),
        "a": [],
        "b": [],
        "app": None,
        "recorded": False,
        "across_machines": False,
        "repeats": None,
    }
    options = argparse.Namespace(results=clone / "results")
    vars(options).update({**known, **changed})
    return recorded.is_recorded(options)


@pytest.mark.parametrize(
    "sides", [("HEAD~1", "HEAD"), ("main",), ("folder", "main"), ("main^", "folder"), ("HEAD", "no-such-revision")]
)
def test_revisions_and_folders_are_states_of_results(clone: Path, sides: tuple[str, ...]) -> None:
    assert ask(clone, *sides)
    assert ask(clone, a=[sides[0]], b=list(sides[1:]))


@pytest.mark.parametrize(
    "sides",
    [
        (), ("httpx==0.27.*", "httpx==0.28.*"), ("httpx", "django"), ("3.13", "main"), (REFERENCE_STACK, "main"),
        ("requirements/base.txt", "main"), ("main", "uvicorn<1"), ("main", "uvicorn~=0.40"),
    ],
)  # fmt: skip
def test_what_is_measured_is_none(clone: Path, sides: tuple[str, ...]) -> None:
    assert not ask(clone, *sides)


def test_revisions_of_an_application_are_measured_unless_its_results_are_meant(clone: Path) -> None:
    assert not ask(clone, "HEAD~1", "HEAD", app=clone)
    assert ask(clone, "HEAD~1", "HEAD", app=clone, recorded=True)
    assert not ask(clone, "HEAD", self=5)


def test_the_results_of_revisions_are_not_where_comparisons_are_kept(clone: Path) -> None:
    options = argparse.Namespace(app=None, results=FOLDER)
    assert recorded.folder_of(options).name == "results"
    options.results = clone / "other"
    assert recorded.folder_of(options) == clone / "other"
