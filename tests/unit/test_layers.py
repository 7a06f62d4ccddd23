"""Imports point one way, from the edges to a pure core; a stack is a row of one table; the lock files are whole."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix.matrix.stacks import BASE_REQUIREMENTS, STACKS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "stackmatrix"
REQUIREMENTS = ROOT / "requirements"

BASE = {"calibrated", "capacity", "cost", "errors", "model", "stacks", "structs", "workloads"}
CORE = {
    "about", "answers", "arrivals", "assess", "callgrind", "charts", "checks", "climb", "codec", "comparison",
    "counted", "evidence", "exports", "facts", "figures", "instructions", "judgement", "keeping", "levels", "limiter",
    "metrics",
    "moderation", "overview", "pages", "parquet", "phrases", "plan", "report", "reportcharts", "rows", "search",
    "slo", "stalled", "summary", "usage", "verdicts", "wording",
}  # fmt: skip
EDGES = {
    "ceiling", "counters", "drawing", "environments", "launch", "loadgen", "loadprocess", "machine", "meters", "pace",
    "processes", "progress", "serving", "store", "supervisor", "surroundings", "tables", "untimed", "verification",
}  # fmt: skip
TOP = (
    "beside", "bench", "targetbench", "trial", "nullbench", "stall", "calibration", "counting", "count_runner",
    "capacity_trial", "capacity_runner", "sidebench", "cost_runner", "runner", "verbs", "cli", "__main__",
)  # fmt: skip
"""Each may import what stands before it."""

NOT_IN_CORE = {"circus", "gevent", "locust", "os", "psutil", "socket", "subprocess", "threading", "time", "rich"}
STANDARD_LIBRARY_ONLY = {"arrivals", "errors", "launch", "rows", "stacks", "workloads"}
"""The noxfile reads two of them with nothing installed, locust and the target's launcher the others."""

IN_LOCUST = {
    "driver.py": {"arrivals", "rows"}, "locustfile.py": set[str](), "recorder.py": {"rows"}, "visitor.py": set[str](),
    "webui.py": {"stacks", "workloads"},
}  # fmt: skip
"""What each file that runs inside locust imports of the project: it carries nothing that it does not need."""

ALSO_A_PACKAGE = {("machine.py", "uvicorn")}
"""Versions of the tool environment's packages are recorded by name, and one stack is called as its server's package."""


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def module_of(path: Path) -> str:
    """The module below ``stackmatrix`` that a file belongs to; all of ``verbs`` is one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; ``from stackmatrix import x`` is ``stackmatrix.x``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "stackmatrix":
                yield from (f"stackmatrix.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def own_imports(path: Path) -> set[str]:
    """The modules below ``stackmatrix`` that a file imports, but for its own."""
    parts = [name.split(".") for name in imports(path)]
    return {part[1] for part in parts if part[0] == "stackmatrix" and len(part) > 1} - {module_of(path)}


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def strings(path: Path) -> set[str]:
    """Every string constant of a file."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)}


MODULES = [path for path in sources(PACKAGE) if module_of(path) != "__init__"]


def of_layer(layer: set[str]) -> list[Path]:
    found = [path for path in MODULES if module_of(path) in layer]
    assert found
    return found


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_every_module_has_its_layer(path: Path) -> None:
    assert module_of(path) in BASE | CORE | EDGES | {*TOP}, "give it a place above, and so say what it may import"


@pytest.mark.parametrize("path", of_layer(BASE), ids=by_name)
def test_the_base_imports_nothing_of_the_project_but_itself(path: Path) -> None:
    assert own_imports(path) <= BASE


@pytest.mark.parametrize("path", of_layer(CORE), ids=by_name)
def test_the_core_imports_no_edge_and_nothing_that_touches_the_world(path: Path) -> None:
    assert own_imports(path) <= BASE | CORE
    assert not packages(path) & NOT_IN_CORE


@pytest.mark.parametrize("path", of_layer(EDGES), ids=by_name)
def test_edges_do_not_import_what_directs_them(path: Path) -> None:
    assert own_imports(path) <= BASE | CORE | EDGES


@pytest.mark.parametrize("path", of_layer({*TOP}), ids=by_name)
def test_what_directs_imports_only_downwards(path: Path) -> None:
    assert not own_imports(path) & {*TOP[TOP.index(module_of(path)) :]}


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_the_harness_never_imports_locust_or_gevent(path: Path) -> None:
    assert not packages(path) & {"locust", "gevent", "geventhttpclient"}


@pytest.mark.parametrize("path", of_layer(STANDARD_LIBRARY_ONLY), ids=by_name)
def test_what_is_read_without_an_environment_imports_the_standard_library_only(path: Path) -> None:
    assert packages(path) <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "path",
    [ROOT / "noxfile.py", *sources(ROOT / "locust"), *(path for path in MODULES if path.name != "stacks.py")],
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
    parts = [name.split(".") for name in imports(path)]
    taken = {part[1] for part in parts if part[0] == "stackmatrix"}
    assert taken == IN_LOCUST[path.name]
    assert taken <= STANDARD_LIBRARY_ONLY


def test_the_noxfile_dispatches_only() -> None:
    assert len((ROOT / "noxfile.py").read_text(encoding="utf-8").splitlines()) < 200
    assert {name for name in imports(ROOT / "noxfile.py") if name.startswith("stackmatrix")} == {
        "stackmatrix.matrix.stacks",
        "stackmatrix.matrix.workloads",
    }


LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


def pinned(lock: Path) -> dict[str, str]:
    """Names and versions of a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def test_there_is_a_lock_file_for_every_stack_and_every_environment_and_no_other() -> None:
    assert {lock.stem for lock in LOCKS} == {*STACKS, "tool", "dev", "site_tests"}
    assert {source.stem for source in REQUIREMENTS.glob("*.in")} == {"tool", "dev", "site_tests"}


@pytest.mark.parametrize("lock", LOCKS, ids=by_name)
def test_every_pin_has_hashes_and_nothing_says_where_to_download(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) == len(pinned(lock)) > 0
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+==\S+", block)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block)
    assert "://" not in text
    assert "index" not in text.replace("importlib", "")


@pytest.mark.parametrize("name", STACKS)
def test_a_stacks_lock_file_holds_what_its_row_asks_for(name: str) -> None:
    asked = [re.sub(r"\[.*", "", wanted) for wanted in (*BASE_REQUIREMENTS, *STACKS[name].requirements)]
    assert set(asked) <= pinned(REQUIREMENTS / f"{name}.txt").keys()


def test_all_stacks_pin_the_same_version_of_what_they_share() -> None:
    versions: dict[str, set[str]] = {}
    for name in STACKS:
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
    assert len({row.command for row in rows}) == len(rows)
