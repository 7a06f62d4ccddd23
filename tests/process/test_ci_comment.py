"""The job that comments: run as it is, with a stand-in for GitHub's command line that notes what it is asked."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CI = Path(__file__).parents[2] / "docs" / "ci"
COMMENT, GATE = (CI / "stackmatrix-comment.yml", CI / "stackmatrix.yml")
SHA, MARKER = "ab" * 20, "<!-- stackmatrix: shop -->"
GH = """#!{python}
import json, os, pathlib, shutil, subprocess, sys
folder, words = pathlib.Path(os.environ["STAND_IN"]), sys.argv[1:]
if words[:2] == ["run", "download"]:
    if not (folder / "artifact").is_dir():
        sys.exit("no artifact")
    shutil.copytree(folder / "artifact", words[words.index("--dir") + 1], symlinks=True)
elif "--jq" in words:
    path = next(word for word in words if word.startswith("repos/"))
    known = json.loads((folder / "github.json").read_text())
    name = "comments" if path.endswith("/comments") else "pulls"
    asked = subprocess.run(["jq", "-r", words[words.index("--jq") + 1]], input=json.dumps(known[name]), text=True)
    sys.exit(asked.returncode)
else:
    body = next(word for word in words if word.startswith("body=@")).removeprefix("body=@")
    path = next(word for word in words if word.startswith("repos/"))
    posted = dict(method=words[words.index("--method") + 1], path=path, body=pathlib.Path(body).read_text())
    (folder / "posted.json").write_text(json.dumps(posted))
"""

pytestmark = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("iconv")), reason="jq or iconv is missing")

type Post = Callable[..., dict[str, Any] | None]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """Runs the job on an artifact with this comment; gives what it has posted."""

    def run(body: bytes | None, comments: list[dict[str, Any]] | None = None, sha: str = SHA) -> dict[str, Any] | None:
        shutil.rmtree(tmp_path / "temp", ignore_errors=True)
        (tmp_path / "temp").mkdir()
        (tmp_path / "posted.json").unlink(missing_ok=True)
        if body is not None:
            (tmp_path / "artifact").mkdir(exist_ok=True)
            (tmp_path / "artifact" / "comment.md").write_bytes(body)
        pulls = [{"number": 6, "head": {"sha": "cd" * 20}}, {"number": 7, "head": {"sha": sha}}]
        (tmp_path / "github.json").write_text(json.dumps({"pulls": pulls, "comments": comments or []}))
        (tmp_path / "gh").write_text(GH.replace("{python}", sys.executable))
        (tmp_path / "gh").chmod(0o755)
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "STAND_IN": str(tmp_path),
            "RUNNER_TEMP": str(tmp_path / "temp"), "GH_REPO": "own/shop", "RUN_ID": "1",
            "HEAD_OWNER": "fork", "HEAD_BRANCH": "$(touch x); `touch y`",
            "HEAD_SHA": SHA, "LANG": "C.UTF-8",
        }  # fmt: skip
        script = textwrap.dedent(COMMENT.read_text(encoding="utf-8").partition("        run: |\n")[2])
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "x").exists()
        assert not (tmp_path / "y").exists()
        posted = tmp_path / "posted.json"
        return json.loads(posted.read_text()) if posted.exists() else None

    return run


def comment(number: int, body: str, login: str = "github-actions[bot]") -> dict[str, Any]:
    return {"id": number, "user": {"login": login}, "body": body}


def test_the_first_report_is_a_new_comment_of_the_pull_request_that_is_at_the_commit(post: Post) -> None:
    assert post(f"**Passed.**\n\n{MARKER}\n".encode()) == {
        "method": "POST",
        "path": "repos/own/shop/issues/7/comments",
        "body": f"**Passed.**\n\n\n{MARKER}\n",
    }


def test_a_later_report_replaces_the_comment_with_the_same_marker_and_no_other(post: Post) -> None:
    there = [
        comment(1, f"Look:\n{MARKER}", login="somebody"),
        comment(2, f"{MARKER}\nquoted"),
        comment(3, "x\n<!-- stackmatrix: other -->"),
        comment(4, f"**Void.**\n{MARKER}\n"),
    ]
    posted = post(f"**Passed.**\n{MARKER}\n".encode(), there)
    assert posted is not None
    assert (posted["method"], posted["path"]) == ("PATCH", "repos/own/shop/issues/comments/4")


def test_what_an_artifact_has_is_cut_and_freed_of_mentions_and_ends_with_one_marker(post: Post) -> None:
    hostile = f"@octocat, 3.13@debug ({'@'}team) \xff" + "é" * 100_000 + f"\n{MARKER}\n"
    posted = post(hostile.encode("utf-8", "surrogateescape") + b"\xff\n<!-- stackmatrix: $(touch x) -->\n")
    assert posted is not None
    body = posted["body"]
    assert body.startswith("@&#8203;octocat, 3.13@debug (@&#8203;team)")
    assert len(body.encode()) < 65_536
    # A marker of another form is not taken: the usual one stands for it.
    assert body.endswith("\n<!-- stackmatrix: built-in -->\n")


def test_without_a_report_or_a_pull_request_at_the_commit_nothing_is_posted(post: Post) -> None:
    assert post(None) is None
    assert post(b"x\n", sha="ef" * 20) is None


def test_a_report_that_is_a_link_is_not_read(post: Post, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "comment.md").symlink_to(tmp_path / "secret")
    assert post(None) is None


def test_the_job_that_may_write_checks_nothing_out_and_the_one_that_runs_code_may_write_nothing() -> None:
    texts = {
        path: re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in (COMMENT, GATE)
    }
    assert "uses:" not in texts[COMMENT]
    assert "write" not in texts[GATE]
    assert "secrets" not in texts[GATE]
    assert texts[GATE].count("persist-credentials: false") == texts[GATE].count("actions/checkout@") == 2
    assert "pull_request_target" not in texts[GATE]
    for text in texts.values():
        # What GitHub fills in stands in no script: there it would be a part of it.
        assert not [
            line
            for line in text.partition("run: |")[2].splitlines()
            if "${{" in line and "path:" not in line and "if:" not in line
        ]
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", used) for used in re.findall(r"uses: (\S+)", text))
