"""What git knows of the project, and commits of exactly the files that were written."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stackmatrix.errors import CommitError
from stackmatrix.system.processes import PROJECT


def git_commit() -> str | None:
    """The commit that is checked out, ``-dirty`` appended when files differ from it; ``None`` outside a clone."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


def commit_of(folder: Path, revision: str) -> str | None:
    """The commit that a revision names in the repository of a folder; ``None`` where there is no such one."""
    if revision.startswith("-"):
        return None
    found = _ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.strip() if found else None


def top_of(folder: Path) -> Path | None:
    """The top of the repository that a folder is in; ``None`` where it is in none."""
    found = _ask(folder, "rev-parse", "--show-toplevel")
    return Path(found.rstrip("\n")) if found else None


@contextmanager
def worktree(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    """The files of a commit in a new folder, up until the end; what is checked out in the repository stays as it is.

    Raises:
        CommitError: with git's own words.

    """
    done = _run(repository, "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit)
    if done.returncode != 0:
        raise CommitError(f"git could not check {commit[:10]} out: {' '.join(done.stderr.strip().splitlines()[-2:])}")
    try:
        yield folder
    finally:
        _run(repository, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        _run(repository, "worktree", "prune")


def _ask(folder: Path, *command: str) -> str | None:
    """What git prints, or ``None`` where it fails."""
    done = _run(folder, *command)
    return done.stdout if done.returncode == 0 else None


def _run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    try:
        # A hook of the user's is not ours to run.
        hooks = ["-c", f"core.hooksPath={os.devnull}"]
        # A folder of any bytes keeps its name.
        asked, how = ["git", *hooks, *command], "surrogateescape"
        return subprocess.run(asked, cwd=folder, capture_output=True, text=True, errors=how, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def commit(paths: Iterable[Path], message: str) -> None:
    """Commit exactly these files, whatever else is staged or changed.

    Raises:
        CommitError: with git's own words.

    """
    names = [str(path.resolve()) for path in paths]
    if not names:
        return
    root = Path(names[0]).parent
    for command in (["git", "add", "--", *names], ["git", "commit", "--quiet", "--message", message, "--", *names]):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise CommitError(f"The results are written, but git did not commit them: {' '.join(words[-2:])}")
