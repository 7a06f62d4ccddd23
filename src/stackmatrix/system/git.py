"""What git knows of the project, and commits of exactly the files that were written."""

import subprocess
from collections.abc import Iterable
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
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


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
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise CommitError(f"The results are written, but git did not commit them: {' '.join(words[-2:])}")
