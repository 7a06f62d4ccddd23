"""What an app's environments are called, which stacks and Pythons there are, and when a pinned list is made anew."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.application import environments
from stackmatrix.application.requirements import Wanted
from stackmatrix.errors import AppFileError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS


def app(folder: Path, file: str) -> AppFile:
    (folder / "stackmatrix.toml").write_text(f'paths = ["/"]\nname = "shop"\n{file}')
    return app_file.read(folder)


def test_stacks_are_those_that_can_serve_the_app_and_its_own(tmp_path: Path) -> None:
    own = '[stack.mine]\ncommand = "x {port}"\nrequirements = ["x"]\ninterface = "ASGI"\nwaits_with = "event loop"'
    both = app(tmp_path, own)
    of_other_views = {name for name, one in STACKS.items() if one.view is not None}
    assert of_other_views
    assert list(environments.stacks_of(both)) == [*(name for name in STACKS if name not in of_other_views), "mine"]
    assert environments.default_stack(both).name == REFERENCE_STACK
    asgi = app(tmp_path, f"wsgi = false\n{own}")
    assert {one.interface for one in environments.stacks_of(asgi).values()} == {"ASGI"}
    assert environments.default_stack(asgi).interface == "ASGI"
    with pytest.raises(AppFileError, match="leave no stack to measure"):
        environments.default_stack(app(tmp_path, "wsgi = false\nasgi = false"))


def test_each_stack_python_and_set_of_overrides_has_an_environment_of_its_own(tmp_path: Path) -> None:
    shop, (one, other, *_) = app(tmp_path, ""), STACKS.values()
    names = [
        environments.name_of(shop, one, "3.13"), environments.name_of(shop, other, "3.13"),
        environments.name_of(shop, one, "3.12"), environments.name_of(shop, one, "/usr/bin/python3"),
        environments.name_of(shop, one, "3.13", ("django==5.2.*",)), environments.name_of(shop, one, "3.13", ("x",)),
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert not any("/" in name for name in names)
    assert environments.name_of(shop, one, "3.13", ("a", "b")) == environments.name_of(shop, one, "3.13", ("b", "a"))


CHANGES: list[Callable[[Wanted], Wanted]] = [
    lambda one: replace(one, install=("requirements.txt", "x")),
    lambda one: replace(one, server=("uvicorn",)),
    lambda one: replace(one, overrides=("django==5.2.*",)),
    lambda one: replace(one, python="3.12"),
]


def test_a_pinned_list_is_made_anew_when_what_it_was_made_of_changes_and_not_otherwise(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("django")
    (tmp_path / "views.py").write_text("1")
    wanted = Wanted(("requirements.txt",), tmp_path, ("gunicorn",), (), "3.13", "aa")
    before = environments.inputs_sha256(wanted)
    (tmp_path / "views.py").write_text("2")
    assert environments.inputs_sha256(replace(wanted, project_sha256="bb")) == before
    assert before not in {environments.inputs_sha256(change(wanted)) for change in CHANGES}
    (tmp_path / "requirements.txt").write_text("django>5")
    assert environments.inputs_sha256(wanted) != before


def test_an_app_that_is_installed_itself_is_installed_anew_with_each_revision(tmp_path: Path) -> None:
    wanted = Wanted((".[extra]",), tmp_path, (), (), "3.13", "aa")
    assert environments.inputs_sha256(wanted) != environments.inputs_sha256(replace(wanted, project_sha256="bb"))
