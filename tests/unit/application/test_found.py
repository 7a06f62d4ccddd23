"""What is found in a project's folder, copied from it, and filled into what its file says."""

import subprocess
from pathlib import Path

import pytest

from stackmatrix.application import copy, discovery
from stackmatrix.application.secret import secrets_of
from stackmatrix.application.variables import fill
from stackmatrix.errors import AppFileError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app_file import AppFile

SAYS = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\napplication = 1\n'


def project(folder: Path, files: dict[str, str], file: str = "") -> AppFile:
    for name, text in {**files, "stackmatrix.toml": f'paths = ["/"]\n{file}'}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return app_file.read(folder)


def test_manage_and_settings_are_found_two_folders_below_and_code_is_imported_from_there(tmp_path: Path) -> None:
    files = {"tests/demo/manage.py": SAYS.format("demo.settings"), "tests/demo/demo/settings.py": "", "src/x.py": ""}
    found = discovery.discover(project(tmp_path, files, 'manage = "tests/demo/manage.py"'))
    assert (found.manage, found.settings) == (("{python}", "tests/demo/manage.py"), "demo.settings")
    assert found.imported_from == (Path("tests/demo"), Path("tests"), Path(), Path("src"))


def test_callables_stand_beside_a_package_of_settings_or_are_made(tmp_path: Path) -> None:
    files = {
        "manage.py": SAYS.format("config.settings.local"),
        "config/settings/base.py": 'WSGI_APPLICATION = "config.wsgi.application"',
        "config/settings/production.py": "from .base import *",
        "config/wsgi.py": SAYS.format("config.settings.production"),
    }
    app = project(tmp_path, files, 'settings = "config.settings.production"')
    found = discovery.discover(app)
    assert (found.wsgi, found.asgi) == ("config.wsgi:application", "stackmatrix_asgi:application")
    left_out = discovery.discover(project(tmp_path, {}, 'settings = "config.settings.production"\nasgi = false'))
    assert left_out.asgi is None


def test_a_project_without_a_manage_py_is_managed_by_django_or_by_its_own_command(tmp_path: Path) -> None:
    app = project(tmp_path, {"shop/settings.py": ""}, 'settings = "shop.settings"')
    assert discovery.discover(app).manage == ("{python}", "-m", "django")
    app = project(tmp_path, {}, 'settings = "shop.settings"\nmanage = "python -m shop"')
    assert discovery.discover(app).manage == ("{python}", "-m", "shop")


def git(folder: Path, *command: str) -> None:
    subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)


def test_the_copy_has_gits_files_and_neither_a_database_nor_secrets(tmp_path: Path) -> None:
    source = tmp_path / "site"
    files = {"a.py": "1", "new.py": "2", ".env": "SECRET=1", "db.sqlite3": "x", "out/x.txt": "x", ".gitignore": "out/"}
    app = project(source, files)
    git(source, "init", "--quiet")
    git(source, "add", "a.py", ".gitignore")
    made = copy.make(source, tmp_path / "copy", file=app.file, written={"conf/x.py": "at {a.url}"}, fill=fill_in)
    copied = {str(path.relative_to(made.folder)) for path in made.folder.rglob("*") if path.is_file()}
    assert copied == {"a.py", "new.py", ".gitignore", "stackmatrix.toml", "conf/x.py"}
    assert (made.folder / "conf" / "x.py").read_text() == "at http://a"
    assert made.notes == (
        "left out, since git does not have it: .env", "left out, since git does not have it: db.sqlite3",
    )  # fmt: skip


def test_a_link_in_the_copy_leads_nowhere_else(tmp_path: Path) -> None:
    source, away = tmp_path / "site", tmp_path / "away"
    app = project(source, {"a.py": "1", "sub/b.py": "2", "../away/lib/c.py": "3", "../away/shop.sqlite3": "x"})
    (away / "lib" / "loop").symlink_to(away)
    links: dict[str, str | Path] = {
        "near": "a.py", "sub/up": "../a.py", "whole": source / "a.py",
        "lib": away / "lib", "c.py": away / "lib" / "c.py", "db": away / "shop.sqlite3", "nowhere": away / "none",
    }  # fmt: skip
    for name, led in links.items():
        (source / name).symlink_to(led)
    made = copy.make(source, tmp_path / "copy", file=app.file)
    for name in ("near", "sub/up", "whole"):
        assert (made.folder / name).resolve() == made.folder / "a.py"
    (made.folder / "lib" / "c.py").write_text("changed")
    (made.folder / "c.py").write_text("changed")
    assert (away / "lib" / "c.py").read_text() == "3"
    assert not [one for one in made.folder.rglob("*") if not one.resolve().is_relative_to(made.folder)]
    assert not [name for name in ("db", "nowhere", "lib/loop") if (made.folder / name).is_symlink()]
    assert "left out, since it leads out of the project: db" in made.notes


def fill_in(text: str, where: str) -> str:
    return fill(text, {"a.url": "http://a"}, where)


def test_the_hash_of_a_copy_changes_with_a_file_and_with_nothing_else(tmp_path: Path) -> None:
    app = project(tmp_path / "site", {"a.py": "1", "node_modules/x.js": "1"})

    def sha256(name: str) -> str:
        return copy.make(app.project, tmp_path / name, file=app.file).sha256

    before = sha256("before")
    (app.project / "node_modules" / "x.js").write_text("2")
    (app.project / "a.py").touch()
    assert sha256("same") == before
    (app.project / "a.py").write_text("2")
    assert sha256("other") != before


def test_a_file_may_not_be_put_outside_of_the_copy(tmp_path: Path) -> None:
    app = project(tmp_path / "site", {"a.py": ""})
    with pytest.raises(AppFileError, match=r"files: '\.\./x' lies outside of the project"):
        copy.make(app.project, tmp_path / "copy", file=app.file, written={"../x": ""})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{redis.url}", 'env.X has {redis.url}: add services = ["redis"].'),
        ("{postgres.adress}", "env.X has {postgres.adress}, which is not known; there is {postgres.url}."),
        ("{rates.url}", "env.X has {rates.url}, which is not known"),
    ],
)
def test_a_variable_that_is_not_known_is_told_with_those_that_are(text: str, said: str) -> None:
    with pytest.raises(AppFileError) as error:
        fill(text, {"postgres.url": "p"}, "env.X")
    assert str(error.value).startswith(said)


def test_words_in_braces_that_are_no_address_stay() -> None:
    assert fill('{"a": {b.c}} {n}', {}, "env.X") == '{"a": {b.c}} {n}'


def test_secrets_come_from_a_file_byte_for_byte_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_bytes(b"# keys\nexport A=\"a $b = 'c'\"\r\nB=b\r#\xff=\\n\n")
    app = project(tmp_path, {}, 'env_file = "secrets.env"\nsecrets = ["A", "B", "C"]')
    with pytest.raises(AppFileError, match=r"secrets names C, and your environment has no C, nor has secrets\.env"):
        secrets_of(app, {})
    assert secrets_of(app, {"C": "c"}) == {"A": "a $b = 'c'", "B": "b\r#\udcff=\\n", "C": "c"}
