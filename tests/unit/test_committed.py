"""What is committed under results/ is what summarize makes of the JSON there."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stackmatrix import cli
from stackmatrix.system.processes import PROJECT

RESULTS = PROJECT / "results"
APPS = sorted(path.parent for path in RESULTS.glob("*/report.html"))
"""Folders of applications, each with machines of its own."""
KINDS = ("README.md", "report.html", "*/README.md", "*/verdicts.json", "*/*.svg")


def pages(folder: Path) -> list[Path]:
    """What summarize has made in a folder of results, by its path from there."""
    found = (path for kind in KINDS for path in sorted(folder.glob(kind)))
    return [path.relative_to(folder) for path in found if path.parent not in set(APPS) - {folder}]


MADE = [(folder, name) for folder in (RESULTS, *APPS) for name in pages(folder)]


def asked(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=PROJECT, check=False, capture_output=True, text=True)
    return done.stdout.strip()


# A page shows what its cells were earlier, which a shallow clone does not have.
pytestmark = pytest.mark.skipif(
    asked("rev-parse", "--is-shallow-repository") != "false", reason="this is no clone with its whole history"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """For each folder of results one with the committed result files alone, summarised.

    Each stands in a working tree of its own, with the history of this one.
    """
    anew = {}
    for folder in (RESULTS, *APPS):
        top = tmp_path_factory.mktemp("tree")
        (top / ".git").write_text(f"gitdir: {asked('rev-parse', '--absolute-git-dir')}\n")
        anew[folder] = top / folder.relative_to(PROJECT)
        for path in (*folder.glob("*/*/*/*.json"), *folder.glob("published.txt")):
            copy = anew[folder] / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        assert cli.main(["summarize", "--results", str(anew[folder])]) == 0
    return anew


@pytest.mark.parametrize(("folder", "name"), MADE, ids=lambda one: one.name if one.is_absolute() else str(one))
def test_a_page_or_chart_that_is_committed_is_what_the_results_give(
    made: dict[Path, Path], folder: Path, name: Path
) -> None:
    # Not compared by pytest, which would explain a difference of a million characters.
    is_same = (made[folder] / name).read_bytes() == (folder / name).read_bytes()
    assert is_same, f"{folder / name} is not what the results give: nox -s summarize makes it anew"


@pytest.mark.parametrize("folder", [RESULTS, *APPS], ids=lambda folder: folder.name)
def test_nothing_that_summarize_makes_is_missing(made: dict[Path, Path], folder: Path) -> None:
    found = {path.relative_to(made[folder]) for kind in KINDS for path in made[folder].glob(kind)}
    assert found == {name for of, name in MADE if of == folder}
