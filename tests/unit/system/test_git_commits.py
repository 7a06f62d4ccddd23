"""Commits of result files: what would keep git from one is known before, and a failed one leaves all as it was."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stackmatrix.errors import CommitError
from stackmatrix.system import git, git_command, processes

type Break = Callable[[Path, pytest.MonkeyPatch], None]


def run(folder: Path, *command: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *command], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits and an identity, and nothing of the user's own configuration."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    configuration = tmp_path / "gitconfig"
    configuration.write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    folder = tmp_path / "ein Klön"
    folder.mkdir()
    run(folder, "init", "--quiet")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        run(folder, "add", "--all")
        run(folder, "commit", "--quiet", "--message", text)
    return folder


def results_of(clone: Path) -> Path:
    return clone / "results"


def write(clone: Path, text: str = "{}") -> list[Path]:
    """Two result files in two folders, whose names have signs that patterns have."""
    made = [results_of(clone) / "here" / "w" / stack / f"{name}.json" for stack, name in (("s*", "3.13"), ("t", "[é]"))]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return made


def test_where_all_is_well_nothing_is_said_and_nothing_changes(clone: Path) -> None:
    before = sorted((clone / ".git").rglob("*"))
    assert git.why_not_committable(results_of(clone)) is None
    assert git.why_not_committable(clone) is None
    assert sorted((clone / ".git").rglob("*")) == before
    assert run(clone, "status", "--porcelain") == ""


def no_git(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PATH", "/nowhere")


def no_identity(clone: Path, _: pytest.MonkeyPatch) -> None:
    run(clone, "config", "user.useConfigOnly", "true")
    run(clone, "config", "--global", "--unset", "user.email")


def signing(program: str) -> Break:
    def have_it_signed(clone: Path, patch: pytest.MonkeyPatch) -> None:
        tool = clone.parent / "sign"
        tool.write_text(f"#!/bin/sh\n{program}\n")
        tool.chmod(0o755)
        run(clone, "config", "gpg.program", str(tool))
        run(clone, "config", "commit.gpgSign", "true")
        patch.setattr(git, "SIGN_S", 1.0)

    return have_it_signed


def detached(clone: Path, _: pytest.MonkeyPatch) -> None:
    run(clone, "checkout", "--quiet", "--detach")


def merging(clone: Path, _: pytest.MonkeyPatch) -> None:
    (clone / ".git" / "MERGE_HEAD").write_text(run(clone, "rev-parse", "HEAD~1"))


def rebasing(clone: Path, _: pytest.MonkeyPatch) -> None:
    (clone / ".git" / "rebase-merge").mkdir()


def locked(clone: Path, _: pytest.MonkeyPatch) -> None:
    (clone / ".git" / "index.lock").touch()


def ignored(clone: Path, _: pytest.MonkeyPatch) -> None:
    (clone / ".gitignore").write_text("/results/\n")


REASONS: dict[str, tuple[Break, str]] = {
    "no git": (no_git, "^git is not installed: install it"),
    "no identity": (no_identity, "^git does not know who commits: git config --global user.name"),
    "cannot sign": (signing("echo no key >&2; exit 1"), r"cannot without asking somebody: .*; make the key usable"),
    "asks to sign": (signing("sleep 60"), "cannot without asking somebody: git did not end within 1 s"),
    "detached": (detached, "^no branch is checked out in .*: git switch --create results"),
    "merge": (merging, "^a merge is under way"),
    "rebase": (rebasing, "^a rebase is under way"),
    "locked": (locked, r"^another git is at work .* remove .*index\.lock"),
    "ignored": (ignored, r"^git ignores .*results \(\.gitignore, line 1: /results/\): take that out"),
}


@pytest.mark.parametrize(("spoil", "why"), REASONS.values(), ids=REASONS)
def test_what_would_keep_git_from_a_commit_is_known_before_with_its_remedy(
    clone: Path, monkeypatch: pytest.MonkeyPatch, spoil: Break, why: str
) -> None:
    spoil(clone, monkeypatch)
    began_s = time.monotonic()
    told = git.why_not_committable(results_of(clone))
    assert told is not None
    assert re.search(why, told), told
    assert "\n" not in told
    assert time.monotonic() - began_s < 30
    with pytest.raises(CommitError, match="nothing was measured"):
        git.need_committable(results_of(clone))


def test_what_is_ignored_but_for_the_results_is_no_reason(clone: Path) -> None:
    (clone / ".gitignore").write_text("*.json\n!/results/**/*.json\n")
    assert git.why_not_committable(results_of(clone)) is None
    git.commit(write(clone), "Measure")


def test_a_folder_outside_of_any_repository_and_a_bare_one_have_no_files_to_commit(clone: Path, tmp_path: Path) -> None:
    assert str(git.why_not_committable(tmp_path)).startswith(f"{tmp_path} is in no git repository")
    run(tmp_path, "clone", "--quiet", "--bare", str(clone), "bare")
    assert "is in a repository without files" in str(git.why_not_committable(tmp_path / "bare" / "results"))


def test_a_shallow_clone_a_worktree_and_a_first_commit_are_as_good_as_any(clone: Path, tmp_path: Path) -> None:
    run(tmp_path, "clone", "--quiet", "--depth=1", f"file://{clone}", "shallow")
    run(clone, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
    run(tmp_path, "init", "--quiet", "new")
    for name in ("shallow", "tree", "new"):
        assert git.why_not_committable(tmp_path / name / "results") is None
        git.commit(write(tmp_path / name), "Measure")
        assert run(tmp_path / name, "show", "--format=%s", "--name-only", "-z", "HEAD").count(".json") == 2


def test_the_repository_of_a_hook_that_started_this_is_not_meant(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "init", "--quiet", "of the hook")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of the hook" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "of the hook"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "of the hook" / "index"))
    assert git.top_of(clone) == clone
    assert git.why_not_committable(results_of(clone)) is None
    git.commit(write(clone), "Measure")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert run(clone, "log", "-1", "--format=%s") == "Measure"


def test_a_users_configuration_changes_nothing_that_is_read(clone: Path) -> None:
    for name, value in {
        "color.ui": "always", "core.quotePath": "true", "log.showSignature": "true", "alias.rev-parse": "!false",
        "commit.verbose": "true", "commit.template": "/gone", "commit.cleanup": "strip", "core.fsmonitor": "true",
        "core.editor": "sleep 60", "commit.status": "true",
    }.items():  # fmt: skip
        run(clone, "config", name, value)
    head = git.commit_of(clone, "HEAD")
    assert head is not None
    assert len(head) == 40
    git.commit(write(clone), "Measure\n\n# of a machine\n- é\n")
    assert run(clone, "log", "-1", "--format=%B") == "Measure\n\n# of a machine\n- é"


def fail_by_a_hook(clone: Path) -> str:
    hook = clone / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho the hook says no >&2\nexit 1\n")
    hook.chmod(0o755)
    return "the hook says no"


def wait_in_a_hook(clone: Path) -> str:
    fail_by_a_hook(clone)
    (clone / ".git" / "hooks" / "pre-commit").write_text("#!/bin/sh\nread answer </dev/tty || sleep 60\n")
    return "git did not end within 1 s"


@pytest.mark.parametrize("spoil", [fail_by_a_hook, wait_in_a_hook])
def test_a_commit_that_fails_leaves_everything_staged_as_it_was(
    clone: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], str]
) -> None:
    first, second = write(clone, "earlier")
    (clone / "other").write_text("staged by the user")
    run(clone, "add", "other", str(first))
    write(clone, "measured")
    before = run(clone, "status", "--porcelain"), run(clone, "ls-files", "--stage")
    said = spoil(clone)
    monkeypatch.setattr(git, "COMMIT_S", 1.0)
    with pytest.raises(CommitError, match=f"The results are written, but git did not commit them: .*{said}"):
        git.commit([first, second], "Measure")
    assert (run(clone, "status", "--porcelain"), run(clone, "ls-files", "--stage")) == before
    assert first.read_text() == second.read_text() == "measured"
    assert not (clone / ".git" / "index.lock").exists()
    assert run(clone, "log", "--format=%s") == "two\none"


def test_what_the_user_has_staged_stays_staged_and_alone(clone: Path) -> None:
    (clone / "other").write_text("staged by the user")
    run(clone, "add", "other")
    paths = write(clone)
    git.commit(paths, "Measure")
    assert run(clone, "status", "--porcelain") == "A  other"
    names = run(clone, "-c", "core.quotePath=false", "show", "--format=", "--name-only", "HEAD").splitlines()
    assert sorted(names) == sorted(str(path.relative_to(clone)) for path in paths)


def test_a_message_of_thousands_of_names_is_no_argument(clone: Path) -> None:
    git.commit(write(clone), "Measure\n\n" + "a name that is rather long\n" * 10_000)
    assert run(clone, "log", "-1", "--format=%b").count("\n") == 9_999


def test_another_git_that_is_soon_done_is_waited_for(clone: Path) -> None:
    lock = clone / ".git" / "index.lock"
    lock.touch()
    with subprocess.Popen(["sh", "-c", f"sleep 0.5; rm '{lock}'"]):
        git.commit(write(clone), "Measure")
    assert run(clone, "log", "-1", "--format=%s") == "Measure"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_somebody_else_is_named_with_what_to_do(clone: Path) -> None:
    for path in (clone, clone / ".git"):
        os.chown(path, 12345, 12345)
    assert git.why_not_read(clone) == git.why_not_committable(results_of(clone))
    assert f"git config --global --add safe.directory {clone}" in str(git.why_not_read(clone))


def test_a_git_that_hangs_is_ended_with_all_that_it_has_started(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nsleep 60 &\necho $! >sleeping\nwait\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = git_command.run(clone, "status", within_s=1.0)
    assert (done.returncode, done.stderr) == (124, b"git did not end within 1 s")
    pid = int((clone / "sleeping").read_text())
    assert not processes.is_running(pid)
