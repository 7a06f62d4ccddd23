"""What is committed under results/ is what summarize makes of the JSON there."""

import shutil
from pathlib import Path

import pytest

from stackmatrix import cli
from stackmatrix.system.processes import PROJECT

RESULTS = PROJECT / "results"
KINDS = ("README.md", "report.html", "*/README.md", "*/verdicts.json", "*/*.svg")
MADE = [path.relative_to(RESULTS) for kind in KINDS for path in sorted(RESULTS.glob(kind))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the committed result files alone, summarised."""
    folder = tmp_path_factory.mktemp("results")
    for path in (*RESULTS.glob("*/*/*/*.json"), *RESULTS.glob("published.txt")):
        copy = folder / path.relative_to(RESULTS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    assert cli.main(["summarize", "--results", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", MADE, ids=str)
def test_a_page_or_chart_that_is_committed_is_what_the_results_give(made: Path, name: Path) -> None:
    # Not compared by pytest, which would explain a difference of a million characters.
    is_same = (made / name).read_bytes() == (RESULTS / name).read_bytes()
    assert is_same, f"results/{name} is not what the results give: nox -s summarize makes it anew"


def test_nothing_that_summarize_makes_is_missing(made: Path) -> None:
    assert {path.relative_to(made) for kind in KINDS for path in made.glob(kind)} == set(MADE)
