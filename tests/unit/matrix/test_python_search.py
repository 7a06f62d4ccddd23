"""Where Pythons are looked for: pyenv's folders as it makes them, and the folders of a path."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stackmatrix.matrix import python_search

type Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Makes versions of pyenv, each with a program of this name."""

    def install_(*names: str, program: str = "python") -> None:
        for name in names:
            path = tmp_path / "versions" / name / "bin" / program
            path.parent.mkdir(parents=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)

    return install_


def named(root: Path, chosen: str = "") -> list[str]:
    """The names in the variable, without that of the system, which has to be the last."""
    variables = {"PYENV_ROOT": str(root), **({"PYENV_VERSION": chosen} if chosen else {})}
    *names, last = python_search.plain_first(variables)["PYENV_VERSION"].split(":")
    assert last == "system"
    return names


def test_the_newest_patch_of_the_newest_plain_python_comes_first(tmp_path: Path, install: Install) -> None:
    install("3.12.9", "3.12.10", "3.9.18", "3.13.0", "3.13.0rc3", "3.13.0b12", "3.13-dev", "3.15.0a1")
    assert named(tmp_path) == [
        "3.15.0a1", "3.13.0", "3.13.0rc3", "3.13.0b12", "3.13-dev", "3.12.10", "3.12.9", "3.9.18",
    ]  # fmt: skip


def test_other_builds_come_after_every_plain_one(tmp_path: Path, install: Install) -> None:
    install("3.13.0t", "3.14t-dev", "3.13.0-debug", "miniconda3-latest", "pypy3.11-7.3.20", "3.13.0", "3.12.1")
    names = named(tmp_path)
    assert names[:2] == ["3.13.0", "3.12.1"]
    assert names[2:] == ["3.14t-dev", "3.13.0t", "3.13.0-debug", "miniconda3-latest", "pypy3.11-7.3.20"]


def test_what_has_no_python_is_not_named_as_pyenv_would_refuse_every_program(tmp_path: Path, install: Install) -> None:
    install("3.13.0")
    install("jython-2.7", program="jython")
    versions = tmp_path / "versions"
    (versions / ".DS_Store").write_text("Finder")
    (versions / "3.12.1").symlink_to(tmp_path / "gone")
    (versions / "3.11.0").mkdir()
    (versions / "3.10.0" / "bin").mkdir(parents=True)
    (versions / "3.10.0" / "bin" / "python").symlink_to(tmp_path / "gone" / "python")
    (versions / "3.9.0" / "bin").mkdir(parents=True)
    (versions / "3.9.0" / "bin" / "python").write_text("not a program")
    (versions / "3.8.0" / "bin" / "python").mkdir(parents=True)
    install("two:names")
    assert named(tmp_path) == ["3.13.0"]


def test_a_virtual_environment_is_left_out_for_the_python_that_it_was_made_from(
    tmp_path: Path, install: Install
) -> None:
    install("3.13.0", "3.13.0/envs/mine")
    made = tmp_path / "versions" / "3.13.0" / "envs" / "mine"
    (made / "pyvenv.cfg").write_text("home = /somewhere\n")
    (tmp_path / "versions" / "mine").symlink_to(made)
    assert named(tmp_path) == ["3.13.0"]


def test_a_version_that_was_chosen_stands_before_others_of_its_minor_version_and_kind(
    tmp_path: Path, install: Install
) -> None:
    install("3.13.0", "3.13.5", "3.12.1", "3.13.0t", "3.13.5t")
    assert named(tmp_path, "3.13.0:gone:system") == ["3.13.0", "3.13.5", "3.12.1", "3.13.5t", "3.13.0t"]
    assert named(tmp_path, "3.13.0t")[0] == "3.13.5"
    assert named(tmp_path, "3.13.0t")[-2:] == ["3.13.0t", "3.13.5t"]


def test_what_is_named_stays_so_when_it_is_named_again(tmp_path: Path, install: Install) -> None:
    install("3.12.9", "3.12.10", "3.13.0t", "3.13.0")
    assert named(tmp_path, ":".join(named(tmp_path))) == named(tmp_path)
    chosen = named(tmp_path, "3.12.9")
    assert chosen.index("3.12.9") < chosen.index("3.12.10")
    assert named(tmp_path, ":".join(chosen)) == chosen


@pytest.mark.parametrize("root", ["gone", ""], ids=["a root that is not there", "a root without versions"])
def test_where_pyenv_has_no_python_nothing_is_named(tmp_path: Path, root: str) -> None:
    (tmp_path / "versions").mkdir()
    assert python_search.plain_first({"PYENV_ROOT": str(tmp_path / root), "PYENV_VERSION": "3.13.0"}) == {}
    assert python_search.plain_first({"PYENV_ROOT": "", "HOME": str(tmp_path)}) == {}
    assert python_search.plain_first({"HOME": str(tmp_path)}) == {}


def test_pyenv_is_below_the_home_where_nothing_else_is_said(tmp_path: Path, install: Install) -> None:
    install("3.13.0")
    (tmp_path / ".pyenv").symlink_to(tmp_path)
    assert python_search.plain_first({"HOME": str(tmp_path)}) == {"PYENV_VERSION": "3.13.0:system"}


def folder(path: Path, *programs: str) -> str:
    path.mkdir(parents=True)
    for name in programs:
        (path / name).write_text(name)
    return str(path)


def test_folders_of_conda_and_of_builds_without_the_gil_come_last_in_the_path(tmp_path: Path) -> None:
    conda, free = folder(tmp_path / "conda" / "bin", "python3.13"), folder(tmp_path / "free", "python3.13t")
    (tmp_path / "conda" / "conda-meta").mkdir()
    (Path(free) / "python3.13").hardlink_to(Path(free) / "python3.13t")
    # A distribution has both, and its plain one is plain; a link that leads nowhere is none.
    both, plain = folder(tmp_path / "both", "python3.13", "python3.13t"), folder(tmp_path / "[odd] one", "python3.13")
    (Path(plain) / "python3.12t").symlink_to(tmp_path / "gone")
    gone = str(tmp_path / "gone")
    path = os.pathsep.join([conda, free, both, gone, plain])
    found = python_search.plain_first({"PATH": path, "PYENV_ROOT": gone})
    assert found == {"PATH": os.pathsep.join([both, gone, plain, conda, free])}
    assert python_search.plain_first({**found, "PYENV_ROOT": gone}) == found
