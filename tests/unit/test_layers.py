"""What the linter of imports does not see: pure packages touch nothing, a stack is a row, the lock files are whole."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.stacks import STACKS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "stackmatrix"
REQUIREMENTS = ROOT / "requirements"

PURE = ("matrix", "results", "analysis")
TOUCHES_THE_WORLD = {
    "circus",
    "gevent",
    "locust",
    "psutil",
    "rich",
    "select",
    "socket",
    "subprocess",
    "threading",
    "time",
}
STANDARD_LIBRARY_ONLY = (
    "errors.py", "load/numbers.py", "load/protocol.py", "matrix/app.py", "matrix/app_file.py", "matrix/app_keys.py",
    "matrix/app_parts.py", "matrix/app_requests.py", "matrix/arrivals.py", "matrix/ladder.py", "matrix/page_order.py",
    "matrix/pages.py", "matrix/profiles.py", "matrix/python_search.py", "matrix/pythons.py", "matrix/ramp.py",
    "matrix/shapes.py", "matrix/stacks", "matrix/workloads.py", "outside", "results/rows.py", "system/environment.py",
    "system/keep_errors.py", "system/launch.py",
)  # fmt: skip
"""The noxfile reads some of them with nothing installed, locust and the target's launcher the others."""

IN_LOCUST = {
    "driver.py": {"load.protocol", "matrix.arrivals", "matrix.page_order", "results.rows"},
    "locustfile.py": {"load.protocol"}, "recorder.py": {"results.rows"},
    "visitor.py": {"matrix.page_order", "matrix.pages", "results.rows"},
    "webui.py": {"load.numbers", "matrix.page_order", "matrix.pages", "matrix.stacks", "matrix.workloads"},
}  # fmt: skip
"""What each file that runs inside locust imports of the project: it carries nothing that it does not need."""

ALSO_A_PACKAGE = {("host.py", "uvicorn")}
"""Versions of the tool environment's packages are recorded by name, and one stack is called as its server's package."""


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; ``from stackmatrix.a import b`` is ``stackmatrix.a.b``, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_modules(path: Path) -> set[str]:
    """The project's modules that a file imports, without ``stackmatrix``."""
    names = {name.removeprefix("stackmatrix.") for name in imports(path) if name.startswith("stackmatrix.")}
    return {name for name in names if PACKAGE.joinpath(*name.split(".")).with_suffix(".py").exists() or is_stacks(name)}


def is_stacks(name: str) -> bool:
    return name == "matrix.stacks"


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def strings(path: Path) -> set[str]:
    """Every string constant of a file."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}


MODULES = sources(PACKAGE)


def below(*places: str) -> list[Path]:
    """All files of packages or modules, given from the package's folder on."""
    found = [
        path for place in places for path in ([PACKAGE / place] if place.endswith(".py") else sources(PACKAGE / place))
    ]
    assert all(path.exists() for path in found)
    return found


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", below(*PURE), ids=by_name)
def test_pure_packages_touch_no_clock_process_socket_or_screen(path: Path) -> None:
    assert not packages(path) & TOUCHES_THE_WORLD


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_the_harness_never_imports_locust_or_gevent(path: Path) -> None:
    assert not packages(path) & {"locust", "gevent", "geventhttpclient"}


@pytest.mark.parametrize("path", below(*STANDARD_LIBRARY_ONLY), ids=by_name)
def test_what_is_read_without_an_environment_imports_the_standard_library_only(path: Path) -> None:
    assert packages(path) - {"stackmatrix"} <= sys.stdlib_module_names
    assert own_modules(path) <= {module_name(each) for each in below(*STANDARD_LIBRARY_ONLY)}


def module_name(path: Path) -> str:
    """A module's name below the package's."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def test_what_is_read_without_an_environment_can_be_imported_in_none() -> None:
    names = [f"stackmatrix.{module_name(path)}" for path in below(*STANDARD_LIBRARY_ONLY)]
    # -S leaves out every package that is installed.
    command = [sys.executable, "-S", "-c", f"import sys, {', '.join(names)}; print(*sys.modules)"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    child = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    imported = {name.split(".")[0] for name in child.stdout.split()}
    assert imported - sys.stdlib_module_names - {"__main__"} == {"stackmatrix"}


@pytest.mark.parametrize("name", ["under_test/identity.py", "slow_api/figures.py"])
def test_what_the_harness_shares_with_what_it_measures_needs_nothing_else(name: str) -> None:
    assert packages(ROOT / "src" / name) <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "path",
    [ROOT / "noxfile.py", *sources(ROOT / "locust"), *(path for path in MODULES if "stacks" not in path.parts)],
    ids=by_name,
)
def test_no_stacks_name_appears_in_source_outside_the_table(path: Path) -> None:
    excused = {name for file, name in ALSO_A_PACKAGE if file == path.name}
    assert excused <= strings(path), "an excuse that is not needed any more"
    assert not (strings(path) & STACKS.keys()) - excused


def test_the_load_generators_folder_is_no_package() -> None:
    assert not (ROOT / "locust" / "__init__.py").exists()
    assert (ROOT / "locust" / "locustfile.py").exists()


@pytest.mark.parametrize("path", sources(ROOT / "locust"), ids=by_name)
def test_what_runs_inside_locust_imports_only_what_it_was_given(path: Path) -> None:
    assert own_modules(path) == IN_LOCUST[path.name]
    assert own_modules(path) <= {module_name(each) for each in below(*STANDARD_LIBRARY_ONLY)}


def test_four_modules_stand_outside_of_any_package() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py", "errors.py"}


def test_the_noxfile_dispatches_only() -> None:
    assert len((ROOT / "noxfile.py").read_text(encoding="utf-8").splitlines()) < 200
    assert own_modules(ROOT / "noxfile.py") == {
        "matrix.app", "matrix.python_search", "matrix.pythons", "matrix.stacks", "system.environment",
        "system.keep_errors",
    }  # fmt: skip


def test_what_runs_on_the_python_of_nox_is_read_by_an_older_one_too() -> None:
    names = {*own_modules(ROOT / "noxfile.py"), "system.guard"}
    paths = [PACKAGE / f"{name.replace('.', '/')}.py" for name in names]
    for path in [ROOT / "noxfile.py", *(one for one in paths if one.exists())]:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))


ENVIRONMENTS = {stack.environment for stack in STACKS.values()}
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


def pinned(lock: Path) -> dict[str, str]:
    """Names and versions of a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def test_there_is_a_lock_file_for_every_stack_and_every_environment_and_no_other() -> None:
    assert {lock.stem for lock in LOCKS} == {*ENVIRONMENTS, "tool", "dev", "site_tests"}
    assert {source.stem for source in REQUIREMENTS.glob("*.in")} == {"tool", "dev", "site_tests"}


@pytest.mark.parametrize("lock", LOCKS, ids=by_name)
def test_every_pin_has_hashes_and_nothing_says_where_to_download(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=\S)", text.strip()) if not block.startswith("--no-binary ")]
    # A package may have one version for each of several interpreters.
    assert len(blocks) >= len(pinned(lock)) > 0
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+==\S+", block)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block)
    assert "://" not in text
    assert "index" not in text.replace("importlib", "")


@pytest.mark.parametrize("name", STACKS)
def test_a_stacks_lock_file_holds_what_its_row_asks_for(name: str) -> None:
    asked = [re.sub(r"\[.*", "", wanted) for wanted in (*BUILT_IN.requirements, *STACKS[name].requirements)]
    assert set(asked) <= pinned(REQUIREMENTS / f"{STACKS[name].environment}.txt").keys()


def test_each_environment_of_the_site_builds_what_would_take_the_place_of_another_client() -> None:
    for name in (*ENVIRONMENTS, "site_tests"):
        text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
        assert re.findall("^--no-binary (.*)$", text, re.MULTILINE) == list(BUILT_IN.from_source)
        assert set(BUILT_IN.from_source) <= pinned(REQUIREMENTS / f"{name}.txt").keys()


def test_all_stacks_pin_the_same_version_of_what_they_share() -> None:
    versions: dict[str, set[str]] = {}
    for name in ENVIRONMENTS:
        for package, version in pinned(REQUIREMENTS / f"{name}.txt").items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}
    assert {"django", "httpx", "httpcore", "anyio", "gevent"} <= versions.keys()


def test_rows_of_the_table_take_a_name_a_port_and_flags_of_their_own() -> None:
    rows = STACKS.values()
    assert all(name.isidentifier() for name in STACKS)
    assert len({row.port for row in rows} | {row.stats_port for row in rows if row.stats_port}) == len(rows) + sum(
        row.stats_port is not None for row in rows
    )
    assert len({(row.command, row.view) for row in rows}) == len(rows)
