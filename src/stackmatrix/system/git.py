"""What git knows of the project and other repositories, and commits of exactly the files that were written.

Whether git would commit is looked at before anything is measured: hours later, nobody may be there.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stackmatrix.errors import CommitError
from stackmatrix.system.git_command import GIT_MISSING, ask, run, words_of
from stackmatrix.system.processes import PROJECT

SIGN_S = 20.0
"""For one signature: a second where nobody is asked for anything."""
COMMIT_S = 600.0
"""For a commit with the user's hooks, which may run tests."""
CHECKOUT_S = 600.0
"""For all files of a large repository."""
LOCKED_S = 10.0
"""For another git, such as an editor's, to be done."""
LOCK_LOOK_S = 0.2

LITERALLY = ("--literal-pathspecs",)
"""A folder may have signs in its name that patterns have."""

UNDER_WAY = {
    "MERGE_HEAD": "a merge", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection", "rebase-merge": "a rebase", "rebase-apply": "a rebase, or patches being applied",
}  # fmt: skip
"""What has begun and not ended, by the file in which git keeps it."""


def git_commit() -> str | None:
    """The commit that is checked out, ``-dirty`` appended when files differ from it; ``None`` outside a clone."""
    described = ask(PROJECT, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")
    return None if described is None else described.decode(errors="replace").strip()


def commit_of(folder: Path, revision: str) -> str | None:
    """The commit that a revision names in the repository of a folder; ``None`` where there is no such one."""
    if revision.startswith("-"):
        return None
    found = ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.decode().strip() if found else None


def top_of(folder: Path) -> Path | None:
    """The top of the repository that a folder is in; ``None`` where it is in none."""
    found = ask(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(found.removesuffix(b"\n"))) if found else None


def why_not_read(folder: Path) -> str | None:
    """Why git does not read the repository that a folder is in, as it does not where somebody else owns it.

    ``None`` where it does, and where there is none.
    """
    done = run(folder, "rev-parse", "--is-inside-work-tree")
    if done.returncode and b"dubious ownership" in done.stderr:
        return (
            f"git does not read the repository of {folder}, which belongs to somebody else "
            f"(git config --global --add safe.directory {folder})"
        )
    return None


@contextmanager
def worktree(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    """The files of a commit in a new folder, up until the end; what is checked out in the repository stays as it is.

    Raises:
        CommitError: with git's own words.

    """
    done = run(
        repository, "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit, within_s=CHECKOUT_S
    )
    if done.returncode != 0:
        raise CommitError(f"git could not check {commit[:10]} out: {words_of(done)}")
    try:
        yield folder
    finally:
        run(repository, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        run(repository, "worktree", "prune")


def why_not_committable(folder: Path) -> str | None:
    """Why git would not commit files in a folder, with the remedy, in one sentence; ``None`` where it would.

    Nothing is changed, and nobody is asked for a passphrase: a signature that needs one is a reason. Hooks are not
    tried, since what they do is their own business. The folder need not be there yet.
    """
    place = _nearest(folder.resolve())
    looks = (_why_no_work_tree, _why_busy, _why_nobody, _why_not_signed)
    found = (why for why in (look(place) for look in looks) if why is not None)
    return next(found, None) or _why_ignored(place, folder.resolve())


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _why_no_work_tree(place: Path) -> str | None:
    done = run(place, "rev-parse", "--is-inside-work-tree")
    if done.returncode == 0:
        if done.stdout.strip() == b"true":
            return None
        return f"{place} is in a repository without files (a bare one, or .git itself): give --results in a clone of it"
    if GIT_MISSING.encode() in done.stderr:
        return f"{GIT_MISSING}: install it (Debian, Ubuntu: apt install git; macOS: xcode-select --install)"
    if b"not a git repository" in done.stderr:
        return f"{place} is in no git repository: give --results in one, or make one (git init)"
    return why_not_read(place) or f"git does not read the repository of {place}: {words_of(done)}"


def _why_busy(place: Path) -> str | None:
    """What is under way in the repository, or keeps its index or the commit from being written."""
    for name, what in UNDER_WAY.items():
        if _path(place, name).exists():
            return f"{what} is under way in the repository of {place}: end it first (see git status)"
    if ask(place, "symbolic-ref", "--quiet", "HEAD") is None:
        return f"no branch is checked out in {place}, where a commit is lost easily: git switch --create results"
    if ask(place, "ls-files", "--unmerged"):
        return f"files of the repository of {place} are in conflict: mend them first (see git status)"
    index = _path(place, "index")
    if (lock := index.with_name("index.lock")).exists():
        return f"another git is at work in the repository, or has died there: wait for it, or remove {lock}"
    closed = next((one for one in (index.parent, _path(place, "objects")) if not os.access(one, os.W_OK)), None)
    return None if closed is None else f"git cannot write to {closed}: mend its permissions"


def _path(place: Path, name: str) -> Path:
    """Where git keeps something of the repository of a folder."""
    found = ask(place, "rev-parse", "--git-path", name) or b""
    return place / os.fsdecode(found.removesuffix(b"\n"))


def _why_nobody(place: Path) -> str | None:
    for role in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        if ask(place, "var", role) is None:
            return "git does not know who commits: git config --global user.name NAME, and the same with user.email"
    return None


def _why_not_signed(place: Path) -> str | None:
    """Why a commit would not be signed, where the user wants it signed; the signature that is tried is thrown away."""
    wanted = ask(place, "config", "--type=bool", "--get", "commit.gpgSign")
    tree = (ask(place, "hash-object", "-t", "tree", "--stdin") or b"").decode().strip()
    if wanted is None or wanted.strip() != b"true":
        return None
    with tempfile.TemporaryDirectory(prefix="stackmatrix-sign-") as name:
        # The object is written there, and not into the repository.
        apart = {"GIT_OBJECT_DIRECTORY": name}
        done = run(place, "commit-tree", "-S", "-m", "a trial", tree, variables=apart, within_s=SIGN_S)
    if done.returncode == 0:
        return None
    return (
        f"git signs commits here (commit.gpgSign) and cannot without asking somebody: {words_of(done)}; "
        "make the key usable without a question, or git config commit.gpgSign false"
    )


def _why_ignored(place: Path, folder: Path) -> str | None:
    probe = folder / "machine" / "workload" / "stack" / "3.13.json"
    rule = run(place, "check-ignore", "--verbose", "--stdin", "-z", given=os.fsencode(probe))
    if rule.returncode != 0:
        return None
    source, line, pattern, _ = (os.fsdecode(part) for part in rule.stdout.split(b"\0")[:4])
    if pattern.startswith("!"):  # a rule by which it is not ignored
        return None
    return f"git ignores {folder} ({source}, line {line}: {pattern}): take that out, or choose another --results"


def need_committable(folder: Path) -> None:
    """Make sure, before anything is measured, that git will commit files in a folder.

    Raises:
        CommitError: with the reason and its remedy.

    """
    if (why := why_not_committable(folder)) is not None:
        raise CommitError(f"--commit cannot be done, and nothing was measured: {why}.")


def commit(paths: Iterable[Path], message: str) -> None:
    """Commit exactly these files, whatever else is staged or changed; when that fails, they are staged as before.

    Raises:
        CommitError: with git's own words.

    """
    names = [str(path.resolve()) for path in paths]
    if not names:
        return
    place = top_of(Path(names[0]).parent) or Path(names[0]).parent
    _wait_for_lock(place)
    before = ask(place, *LITERALLY, "ls-files", "--stage", "--full-name", "-z", "--", *names)
    done = run(place, *LITERALLY, "add", "--", *names)
    try:
        if done.returncode == 0:
            command = (*LITERALLY, "commit", "--quiet", "--cleanup=whitespace", "--file=-", "--only", "--", *names)
            done = run(place, *command, given=message.encode(), hooks=True, within_s=COMMIT_S)
    except BaseException:
        _stage_again(place, names, before)
        raise
    if done.returncode != 0:
        _stage_again(place, names, before)
        raise CommitError(
            f"The results are written, but git did not commit them: {words_of(done)}. Mend that, and commit them by "
            f"hand; nothing more of them is staged than before. All are below {os.path.commonpath(names)}."
        )


def _wait_for_lock(place: Path) -> None:
    lock = _path(place, "index.lock")
    until_s = time.monotonic() + LOCKED_S
    while lock.exists() and time.monotonic() < until_s:
        time.sleep(LOCK_LOOK_S)


def _stage_again(place: Path, names: Sequence[str], before: bytes | None) -> None:
    """Have files staged as they were, or not at all."""
    top = top_of(place)
    if before is None or top is None:
        return
    # An id without a meaning has as many digits as others.
    nothing = b"0" * len((ask(top, "hash-object", "--stdin") or b"").strip())
    gone = b"".join(b"0 %s\t%s\0" % (nothing, os.fsencode(os.path.relpath(name, top))) for name in names)
    run(top, "update-index", "-z", "--index-info", given=gone + before)
