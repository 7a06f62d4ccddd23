"""Which interpreters are here: found as nox finds them, and asked what they are."""

import os
import sys
from pathlib import Path

import pytest

from stackmatrix.system import installed_pythons
from stackmatrix.system.installed_pythons import NOX_PYTHON, ask, candidates, find

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def _nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NOX_PYTHON, "PYENV_VERSION", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_this_interpreter_says_what_it_is() -> None:
    found = ask(Path(sys.executable))
    assert found is not None
    assert found.build.version.startswith(f"{THIS}.")
    assert found.version.rstrip("t") == THIS
    assert found.header.name == "Python.h"
    assert found.path.exists()


@pytest.mark.parametrize("answer", ["", "Python 3.13", "{}", '{"build": {}, "header": 1}'])
def test_what_answers_otherwise_is_none(tmp_path: Path, answer: str) -> None:
    path = program(tmp_path / "python3")
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    assert ask(path) is None
    assert ask(tmp_path / "nothing") is None


def test_they_are_looked_for_where_nox_looks_and_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shims, name = tmp_path / "pyenv" / "shims", "python3.13"
    monkeypatch.setenv(NOX_PYTHON, "/opt/nox/python")
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.pathsep}{tmp_path / 'bin'}")
    monkeypatch.setenv("PYENV_VERSION", "3.13.9:3.12.1:3.13.0:system")
    program(shims / name)
    in_pyenv = [program(tmp_path / "pyenv" / "versions" / one / "bin" / name) for one in ("3.13.9", "3.13.0")]
    on_path = program(tmp_path / "bin" / name)
    uv = tmp_path / "home" / ".local" / "share" / "uv" / "python"
    in_uv = [program(uv / f"cpython-3.13.{patch}-linux" / "bin" / name) for patch in (10, 9)]
    assert [*candidates("3.13")] == [Path("/opt/nox/python"), *in_pyenv, on_path, *in_uv]


def test_one_of_another_version_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.99").symlink_to(sys.executable)
    assert find("3.99") is None
    monkeypatch.setenv(NOX_PYTHON, sys.executable)
    real = installed_pythons.ask(Path(sys.executable))
    assert real is not None
    assert find(real.version) == real
