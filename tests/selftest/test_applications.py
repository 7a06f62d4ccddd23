"""Applications from the package registry, and one with services, each in a fresh environment on real servers."""

import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from stackmatrix.application import environments
from stackmatrix.application.application import prepare
from stackmatrix.application.environments import AppEnvironment
from stackmatrix.application.uv import find_uv
from stackmatrix.errors import AppError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.testbed import checking

_spec = spec_from_file_location("small_project", Path(__file__).parents[1] / "process" / "small_project.py")
assert _spec is not None
assert _spec.loader is not None
small_project = module_from_spec(_spec)
_spec.loader.exec_module(small_project)

ON = [STACKS[REFERENCE_STACK], next(stack for stack in STACKS.values() if stack.server == "uvicorn")]
BY_NAME = [stack.name for stack in ON]

EXAMPLES = Path(__file__).parents[2] / "examples"
STARTPROJECT = (EXAMPLES / "startproject" / "stackmatrix.toml").read_text(encoding="utf-8")
WAGTAIL = (EXAMPLES / "wagtail" / "stackmatrix.toml").read_text(encoding="utf-8")

WITH_SERVICES = """
install = ["django", "psycopg[binary]", "redis"]
services = ["postgres", "redis"]

[override]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = { default = { BACKEND = "django.core.cache.backends.redis.RedisCache", LOCATION = "{redis.url}/0" } }

[override.DATABASES.default]
ENGINE = "django.db.backends.postgresql"
NAME = "{postgres.name}"
HOST = "{postgres.host}"
PORT = "{postgres.port}"
USER = "{postgres.user}"
PASSWORD = "{postgres.password}"

[[request]]
path = "/mine/"
user = "ada"
expect = { contains = "ada" }

[[request]]
path = "/groups/"
json = { name = "group {n}" }
"""


def checked_on(project: Path, stack: Stack, folder: Path) -> tuple[AppEnvironment, dict[str, str | None]]:
    """What is wrong with each page on a stack."""
    app = app_file.read(project)
    environment = environments.install(app, stack, sys.executable, folder=folder / "environments")
    with prepare(app, environment.python, folder / "run") as application:
        assert application.wrong == ()
        checked = checking.check(application, stack, environment)
        return environment, {one.page.name: one.why for one in checked}


def started_by(package: str, command: str, folder: Path) -> Path:
    """A project as a package's own command begins it."""
    uv, prefix, project = find_uv(), folder / "begins", folder / "site"
    project.mkdir()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(prefix)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(prefix / "bin" / "python"), package], check=True)
    program, *rest = command.split()
    subprocess.run([prefix / "bin" / program, *rest], cwd=project, check=True, stdout=subprocess.DEVNULL)
    return project


@pytest.mark.parametrize("stack", ON, ids=BY_NAME)
def test_what_startproject_makes_is_served_after_three_lines(tmp_path: Path, stack: Stack) -> None:
    project = started_by("django", "django-admin startproject mysite .", tmp_path)
    (project / "stackmatrix.toml").write_text(STARTPROJECT)
    environment, wrong = checked_on(project, stack, tmp_path)
    assert set(wrong.values()) == {None}
    assert {"django", stack.server} <= set(environment.versions)


@pytest.mark.parametrize("stack", ON, ids=BY_NAME)
def test_what_wagtail_start_makes_is_served_with_its_static_files_and_a_user(tmp_path: Path, stack: Stack) -> None:
    project = started_by("wagtail", "wagtail start mywagtail .", tmp_path)
    (project / "stackmatrix.toml").write_text(WAGTAIL)
    _, wrong = checked_on(project, stack, tmp_path)
    assert set(wrong.values()) == {None}


@pytest.mark.parametrize("stack", ON, ids=BY_NAME)
@pytest.mark.parametrize("name", ["startproject", "ninja", "waiting"])
def test_an_example_is_served_as_it_stands(tmp_path: Path, name: str, stack: Stack) -> None:
    _, wrong = checked_on(EXAMPLES / name, stack, tmp_path)
    assert set(wrong.values()) == {None}


def test_an_app_with_a_database_and_sessions_in_a_cache_finds_both_as_the_set_up_left_them(tmp_path: Path) -> None:
    project = small_project.make(tmp_path / "site", WITH_SERVICES)
    _, wrong = checked_on(project, ON[0], tmp_path)
    assert wrong == {"/mine/": None, "POST /groups/": None}


def test_check_app_writes_a_first_file_that_is_right(tmp_path: Path) -> None:
    project = started_by("django", "django-admin startproject mysite .", tmp_path)
    command = [sys.executable, "-m", "stackmatrix", "check-app", "--init", "--app", str(project)]
    done = subprocess.run([*command, "--python", sys.executable], check=False, capture_output=True, text=True)
    for left in environments.FOLDER.glob("app-site-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every page is right." in done.stdout
    said = [(one.page.path, one.user) for one in app_file.read(project).requests]
    assert ("/admin/login/", None) in said
    assert ("/admin/auth/user/", "admin") in said


def test_a_service_that_does_not_answer_is_named_where_the_server_ends_the_connection(tmp_path: Path) -> None:
    file = 'install = ["django"]\npaths = ["/upstream/"]\nenv = { RATES_URL = "http://127.0.0.1:9/" }'
    project = small_project.make(tmp_path / "site", file)
    app = app_file.read(project)
    environment = environments.install(app, ON[0], sys.executable, folder=tmp_path / "environments")
    with prepare(app, environment.python, tmp_path / "run") as application:
        (checked,) = checking.check(application, ON[0], environment)
    assert checked.status == 500
    assert (checked.why or "").startswith("/upstream/ answered 500: the project calls a service that does not answer")


def test_a_missing_driver_is_named(tmp_path: Path) -> None:
    file = WITH_SERVICES.replace(', "psycopg[binary]"', "")
    project = small_project.make(tmp_path / "site", file)
    with pytest.raises(AppError) as error:
        checked_on(project, ON[0], tmp_path)
    assert str(error.value) == (
        'The database is PostgreSQL and no driver is installed: add "psycopg[binary]" to install.'
    )
