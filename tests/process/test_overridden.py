"""Environments with overrides and of interpreters by path, with the real uv on small packages; no network."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.application import uv as uv_program
from stackmatrix.errors import AppError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import NO_PYTHON, Cell, Installation
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.testbed import environments, overridden
from tests.process.small_packages import make_wheel

PLAIN = f"{sys.version_info.major}.{sys.version_info.minor}"
STACK = replace(next(iter(STACKS.values())), name="tiny", needs=(), not_on={}, shares_with=None)
BUILT_HERE = Catalogue(BUILT_IN, {"tiny": STACK, "other": replace(STACK, name="other")}, WORKLOADS)
BY_PATH = f"{PLAIN}@here"

type Install = Callable[..., Catalogue]


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All that uv finds: no index is asked."""
    folder = tmp_path_factory.mktemp("packages")
    for name, version, needs in (
        ("base", "1.0", ()), ("base", "2.0", ()), ("frame", "5.2.1", ("base<2",)), ("frame", "6.0", ("base>=2",)),
        ("spare", "1.0", ()),
    ):  # fmt: skip
        make_wheel(folder, name, version, needs, {}, "py3-none-any")
    config = tmp_path_factory.mktemp("config") / "uv.toml"
    config.write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CONFIG_FILE", str(config))
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Install:
    """Installs what places on the axis need; the stack has a lock file, and nox has installed it on this Python."""
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name in BUILT_HERE.stacks:
        (locks / f"{name}.txt").write_text("base==2.0\nframe==6.0\n")
    (tmp_path / "locked" / "bin").mkdir(parents=True)
    (tmp_path / "locked" / "bin" / "python").symlink_to(sys.executable)
    by_nox = {("tiny", PLAIN): Installation(tmp_path / "locked", "0")}
    monkeypatch.setattr(environments, "installed", lambda: by_nox)
    monkeypatch.setattr(overridden, "REQUIREMENTS", locks)
    monkeypatch.setattr(overridden, "NOX_FOLDER", tmp_path / "nox")

    def run(*places: str, catalogue: Catalogue = BUILT_HERE) -> Catalogue:
        cells = [Cell(stack="tiny", python=place, workload="fanout") for place in places]
        return overridden.install(cells, catalogue, {BY_PATH: Path(sys.executable)}, said.append)

    return run


def versions(made: Catalogue, place: str) -> dict[str, str]:
    """What an environment really holds."""
    python = made.installed["tiny", place].prefix / "bin" / "python"
    code = "import base, frame, sys; print(base.VERSION, frame.VERSION, *sys.version_info[:2], sep='|')"
    told = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split("|")
    assert ".".join(told[2:]).strip() == PLAIN
    return {"base": told[0], "frame": told[1]}


def test_what_is_overridden_and_what_it_needs_gives_way_and_is_said(install: Install, said: list[str]) -> None:
    place = f"{PLAIN} with frame==5.2.*"
    made = install(PLAIN, place)
    assert versions(made, place) == {"base": "1.0", "frame": "5.2.1"}
    assert list(made.installed) == [("tiny", place)]  # the other one is nox's
    assert f"tiny on {place}: base 1.0 in place of 2.0, for frame==5.2.*." in said


def test_an_interpreter_by_path_gets_the_lock_file_as_it_is(install: Install) -> None:
    made = install(BY_PATH)
    assert versions(made, BY_PATH) == {"base": "2.0", "frame": "6.0"}


def test_what_does_not_resolve_is_one_sentence_and_all_else_is_installed(install: Install) -> None:
    wrong, right = f"{PLAIN} with frame==99.*", f"{PLAIN} with frame==6.0"
    made = install(wrong, right)
    assert list(made.installed) == [("tiny", right)]
    reason = made.missing["tiny", wrong].reason
    assert reason.startswith("--with 'frame==99.*' does not resolve: ")
    assert "\n" not in reason
    missing = environments.find_missing([Cell(stack="tiny", python=wrong, workload="fanout")], None, made)
    assert [(one.state, one.reason) for one in missing.values()] == [("failed", reason)]


def test_an_override_of_what_is_not_there_or_of_what_no_stack_has_is_refused_by_its_name(install: Install) -> None:
    mistyped, spare = f"{PLAIN} with farme==6.0", f"{PLAIN} with spare==1.0"
    missing = install(mistyped, spare).missing
    assert missing["tiny", mistyped].reason.startswith("There is no package farme where packages are installed from")
    assert "nothing that is installed asks for spare" in missing["tiny", spare].reason


def test_what_was_resolved_and_installed_once_is_taken_again_whatever_there_is_by_then(
    install: Install, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{PLAIN} with frame==5.2.*"
    first = install(place)
    assert any("installing" in line for line in said)
    said.clear()
    monkeypatch.setenv("UV_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert install(place).installed == first.installed
    assert not any("installing" in line or "resolving" in line for line in said)


def test_another_lock_file_makes_another_environment(install: Install, tmp_path: Path) -> None:
    first = install(BY_PATH).installed["tiny", BY_PATH]
    (tmp_path / "requirements" / "tiny.txt").write_text("base==1.0\nframe==5.2.1\n")
    made = install(BY_PATH)
    assert versions(made, BY_PATH) == {"base": "1.0", "frame": "5.2.1"}
    assert made.installed["tiny", BY_PATH].lock_sha256 != first.lock_sha256


def test_a_python_that_is_not_here_is_skipped(install: Install) -> None:
    made = install("3.99 with frame==6.0")
    assert (made.installed, made.missing) == ({}, {("tiny", "3.99 with frame==6.0"): NO_PYTHON})
    missing = environments.find_missing([Cell(stack="tiny", python="3.99 with frame==6.0", workload="w")], None, made)
    assert [one.state for one in missing.values()] == ["skipped"]


def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(uv_program.VARIABLE, raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)


def test_without_uv_it_is_said_how_to_get_it_and_what_is_locked_needs_none(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_uv(monkeypatch)
    assert install(PLAIN) == BUILT_HERE
    with pytest.raises(AppError, match=r"^uv, which installs .*, was not found: pip install uv, or set STACKMATRIX_UV"):
        install(BY_PATH)


def test_nothing_is_installed_for_what_is_excluded(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    no_uv(monkeypatch)
    stack = replace(STACK, not_on={PLAIN: "it crashes at its start"})
    catalogue = replace(BUILT_HERE, stacks={"tiny": stack})
    assert install(BY_PATH, f"{PLAIN} with frame==6.0", catalogue=catalogue) == catalogue
