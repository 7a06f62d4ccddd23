"""Two revisions of a small project side by side, as people compare them: each with its own pages, sessions and list."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackmatrix.errors import AppError, VoidError
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.system.processes import PROJECT, SOURCE
from tests.process import small_project

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NAME = "end-to-end-compared"
FILE = f"""
name = "{NAME}"
install = ["django"]

[[request]]
path = "/"

[[request]]
path = "/mine/"
user = "ada"
expect = {{ contains = "ada" }}
"""
LONGER = small_project.URLS.replace('"x" * 1000', '"x" * 2000')
"""The page of the second revision is another one, which is right for it alone."""


@dataclass(frozen=True)
class Project:
    """A repository with a commit without the project, one with it, one that changes it, and one that breaks it."""

    folder: Path

    def git(self, *command: str) -> str:
        whole = ["git", "-C", str(self.folder), "-c", "user.name=x", "-c", "user.email=x@example.org", *command]
        return subprocess.run(whole, check=True, capture_output=True, text=True).stdout

    def commit(self, tag: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", tag)
        self.git("tag", tag)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("repository")
    made = Project(folder)
    made.git("init", "--quiet")
    made.commit("empty")
    shop = folder / "shop"
    small_project.make(shop, FILE)
    made.commit("first")
    (shop / "mysite/urls.py").write_text(LONGER)
    made.commit("second")
    (shop / "mysite/urls.py").write_text("raise RuntimeError('no pages today')\n")
    made.commit("broken")
    made.git("checkout", "--quiet", "second")
    yield made
    for left in (PROJECT / ".nox").glob(f"app-{NAME}-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def compare(project: Project, results: Path, *words: str, verb: str = "compare") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stackmatrix", verb, "--app", str(project.folder / "shop"), *words]
    command += ["--pythons", THIS_PYTHON, "--stacks", REFERENCE_STACK, "--measure", "cost", "--blocks", "1"]
    given = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [*command, "--results", str(results), "--machine", "here"],
        env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of two revisions."""
    results = tmp_path_factory.mktemp("comparisons")
    done = compare(project, results, "first", "second")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (folder,) = results.iterdir()
    return folder


def documents(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text()) for path in folder.glob("here/*/*/*.json")}


def test_both_sides_and_the_controls_of_the_base_are_in_every_block(compared: Path) -> None:
    found = documents(compared)
    names = [f"{THIS_PYTHON}+base.json", f"{THIS_PYTHON}+head.json"]
    controls = [f"{THIS_PYTHON}+base.{control}.json" for control in ("twin", "planted")]
    assert set(found) == {*names, *controls}
    assert {one["status"]["state"] for one in found.values()} == {"ok"}
    (keys,) = {tuple((block["run"], block["round"]) for block in one["cost"]) for one in found.values()}
    assert len(keys) == 1


def test_each_side_served_its_own_files_and_answered_rightly(compared: Path) -> None:
    found = documents(compared)
    hashes = {
        side: found[f"{THIS_PYTHON}+{side}.json"]["conditions"]["environment"]["app_sha256"]
        for side in ("base", "head")
    }
    assert hashes["base"] != hashes["head"]
    for one in found.values():
        assert not [finding for block in one["cost"] for finding in block["findings"] if "wrong" in finding["code"]]


def test_the_document_names_both_revisions_and_says_that_one_block_decides_nothing(
    compared: Path, project: Project
) -> None:
    document = json.loads((compared / "comparison.json").read_text())
    assert [document[side]["title"] for side in ("base", "head")] == ["first", "second"]
    assert document["base"]["commit"] == project.git("rev-parse", "first").strip()
    # On a machine that does something else at the same time the block counts for nothing, which is said, too.
    costs = [one for one in document["figures"] if one["figure"] == "cpu"]
    assert {(one["word"], one["low"]) for one in costs} <= {("undecided", None)}
    spoilt = [one["reason"] for one in document["not_compared"] if "none counts" in one["reason"]]
    assert len(costs) == 1 or len(spoilt) == 2


@pytest.mark.usefixtures("compared")
def test_nothing_of_the_users_repository_is_changed(project: Project) -> None:
    assert project.git("status", "--porcelain") == ""
    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_a_side_that_fails_is_named_with_its_own_line_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    done = compare(project, tmp_path, "second", "broken")
    assert done.returncode == AppError.exit_code
    assert "broken (head)" in done.stderr
    assert "no pages today" in done.stderr
    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_a_revision_without_the_application_is_one_sentence(project: Project, tmp_path: Path) -> None:
    done = compare(project, tmp_path, "empty", "second")
    assert done.returncode == AppError.exit_code
    *notes, said = done.stderr.strip().splitlines()
    assert "empty (base): There is no folder shop in it" in said
    assert all(note.startswith("Note on ") for note in notes)


def test_a_gate_that_one_block_cannot_decide_is_never_green_and_its_report_is_there(
    project: Project, tmp_path: Path
) -> None:
    done = compare(project, tmp_path, "first", "second", "--figures", "cpu", verb="gate")
    assert done.returncode == VoidError.exit_code, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Void" in done.stderr
    (folder,) = tmp_path.iterdir()
    document = json.loads((folder / "comparison.json").read_text())
    assert document["gate"]["outcome"] == "void"
    assert (folder / "comment.md").read_text().rstrip().endswith("-->")
