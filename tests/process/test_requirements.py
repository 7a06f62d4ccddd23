"""What an application's environment holds, with the real uv on small packages that the tests make; no network."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.application import requirements
from stackmatrix.application.requirements import Resolved, Wanted
from stackmatrix.application.sources import default_install, pythons_allowed
from stackmatrix.application.uv import find_interpreter, find_uv
from stackmatrix.errors import AppError
from tests.process.small_packages import make_wheel

PYTHON = sys.executable
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
KNOWN = ("3.12", "3.13", "3.14", "3.15")

PACKAGES: tuple[tuple[str, str, tuple[str, ...], dict[str, tuple[str, ...]], str], ...] = (
    # name, version, what it depends on, extras, tag
    ("base", "1.0", (), {}, "py3-none-any"),
    ("base", "2.0", (), {}, "py3-none-any"),
    ("frame", "5.0", ("base>=1",), {}, "py3-none-any"),
    ("frame", "5.2.1", ("base>=1",), {"fast": ("speedup",)}, "py3-none-any"),
    ("frame", "6.0", ("base>=2",), {"fast": ("speedup",)}, "py3-none-any"),
    ("speedup", "1.0", (), {}, "py3-none-any"),
    ("speedup", "1.5", (), {}, "py3-none-any"),
    ("serve", "22.0", ("base",), {}, "py3-none-any"),
    ("serve", "23.0", ("base",), {"quick": ("speedup",)}, "py3-none-any"),
    ("greedy", "1.0", ("base>=2",), {}, "py3-none-any"),
    ("humble", "0.9", ("base",), {}, "py3-none-any"),
    ("humble", "1.0", ("base<2",), {}, "py3-none-any"),
    ("checks", "1.0", (), {}, "py3-none-any"),
    ("elderly", "1.0", (), {}, "cp39-cp39-any"),
    ("modern", "1.0", (), {}, "py3-none-any"),
)


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All that uv finds: no index is asked."""
    folder = tmp_path_factory.mktemp("packages")
    for package in PACKAGES:
        make_wheel(folder, *package)
    config = tmp_path_factory.mktemp("config") / "uv.toml"
    config.write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CONFIG_FILE", str(config))
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def uv() -> Path:
    return find_uv()


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    project = tmp_path / "shop"
    project.mkdir()
    return Wanted(("requirements.txt",), project, ("serve",), (), PYTHON)


def pyproject(project: Path, more: str = "", python: str = ">=3.12", dependencies: str = '["frame"]') -> None:
    text = f'[project]\nname = "shop"\nversion = "1.0"\nrequires-python = "{python}"\ndependencies = {dependencies}\n'
    (project / "pyproject.toml").write_text(text + more)


BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def make_source(project: Path, name: str, build: str) -> None:
    """A package of the project's, built from source by a backend of its own."""
    folder = project / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1.0"\n{BACKEND}')
    (folder / "backend.py").write_text(f"import subprocess, sys\ndef build_wheel(*given, **named):\n    {build}\n")


def lock_with_uv(uv: Path, project: Path) -> None:
    subprocess.run([str(uv), "lock", "--quiet", "--python", PYTHON], cwd=project, check=True)


def test_a_server_that_the_application_pins_stays_as_pinned_and_is_said(wanted: Wanted, uv: Path) -> None:
    (wanted.project / "requirements.txt").write_text("-r more.txt\nserve==22.0\n")
    (wanted.project / "more.txt").write_text("-c limits.txt\nframe\n")
    (wanted.project / "limits.txt").write_text("frame<6\n")
    got = requirements.resolve(replace(wanted, server=("serve[quick]>=23",)), uv)
    assert got.versions == {"frame": "5.2.1", "base": "2.0", "serve": "22.0"}
    assert got.notes == ("serve 22.0 is the application's own.",)


def test_a_server_moves_nothing_of_the_application(wanted: Wanted, uv: Path) -> None:
    (wanted.project / "requirements.txt").write_text("frame==5.2.1\nbase==1.0\n")
    alone = requirements.resolve(replace(wanted, server=()), uv)
    beside = requirements.resolve(replace(wanted, server=("serve[quick]",)), uv)
    assert alone.text == "base==1.0\nframe==5.2.1\n"
    assert beside.versions == {**alone.versions, "serve": "23.0", "speedup": "1.5"}
    assert alone.sha256 != beside.sha256
    assert beside.sha256 == requirements.resolve(replace(wanted, server=("serve[quick]",)), uv).sha256
    with pytest.raises(AppError, match=r"^greedy cannot be installed beside the application's packages: .*base==1.0"):
        requirements.resolve(replace(wanted, server=("greedy",)), uv)


def test_a_server_moves_what_the_application_does_not_pin_only_if_it_must_and_it_is_said(
    wanted: Wanted, uv: Path
) -> None:
    (wanted.project / "requirements.txt").write_text("frame==5.2.1\n")
    older = requirements.resolve(replace(wanted, server=("humble",)), uv)
    assert older.versions == {"frame": "5.2.1", "base": "2.0", "humble": "0.9"}
    assert older.notes == ()
    must = requirements.resolve(replace(wanted, server=("humble==1.0",)), uv)
    assert must.versions == {"frame": "5.2.1", "base": "1.0", "humble": "1.0"}
    assert must.notes == ("base 1.0 in place of 2.0, for humble==1.0.",)


def test_an_override_takes_the_place_of_a_pin_and_of_what_it_needs_itself(wanted: Wanted, uv: Path) -> None:
    (wanted.project / "requirements.txt").write_text("frame==5.0\nbase==1.0\nspeedup==1.0\n")
    within = requirements.resolve(replace(wanted, overrides=("frame==5.2.*",)), uv)
    assert within.versions == {"frame": "5.2.1", "base": "1.0", "serve": "23.0", "speedup": "1.0"}
    beyond = requirements.resolve(replace(wanted, overrides=("frame==6.*", "serve==22.0")), uv)
    assert beyond.versions == {"frame": "6.0", "base": "2.0", "serve": "22.0", "speedup": "1.0"}
    assert beyond.notes == ("base 2.0 in place of 1.0, for frame==6.* and serve==22.0.",)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("frame==99", r"^--with 'frame==99' does not resolve: .*no version of frame==99"),
        ("fram==5", r"^--with 'fram==5' does not resolve|^There is no package fram "),
        ("checks==1.0", r"^--with 'checks==1.0': nothing that is installed asks for checks; correct its name"),
        ("frame=5", r"^--with 'frame=5' is no package with a version: write it as"),
    ],
)
def test_an_override_that_cannot_be_is_one_sentence(wanted: Wanted, uv: Path, override: str, sentence: str) -> None:
    (wanted.project / "requirements.txt").write_text("frame\n")
    with pytest.raises(AppError, match=sentence):
        requirements.resolve(replace(wanted, overrides=(override,)), uv)


def test_a_uv_lock_gives_its_pins_its_groups_and_its_extras_and_not_the_developers(wanted: Wanted, uv: Path) -> None:
    more = '[project.optional-dependencies]\nfast = ["frame[fast]"]\n'
    more += '[dependency-groups]\ndev = ["checks"]\nprod = ["serve==22.0"]\n'
    pyproject(wanted.project, more, dependencies='["frame<6"]')
    lock_with_uv(uv, wanted.project)
    # The lock is what counts, not what would be resolved today.
    pyproject(wanted.project, more, dependencies='["frame"]')
    plain = replace(wanted, install=("uv.lock",), server=())
    assert requirements.resolve(plain, uv).versions == {"frame": "5.2.1", "base": "2.0"}
    prod = replace(plain, install=("uv.lock", "--group prod", "checks"))
    assert requirements.resolve(prod, uv).versions == {
        "frame": "5.2.1",
        "base": "2.0",
        "serve": "22.0",
        "checks": "1.0",
    }
    dev = replace(plain, install=("uv.lock --group dev --extra=fast",))
    assert requirements.resolve(dev, uv).versions == {
        "frame": "5.2.1",
        "base": "2.0",
        "checks": "1.0",
        "speedup": "1.5",
    }
    with pytest.raises(AppError, match=r"^install asks for the group nope, and the project has no such group"):
        requirements.resolve(replace(plain, install=("uv.lock", "--group nope")), uv)
    with pytest.raises(AppError, match=r"^install asks for the extra nope, and the project has no such extra"):
        requirements.resolve(replace(plain, install=("uv.lock", "--extra nope")), uv)


def locked(name: str, version: str, more: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\npython-versions = "*"\n{more}\n'


POETRY = """
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.12"
frame = {version = "^5.0", extras = ["fast"], python = "<3.99"}
checks = {version = "*", optional = true}
greedy = {version = "*", markers = "sys_platform == 'nowhere'"}
[tool.poetry.extras]
all = ["checks"]
[tool.poetry.group.prod.dependencies]
serve = "^22.0"
"""


def test_a_poetry_lock_gives_its_pins_by_group_and_extra_without_poetry(wanted: Wanted, uv: Path) -> None:
    (wanted.project / "pyproject.toml").write_text(POETRY)
    twice = locked("base", "1.0", "markers = \"python_version < '3.99'\"")
    twice += locked("base", "2.0", "markers = \"python_version >= '3.99'\"")
    pins = (("frame", "5.0"), ("speedup", "1.0"), ("serve", "22.0"), ("checks", "1.0"), ("greedy", "1.0"))
    (wanted.project / "poetry.lock").write_text(twice + "".join(locked(*pin) for pin in pins))
    plain = replace(wanted, install=("poetry.lock",), server=())
    assert requirements.resolve(plain, uv).versions == {"frame": "5.0", "base": "1.0"}
    more = replace(plain, install=("poetry.lock", "--group prod", "--extra all"))
    assert requirements.resolve(more, uv).versions == {"frame": "5.0", "base": "1.0", "serve": "22.0", "checks": "1.0"}
    # The lock holds for what comes with a server, too.
    assert requirements.resolve(replace(plain, server=("serve[quick]",)), uv).versions["serve"] == "22.0"
    with pytest.raises(AppError, match=r"^install asks for the group nope, and pyproject.toml has these: prod\.$"):
        requirements.resolve(replace(plain, install=("poetry.lock", "--group nope")), uv)


def test_pyproject_gives_its_dependencies_and_its_groups(wanted: Wanted, uv: Path) -> None:
    pyproject(wanted.project, '[dependency-groups]\nprod = ["serve==22.0"]\n')
    got = requirements.resolve(replace(wanted, install=("pyproject.toml", "--group prod")), uv)
    assert got.versions == {"frame": "6.0", "base": "2.0", "serve": "22.0"}


BUILDS = """import zipfile
def build_wheel(folder, *given):
    with zipfile.ZipFile(folder + "/shop-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write("shop.py", "shop.py")
        for name, text in (
            ("METADATA", "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\n"),
            ("WHEEL", "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"),
            ("RECORD", "shop.py,,\\n"),
        ):
            wheel.writestr("shop-1.0.dist-info/" + name, text)
    return "shop-1.0-py3-none-any.whl"
"""


def test_an_environment_holds_the_list_and_the_project_as_it_is_now_and_is_made_once(
    wanted: Wanted, uv: Path, tmp_path: Path
) -> None:
    project, prefix = wanted.project, tmp_path / "environment"
    pyproject(project, '[project.optional-dependencies]\nfast = ["frame[fast]"]\n' + BACKEND)
    (project / "backend.py").write_text(BUILDS)
    (project / "shop.py").write_text("STATE = 'old'\n")
    wanted = replace(wanted, install=(".[fast]",), project_sha256="one")
    got = requirements.resolve(wanted, uv)
    assert str(tmp_path) not in got.text
    assert "://" not in got.text
    requirements.install(wanted, got.text, prefix, uv, stack="made_up")
    stamp = prefix / requirements.STAMP
    assert json.loads(stamp.read_text()) == {"stack": "made_up", "python": PYTHON, "lock_sha256": got.sha256}
    look = "import shop, frame, speedup, serve; print(shop.STATE, frame.VERSION)"
    command = [str(prefix / "bin" / "python"), "-I", "-c", look]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["old", "6.0"]
    made = stamp.stat().st_mtime_ns
    requirements.install(wanted, got.text, prefix, uv)
    assert stamp.stat().st_mtime_ns == made

    (project / "shop.py").write_text("STATE = 'new'\n")
    changed = replace(wanted, project_sha256="two")
    again = requirements.resolve(changed, uv)
    assert again.sha256 != got.sha256
    requirements.install(changed, again.text, prefix, uv)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["new", "6.0"]


def test_an_environment_that_was_not_finished_is_not_installed(wanted: Wanted, uv: Path, tmp_path: Path) -> None:
    make_source(wanted.project, "broken", "raise SystemExit('no')")
    wanted = replace(wanted, install=("./broken",), server=())
    got = requirements.resolve(wanted, uv)
    prefix = tmp_path / "environment"
    prefix.mkdir()
    (prefix / requirements.STAMP).write_text(json.dumps({"python": "other", "lock_sha256": got.sha256}))
    with pytest.raises(AppError, match=r"^broken is built from source, and that failed: no"):
        requirements.install(wanted, got.text, prefix, uv)
    assert not requirements.is_installed(wanted, got.text, prefix)
    assert not requirements.is_installed(wanted, "serve==1\n", prefix)


LACKS_LIBRARY = "raise Exception('Could not find lz4 lib/headers, please set BORG_LIBLZ4_PREFIX')"
LACKS_HEADER = (
    "open('x.c', 'w').write('#include <xmlsec1/nowhere.h>\\n'); subprocess.run(['cc', '-c', 'x.c'], check=True)"
)
LACKS_PROGRAM = "sys.exit('Error: pg_config executable not found.')"
LACKS_COMPILER = "subprocess.run(['/nowhere/gcc', '-c', 'x.c'])"


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (LACKS_LIBRARY, r"did not find lz4; install the system's package \(Debian: liblz4-dev\), or leave it out"),
        (LACKS_HEADER, r"did not find xmlsec1/nowhere.h; install the system's package \(Debian: libxmlsec1-dev\)"),
        (LACKS_PROGRAM, r"did not find pg_config; install the system's package \(Debian: libpq-dev\)"),
        (LACKS_COMPILER, r"there is no compiler \(/nowhere/gcc\): install one"),
        ("raise ValueError('the moon is full')", r"and that failed: ValueError: the moon is full"),
    ],
)
def test_a_package_that_does_not_build_is_named_with_what_it_lacks(
    wanted: Wanted, uv: Path, tmp_path: Path, build: str, sentence: str
) -> None:
    make_source(wanted.project, "needy", build)
    wanted = replace(wanted, install=("./needy",), server=())
    got = requirements.resolve(wanted, uv)
    with pytest.raises(AppError, match=rf"^needy .*{sentence}"):
        requirements.install(wanted, got.text, tmp_path / "environment", uv)


@pytest.mark.parametrize(
    ("install", "sentence"),
    [
        ("elderly", r"^elderly 1.0 has no wheel for CPython 3\.\d+, and there is no source to build it from: choose"),
        ("modern", r"^modern 1.0 wants Python >=3.99: leave this Python out"),
        ("nothing-like-it", r"^There is no package nothing-like-it where packages are installed from"),
        ("frame==5.0;base==", r"^install: 'frame==5.0;base==' is neither a file of the project nor a package"),
        ("frame>=6", r"^The packages do not fit together: .*frame"),
        ("needs.txt", r"^install names needs.txt, and .*/shop has no such file\.$"),
        ("./libs/foo", r"^install names ./libs/foo, and .*/shop has no such file\.$"),
        ("Pipfile.lock", r"^install: Pipfile.lock is not read; make a file of it: pipenv requirements"),
        ("frame --with x", r"^install: 'frame --with x' is neither|is not understood"),
        ("--all-groups", r"^install: '--all-groups' is not understood; of options it takes --group NAME"),
        ("--group prod", r"^install: a group or an extra belongs to a lock, as in install = \[\"uv.lock\""),
    ],
)
def test_what_cannot_be_installed_is_said_in_one_sentence(
    wanted: Wanted, uv: Path, install: str, sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence) as told:
        requirements.resolve(replace(wanted, install=("frame<6", install)), uv)
    assert "\n" not in str(told.value)


def test_a_git_source_that_cannot_be_reached_names_its_host_and_hides_the_password(wanted: Wanted, uv: Path) -> None:
    source = "remote @ git+https://me:secret@127.0.0.1:9/me/remote.git"
    with pytest.raises(
        AppError, match=r"^a package comes from 127.0.0.1:9, which cannot be reached: remote @ "
    ) as told:
        requirements.resolve(replace(wanted, install=(source,)), uv)
    assert "secret" not in str(told.value)


def test_an_index_that_cannot_be_reached_is_named(wanted: Wanted, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (wanted.project / "requirements.txt").write_text("--index-url http://me:secret@127.0.0.1:9/simple\nframe\n")
    with pytest.raises(AppError, match=r"^127.0.0.1:9, from which packages are installed, cannot be reached") as told:
        requirements.resolve(wanted, uv)
    assert "secret" not in str(told.value)


def test_an_index_of_the_projects_own_is_used_for_installing_and_not_written(
    wanted: Wanted, uv: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    make_wheel(own, "private", "1.0", (), {}, "py3-none-any")
    (wanted.project / "requirements.txt").write_text("-r more.txt\n")
    (wanted.project / "more.txt").write_text(f"--find-links {own}\nprivate\n")
    got = requirements.resolve(wanted, uv)
    assert "private==1.0" in got.text
    assert str(own) not in got.text
    requirements.install(wanted, got.text, tmp_path / "environment", uv)
    assert requirements.is_installed(wanted, got.text, tmp_path / "environment")


def test_the_default_is_the_first_of_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(
        AppError, match=r'has neither uv.lock nor poetry.lock, requirements.txt or pyproject.toml; say .*"django"'
    ):
        default_install(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.black]\n")
    with pytest.raises(AppError, match=r"no \[project\] in pyproject.toml; say what to install"):
        default_install(tmp_path)
    pyproject(tmp_path)
    for name in ("pyproject.toml", "requirements.txt", "poetry.lock", "uv.lock"):
        (tmp_path / name).touch()
        assert default_install(tmp_path) == (name,)


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        (">=3.13", ("3.13", "3.14", "3.15")),
        ("==3.14.*", ("3.14",)),
        (">=3.12.4,<3.14", ("3.12", "3.13")),
        ("==3.13.2", ("3.13",)),
    ],
)
def test_requires_python_narrows_the_pythons(tmp_path: Path, said: str, allowed: tuple[str, ...]) -> None:
    pyproject(tmp_path, python=said)
    assert pythons_allowed(tmp_path, KNOWN) == allowed
    assert pythons_allowed(tmp_path, (*KNOWN, "3.14t", "/opt/python")) == tuple(
        each for each in (*KNOWN, "3.14t", "/opt/python") if each in {*allowed, "/opt/python"} or each[:-1] in allowed
    )


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("^3.13", KNOWN[1:]),
        ("~3.13", ("3.13",)),
        (">=3.12 <3.14", KNOWN[:2]),
        ("3.12.* || 3.14.*", ("3.12", "3.14")),
        ("*", KNOWN),
    ],
)
def test_poetrys_python_narrows_the_pythons(tmp_path: Path, said: str, allowed: tuple[str, ...]) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.poetry.dependencies]\npython = "{said}"\n')
    assert pythons_allowed(tmp_path, KNOWN) == allowed


def test_where_no_python_fits_it_is_said_before_anything_is_installed(wanted: Wanted, uv: Path) -> None:
    pyproject(wanted.project, python="==3.11.*")
    with pytest.raises(
        AppError, match=r"^pyproject.toml says requires-python = '==3.11.\*', and stackmatrix measures 3.12 to 3.15\.$"
    ):
        pythons_allowed(wanted.project, KNOWN)
    with pytest.raises(AppError, match=r"and stackmatrix measures Python"):
        requirements.resolve(replace(wanted, install=("pyproject.toml",), python=MINOR), uv)


def test_a_python_is_found_by_its_version_and_by_its_path(uv: Path) -> None:
    assert find_interpreter(PYTHON, uv) == Path(PYTHON)
    command = [str(find_interpreter(MINOR, uv)), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == MINOR
    with pytest.raises(AppError, match=r"There is no Python 3.98 here: install it \(uv python install 3.98\)"):
        find_interpreter("3.98", uv)
    with pytest.raises(AppError, match=r"There is no Python at /nowhere/python"):
        find_interpreter("/nowhere/python", uv)


def test_uv_is_where_the_variable_says_or_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv: Path
) -> None:
    monkeypatch.setenv("STACKMATRIX_UV", str(uv))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find_uv() == uv
    monkeypatch.setenv("STACKMATRIX_UV", str(tmp_path / "uv"))
    with pytest.raises(AppError, match="which is not a program"):
        find_uv()
    monkeypatch.delenv("STACKMATRIX_UV")
    with pytest.raises(AppError, match="pip install uv, or set STACKMATRIX_UV"):
        find_uv()


def test_the_versions_of_a_list_are_read_by_normal_names() -> None:
    text = "Django_Thing[fast]==1.0\nremote @ git+https://example.org/x@abc\n.\n# the project's files: x==1\n"
    assert requirements.versions(text) == {"django-thing": "1.0", "remote": "git+https://example.org/x@abc"}
    assert Resolved("a==1\n").sha256 != Resolved("a==2\n").sha256
