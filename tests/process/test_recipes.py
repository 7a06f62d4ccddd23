"""The recipes of CONTRIBUTING.md, followed in a copy of the project: what they name is all that has to be touched."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.matrix import stacks
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.system.processes import PROJECT

EXAMPLE = "cheroot"
"""The server whose module stands in the recipe."""
PARTS = ("src", "locust", "noxfile.py", "requirements", "circus.ini")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's own files, without results."""
    for name in PARTS:
        place = PROJECT / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    (tmp_path / "docs").mkdir()
    (tmp_path / "results").mkdir()
    return tmp_path


def run(project: Path, module: str, *arguments: str) -> str:
    """What a module of the copy, or nox for it, prints."""
    command = [sys.executable, "-m", module, *arguments]
    environment = {"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin", "HOME": str(project)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def example() -> str:
    """The module of the recipe for a stack, as it stands there."""
    _, _, rest = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a stack")
    block = rest.partition("```python\n")[2].partition("   ```")[0]
    return "\n".join(line.removeprefix("   ") for line in block.splitlines()).rstrip() + "\n"


def test_the_recipes_example_is_a_module_of_the_table() -> None:
    assert example() == (Path(stacks.__file__).parent / f"{EXAMPLE}.py").read_text(encoding="utf-8")


def test_a_module_with_a_row_is_all_that_a_stack_needs_beside_its_lock_file(project: Path) -> None:
    (row,) = (row for row in STACKS.values() if row.server == EXAMPLE)
    text = example().replace(row.name, "tiny_server").replace(row.traits[0], "tiny.Server")
    (project / "src" / "stackmatrix" / "matrix" / "stacks" / "tiny.py").write_text(text)
    assert "bench-tiny_server" in run(project, "nox", "-l")
    assert "env-tiny_server-3.13" in run(project, "stackmatrix", "run", "--stacks", "tiny_server", "--list")
    run(project, "stackmatrix", "schema")
    page = (project / "docs" / "stacks.md").read_text(encoding="utf-8")
    assert "| tiny_server |" in page
    place = list(STACKS).index(row.name)
    code = "from stackmatrix.matrix.stacks import STACKS; print(*(f'{one.name}={one.port}' for one in STACKS.values()))"
    (project / "told.py").write_text(code)
    told = [one.partition("=") for one in run(project, "told").split()]
    assert {name for name, *_ in told} == {*STACKS, "tiny_server"}
    assert [int(port) for *_, port in told] == list(range(8000, 8001 + len(STACKS)))
    assert [name for name, *_ in told][: place + 1] == list(STACKS)[: place + 1]


def test_a_row_is_all_that_the_harness_needs_of_a_workload(project: Path) -> None:
    table = project / "src" / "stackmatrix" / "matrix" / "workloads.py"
    text = table.read_text(encoding="utf-8")
    row = '    _page("two_calls", "two calls", "/two-calls/", 40.0, delays_ms=(50, 100), page=_countries(2)),\n'
    assert text.count("_ROWS = (\n") == 1
    table.write_text(text.replace("_ROWS = (\n", f"_ROWS = (\n{row}"))
    listed = run(project, "stackmatrix", "run", "--workload", "two_calls", "--list")
    assert "env-" in listed


@pytest.mark.parametrize("page", ["method.md", "options.md"])
def test_every_workload_is_explained(page: str) -> None:
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    assert not [name for name in WORKLOADS if f"`{name}`" not in text]
