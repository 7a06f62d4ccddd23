"""Two states of results by the real command: git revisions and folders, and what cannot be compared."""

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from stackmatrix import cli
from stackmatrix.outside.files import MOST_DOCUMENT_BYTES
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system import git_files
from tests import made_up, states

MACHINE = "a-machine"
GIT = ("git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")

type Commit = Callable[[Iterable[Result]], str]


def git(folder: Path, *command: str) -> str:
    return subprocess.run([*GIT, *command], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=nothing")
    return folder


@pytest.fixture
def commit(clone: Path) -> Commit:
    def write(results: Iterable[Result]) -> str:
        made_up.write(clone / "results", MACHINE, results)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=results")
        return git(clone, "rev-parse", "HEAD")

    return write


def compare(clone: Path, *words: str) -> tuple[int, dict[str, object]]:
    document = clone.parent / "out" / "comparison.json"
    document.unlink(missing_ok=True)
    code = cli.main(["compare", *words, "--results", str(clone / "results"), "--output", str(document.parent)])
    return code, json.loads(document.read_text()) if document.exists() else {}


def test_two_revisions_are_compared_without_a_checkout(clone: Path, commit: Commit) -> None:
    base = commit(states.before())
    head = commit(states.after(costs={"uvicorn": 1.15}))
    for path in (clone / "results").glob("*/*/*/*.json"):
        path.unlink()
    code, document = compare(clone, "HEAD~1", "HEAD")
    assert code == 0
    assert (document["base"], document["head"]) == (
        {"title": "HEAD~1", "kind": "results", "commit": base},
        {"title": "HEAD", "kind": "results", "commit": head},
    )
    figures = document["figures"]
    assert isinstance(figures, list)
    assert {one["stack"]: one["word"] for one in figures}["uvicorn"] == "worse"
    assert document["machine"] == MACHINE
    assert git(clone, "worktree", "list").count("\n") == 0


def test_a_revision_is_compared_with_a_folder_and_with_what_is_there_now(
    clone: Path, commit: Commit, tmp_path: Path
) -> None:
    commit(states.before())
    made_up.write(tmp_path / "other", MACHINE, states.after(costs={"uvicorn": 1.15}))
    made_up.write(clone / "results", MACHINE, states.after(costs={"uvicorn": 0.85}))
    for words, expected in (((str(tmp_path / "other"),), "worse"), ((), "better")):
        code, document = compare(clone, "main", *words)
        assert code == 0
        figures = document["figures"]
        assert isinstance(figures, list)
        assert {one["stack"]: one["word"] for one in figures}["uvicorn"] == expected


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("HEAD~2", "HEAD"), 6, "HEAD~2 has no results in results"),
        (("old", "HEAD"), 7, "older method"),
        (("HEAD", "HEAD~9"), 2, "git knows no such revision"),
        (("HEAD", "elsewhere"), 2, "The results are of other machines"),
        (("HEAD", "others"), 2, "have no cell in common"),
        (("HEAD~1", "HEAD"), 2, "the kernel (Linux 6.1 → Linux 7.0)"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence_and_a_code(
    clone: Path,
    commit: Commit,
    words: tuple[str, str],
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit(states.before())
    commit(states.with_kernel(states.after(), "Linux 7.0"))
    folder = clone.parent
    made_up.write(folder / "elsewhere", "another-machine", states.after())
    made_up.write(folder / "others", MACHINE, states.after(workloads=("fanout_shared_client",)))
    old = made_up.write(folder / "old", MACHINE, states.before())[:2]
    for path in (folder / "old").glob("*/*/*/*.json"):
        path.write_text('{"format_version": 5}') if path in old else path.unlink()
    monkeypatch.chdir(folder)
    assert compare(clone, *words) == (code, {})
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1


def test_across_machines_two_folders_are_compared_by_ratios(clone: Path, commit: Commit, tmp_path: Path) -> None:
    commit(states.before())
    others = states.with_kernel(states.after(costs={"uvicorn": 1.15}), "Linux 7.0")
    made_up.write(tmp_path / "elsewhere", "another-machine", others)
    code, document = compare(clone, "HEAD", str(tmp_path / "elsewhere"), "--across-machines")
    assert code == 0
    assert document["machine"] == f"{MACHINE} and another-machine"
    figures = document["figures"]
    assert isinstance(figures, list)
    assert {(one["base"], one["head"]) for one in figures} == {(None, None)}
    assert {one["stack"]: one["word"] for one in figures}["uvicorn"] == "worse"


def test_a_file_that_cannot_be_read_is_left_out_and_ends_with_its_code(
    clone: Path, commit: Commit, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(states.before())
    commit(states.after())
    next((clone / "results").glob("*/*/uvicorn/*.json")).write_text("{")
    code, document = compare(clone, "HEAD~1")
    assert code == 7
    assert document["figures"]
    assert "Left out 1 of the files" in capsys.readouterr().err


def page(clone: Path) -> str:
    assert cli.main(["summarize", "--results", str(clone / "results")]) == 0
    return (clone / "results" / MACHINE / "README.md").read_text()


def test_committing_pages_or_results_changes_no_page(clone: Path, commit: Commit) -> None:
    commit(states.before(blocks=4))
    commit(states.before())
    made_up.write(clone / "results", MACHINE, states.after(costs={"uvicorn": 1.15}))
    made = page(clone)
    assert "3 figures with an earlier state" not in made
    assert "4 figures with an earlier state" in made
    assert "% more CPU" in made
    report = (clone / "results" / "report.html").read_bytes()
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message=results and pages")
    assert page(clone) == made
    git(clone, "commit", "--quiet", "--allow-empty", "--message=something else")
    assert page(clone) == made
    assert (clone / "results" / "report.html").read_bytes() == report


def test_states_of_a_branch_that_was_merged_away_and_of_a_merge_itself_are_part_of_the_history(
    clone: Path, commit: Commit
) -> None:
    commit(states.make("first", 3))
    git(clone, "checkout", "--quiet", "-b", "beside")
    commit(states.before())
    git(clone, "checkout", "--quiet", "main")
    commit(states.after())
    git(clone, "merge", "--quiet", "--strategy=ours", "--no-commit", "beside")
    commit(states.make("of the merge", 4))
    commit(states.after())
    assert len(page(clone).split("| uvicorn | 3.13 | cpu, ms |")) == 1 + 4


def test_older_formats_are_counted_and_left_out(clone: Path, commit: Commit) -> None:
    commit(states.before())
    for path in (clone / "results").glob("*/*/*/*.json"):
        path.write_text('{"format_version": 6}')
    git(clone, "commit", "--quiet", "--all", "--message=older")
    made_up.write(clone / "results", MACHINE, states.before())
    # Four cells and two controls; the null target's file is not there.
    assert "Left out: 6 versions of older formats." in page(clone)


def test_a_shallow_clone_and_a_folder_outside_of_any_have_no_history(
    clone: Path, commit: Commit, tmp_path: Path
) -> None:
    commit(states.before())
    commit(states.after())
    git(tmp_path, "clone", "--quiet", "--depth=1", clone.as_uri(), "shallow")
    assert "There is no history" in page(tmp_path / "shallow")
    (clone / "results").rename(tmp_path / "results")
    assert "There is no history" in page(tmp_path)


def test_no_more_than_twenty_versions_of_a_file_are_read(clone: Path) -> None:
    for number in range(25):
        (clone / "a.json").write_text(str(number))
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=another")
    found = git_files.versions(clone, {"a.json"})
    assert found is not None
    assert [content for _, content in found] == [str(24 - place).encode() for place in range(20)]


def test_of_a_version_that_no_file_of_results_can_be_nothing_is_read(clone: Path) -> None:
    for content in ("small", "x" * (MOST_DOCUMENT_BYTES + 1)):
        (clone / "a.json").write_text(content)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=another")
    assert git_files.versions(clone, {"a.json"}) == [("a.json", None), ("a.json", b"small")]
    at_head = git_files.files_at(clone, "HEAD", ".")
    assert at_head["a.json"] is None
    assert set(at_head) >= {"a.json"}
    ((_, refused),) = store.decode_results([("laptop/fanout/uvicorn/3.13.json", None)])
    assert "has more than 8,000,000 bytes, so it is left out" in str(refused)
