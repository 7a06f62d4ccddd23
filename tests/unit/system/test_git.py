"""What git is asked of somebody's repository: which commit a word names, and a commit's files apart from the others."""

import subprocess
from pathlib import Path

import pytest

from stackmatrix.errors import CommitError
from stackmatrix.system import git


def run(folder: Path, *command: str) -> str:
    whole = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org", *command]
    return subprocess.run(whole, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of one file, and a change that is in none."""
    folder = tmp_path / "a repository"
    (folder / "below").mkdir(parents=True)
    run(folder, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        run(folder, "add", "--all")
        run(folder, "commit", "--quiet", "--message", text)
    (folder / "file").write_text("three")
    return folder


def test_a_word_names_a_commit_or_none(repository: Path) -> None:
    first = run(repository, "rev-parse", "HEAD~1")
    assert git.commit_of(repository, "main~1") == first
    assert git.commit_of(repository / "below", first[:8]) == first
    for word in ("nothing", "--all", "HEAD~9", "file"):
        assert git.commit_of(repository, word) is None
    assert git.commit_of(Path("/"), "HEAD") is None


def test_the_top_is_found_from_below(repository: Path) -> None:
    assert git.top_of(repository / "below") == repository
    assert git.top_of(Path("/")) is None


def test_a_worktree_has_the_files_of_its_commit_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    first = git.commit_of(repository, "HEAD~1")
    assert first is not None
    # A hook of the user's is none of ours to run.
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)
    with git.worktree(repository, first, tmp_path / "tree") as tree:
        assert (tree / "file").read_text() == "one"
        assert (repository / "file").read_text() == "three"
    assert not (tmp_path / "tree").exists()
    assert not (tmp_path / "hooked").exists()
    assert run(repository, "worktree", "list").count("\n") == 0
    assert run(repository, "status", "--porcelain") == "M file"


def test_a_worktree_that_cannot_be_made_is_one_sentence(repository: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(CommitError, match="git could not check 0000000000 out"),
        git.worktree(repository, "0" * 40, tmp_path / "tree"),
    ):
        pass
