"""Interpreters that are named by their path: what the axis of Pythons calls them, by real and made-up ones."""

import platform
import sys
import sysconfig
from pathlib import Path

import pytest

from stackmatrix.errors import UsageError
from stackmatrix.matrix.pythons import Runtime, python_key
from stackmatrix.system import interpreters

FREE = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}{FREE}"


def made_up(folder: Path, answer: str) -> Path:
    """A program that answers as an interpreter would."""
    folder.mkdir(parents=True)
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(0o755)
    return program


@pytest.mark.skipif(platform.python_implementation() != "CPython", reason="the name begins otherwise")
@pytest.mark.parametrize("folder", ["debug build/bin", "debug build"])
def test_a_real_one_is_called_by_its_version_and_where_it_is_installed(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / folder / "python3"
    path.symlink_to(sys.executable)
    assert interpreters.call(path) == f"{VERSION}@debug-build"


@pytest.mark.parametrize(
    ("answer", "called"),
    [
        ('["CPython", 3, 14, true]', "3.14t@here"),
        ('["PyPy", 3, 11, false]', "pypy3.11@here"),
        ('["CPython", 3, 9, false]', "3.9@here"),
        ('a word of what is installed there\n["CPython", 3, 9, false]', "3.9@here"),
    ],
)
def test_another_kind_is_told_by_its_name_which_the_axis_can_order(tmp_path: Path, answer: str, called: str) -> None:
    assert interpreters.call(made_up(tmp_path / "here" / "bin", answer)) == called
    assert python_key(called) != python_key("no place")
    assert not Runtime.of(called).is_locked


@pytest.mark.parametrize("answer", ["", "Python 3.13", "{}", "[]", "3", '["CPython", 3]', "null"])
def test_what_answers_otherwise_is_no_python(tmp_path: Path, answer: str) -> None:
    path = made_up(tmp_path / "bin", answer)
    with pytest.raises(UsageError, match=rf"^{path} is no Python: name an interpreter, such as "):
        interpreters.call(path)


def test_what_is_not_there_or_no_program_is_no_python(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file", tmp_path, Path("/bin/false")):
        with pytest.raises(UsageError, match="is no Python"):
            interpreters.call(path)
