"""What has to be mended in the file of an application is told before anything is installed or measured for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stackmatrix import cli
from stackmatrix.application import environments as app_environments
from stackmatrix.commands import own_app
from stackmatrix.errors import AppError, AppFileError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.testbed import environments
from tests.process import small_project

FILE = 'name = "shop"\npaths = ["/"]\n'
UVICORN = next(stack.name for stack in STACKS.values() if stack.server == "uvicorn")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks for which environments were asked, none of which can be made; every Python is here."""
    asked: list[str] = []

    def install(_app: object, stack: object, python: str, *_: object, **__: object) -> None:
        asked.append(f"{getattr(stack, 'name', '')} on {python}")
        raise AppError("The index does not answer.")

    monkeypatch.setattr(app_environments, "install", install)
    monkeypatch.setattr(environments, "find_interpreter", lambda *_: Path("/python"))
    monkeypatch.setattr(environments, "find_uv", lambda: Path("/uv"))
    return asked


def run(folder: Path, file: str, *more: str) -> int:
    app = small_project.make(folder / "site", file, {"requirements.txt": "django\n"})
    asked = ["run", "--app", str(app), "--stacks", UVICORN, "--pythons", PYTHONS[0]]
    return cli.main([*asked, "--results", str(folder / "results"), *more])


def test_a_secret_that_is_not_there_is_told_before_anything_is_installed(
    tmp_path: Path, installed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, f'secrets = ["NO_SUCH_TOKEN"]\n{FILE}') == AppFileError.exit_code
    assert "your environment has no NO_SUCH_TOKEN" in capsys.readouterr().err
    assert installed == []


def test_settings_that_are_not_there_are_told_before_anything_is_installed(
    tmp_path: Path, installed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, f'settings = "mysite.setings"\n{FILE}') == AppFileError.exit_code
    assert "mysite.setings" in capsys.readouterr().err
    assert installed == []


def test_an_application_that_installs_on_no_stack_is_one_sentence_with_the_reason(
    tmp_path: Path, installed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, FILE) == AppError.exit_code
    told = capsys.readouterr().err.splitlines()[-1]  # before it, what there is to know of this machine
    assert told == "stackmatrix: shop could not be installed on any stack: The index does not answer"
    assert installed == [f"{UVICORN} on {PYTHONS[0]}"]


def test_cells_of_one_environment_install_it_once_and_excluded_ones_do_not(
    tmp_path: Path, installed: list[str]
) -> None:
    sharing = next(stack for stack in STACKS.values() if stack.shares_with == UVICORN and stack.view is None)
    more = ("--stacks", f"{UVICORN},{sharing.name}", "--workload", "all")
    assert run(tmp_path, FILE, *more) == AppError.exit_code
    assert len(installed) == 1
    installed.clear()
    stack, python = next((one, python) for one in STACKS.values() for python in one.not_on)
    assert run(tmp_path, FILE, "--stacks", stack.name, "--pythons", python) == AppError.exit_code
    assert installed == []


def test_limits_of_databases_are_noted_once_with_the_stacks_that_they_are_of() -> None:
    stacks = {name: replace(STACKS[UVICORN], name=name) for name in ("one", "two", "three")}
    said = {"one": ("Few connections.", "Known already."), "two": ("Few connections.",), "three": ("Fewer still.",)}

    class Limited:
        notes = ("Known already.",)

        def warnings(self, stack: Stack) -> tuple[str, ...]:
            return said[stack.name]

    application: Any = Limited()
    cells = [Cell(stack=name, python=PYTHONS[0], workload=page) for page in "ab" for name in (*stacks, "not served")]
    catalogue = Catalogue(BUILT_IN, stacks, {})
    assert own_app.limits(application, catalogue, cells) == ["one, two: Few connections.", "three: Fewer still."]
