"""Target environments, by the stamps that the noxfile leaves, and why one is missing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import CONTROLS, Cell, Installation, Subject
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import Missing

HERE = Cell(stack="here", python="3.13", workload="w")
GONE = Cell(stack="gone", python="3.13", workload="w")


@pytest.fixture
def stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes an environment's stamp; the stacks ``here`` and ``gone`` have lock files."""
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name in ("here", "gone"):
        (locks / f"{name}.txt").write_text(f"{name}==1")
    monkeypatch.setattr(environments, "REQUIREMENTS", locks)

    def write(content: object, name: str = "env-here-3-13") -> Path:
        folder = tmp_path / "nox" / name
        folder.mkdir(parents=True)
        (folder / environments.STAMP).write_text(content if isinstance(content, str) else json.dumps(content))
        return folder.parent

    return write


def content(stack: str = "here", python: str = "3.13") -> dict[str, str | None]:
    return {"stack": stack, "python": python, "lock_sha256": environments.lock_sha256(stack)}


def test_an_environment_is_found_by_its_stamp(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    lock = environments.lock_sha256("here")
    assert lock is not None
    assert environments.installed(folder) == {("here", "3.13"): Installation(folder / "env-here-3-13", lock)}


def test_an_environment_of_another_lock_file_is_not_installed(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    (environments.REQUIREMENTS / "here.txt").write_text("here==2")
    assert environments.installed(folder) == {}


def test_an_environment_without_its_lock_file_is_not_installed(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    (environments.REQUIREMENTS / "here.txt").unlink()
    assert environments.installed(folder) == {}


@pytest.mark.parametrize("broken", ["", '{"stack": "here", "pyt', "[]", "null", {"lock_sha256": "tool"}])
def test_a_stamp_that_is_no_whole_one_counts_as_not_installed(stamp: Callable[..., Path], broken: object) -> None:
    stamp(broken, "broken")
    folder = stamp(content())
    assert list(environments.installed(folder)) == [("here", "3.13")]


def test_a_folder_that_is_not_there_holds_no_environment(tmp_path: Path) -> None:
    assert environments.installed(tmp_path / "none") == {}


def test_a_cell_is_resolved_with_everything_that_its_names_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    python = PYTHONS[0]
    places = {(name, python): Installation(Path("/opt") / name, name) for name in STACKS}
    monkeypatch.setattr(environments, "installed", lambda: places)
    cells = [
        Cell(stack=stack, python=python, workload=workload, control=control)
        for workload in WORKLOADS
        for stack in STACKS
        for control in (None, *CONTROLS)
    ]
    assert environments.resolve(cells) == [
        Subject(one, STACKS[one.stack], WORKLOADS[one.workload], BUILT_IN, places[one.stack, one.python])
        for one in cells
    ]


def test_what_is_needed_and_not_installed_is_an_error_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    with pytest.raises(
        EnvironmentMissingError, match=r"^gone is not installed for Python 3\.13: run nox -s env-gone-3\.13$"
    ):
        environments.resolve([GONE])


def report_of(tmp_path: Path, result: str) -> Path:
    """A report as ``nox --report`` writes it."""
    sessions = [
        {"session": "tool", "signatures": ["tool"], "result": "success", "result_code": 1, "args": {}},
        {"session": "env-gone", "signatures": ["env-gone-3.13"], "result": result, "result_code": 0, "args": {}},
    ]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"result": 1, "sessions": sessions}))
    return path


@pytest.mark.parametrize(
    ("result", "state", "word"),
    [
        ("skipped", "skipped", "was not found"),
        ("failed", "failed", "could not be installed"),
        ("aborted", "failed", "could not be installed"),
    ],
)
def test_nox_report_tells_a_python_that_is_not_there_from_packages_that_did_not_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str, state: str, word: str
) -> None:
    monkeypatch.setattr(environments, "installed", lambda: {("here", "3.13"): None})
    missing = environments.find_missing([HERE, GONE], report_of(tmp_path, result))
    assert list(missing) == [GONE]
    assert missing[GONE].state == state
    assert word in missing[GONE].reason


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"sessions": 1}'])
def test_without_a_readable_report_a_missing_environment_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    assert environments.find_missing([GONE], path) == {GONE: Missing("failed", "its environment is not installed")}
    assert environments.find_missing([GONE], None) == {GONE: Missing("failed", "its environment is not installed")}
