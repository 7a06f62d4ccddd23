"""What is said of the chosen cells: which Pythons there are, what is left out and why, and what must be installed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stackmatrix.commands.examining import cells
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import AppError, EnvironmentMissingError
from stackmatrix.matrix.cells import Installation, make_cells
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.stacks.stack import COMPILER
from stackmatrix.results.types import PythonBuild
from stackmatrix.system import installed_pythons
from stackmatrix.system.installed_pythons import Interpreter
from stackmatrix.testbed import environments

type MakeCase = Callable[..., Case]

COMPILED = next(name for name, stack in STACKS.items() if COMPILER in stack.needs and stack.is_seed)
ASGI = next(name for name, stack in STACKS.items() if stack.serves_views_of == "ASGI")
BUILD = PythonBuild(
    version="3.13.1", implementation="CPython", compiler="GCC", origin="pyenv", pgo=False, lto=False, shared=False,
    gil=True, jit=None,
)  # fmt: skip


def interpreter(version: str = "3.13.1", *, has_header: bool = True, **changed: Any) -> Interpreter:
    build = msgspec.structs.replace(BUILD, version=version, **changed)
    return Interpreter(Path(f"/opt/{version}/python"), build, Path("/opt/Python.h"), has_header)


def test_what_was_chosen_is_counted_and_what_is_measured_is_named(make_case: MakeCase) -> None:
    found = cells.chosen(make_case(make_cells((REFERENCE_STACK, ASGI), PYTHONS[:2], ("fanout", "no_calls"))))
    assert (
        found.said
        == f"8 cells: 2 stacks, Python {PYTHONS[0]} and {PYTHONS[1]}, 2 workloads. Measured: cost, ramp, stop."
    )


def test_where_nothing_can_be_measured_the_first_reason_stops_a_run(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    found = cells.chosen(make_case(make_cells((COMPILED,), PYTHONS[:1], ("fanout",))))
    assert found.exit_code == EnvironmentMissingError.exit_code
    assert f"{COMPILED} needs a C compiler, which is not here: install it" in found.said


def test_cells_with_one_reason_are_left_out_in_one_line(make_case: MakeCase) -> None:
    found = cells.left_out(make_case(make_cells((REFERENCE_STACK, ASGI), PYTHONS[:2], ("fanout_urllib3", "fanout"))))
    assert found.state == "note"
    assert found.said == f"{ASGI} on {PYTHONS[0]} and {PYTHONS[1]}: urllib3 has no async client."
    assert cells.left_out(make_case()).state == "fine"


def test_each_python_is_told_with_its_place_and_its_build() -> None:
    found = cells.of_pythons({"3.13": interpreter()}, (), is_downloaded=True)
    assert found.state == "fine"
    assert found.said == "3.13: 3.13.1 at /opt/3.13.1/python (built by pyenv, not optimised)."
    free = interpreter("3.14.0", free_threaded=True, origin="uv", pgo=True)
    assert "uv's build, optimised, no GIL" in cells.described(free)
    assert "optimised or not: unknown" in cells.described(interpreter(pgo=None))


def test_two_pythons_that_were_built_differently_are_noted() -> None:
    found = {"3.12": interpreter("3.12.9", origin="distribution", pgo=None), "3.13": interpreter()}
    assert cells.of_pythons(found, (), is_downloaded=True).state == "note"
    alike = {"3.12": interpreter("3.12.9"), "3.13": interpreter()}
    assert cells.of_pythons(alike, (), is_downloaded=True).state == "fine"


def test_a_python_that_is_not_here_is_named_with_its_cells_and_the_remedy() -> None:
    chosen = make_cells((REFERENCE_STACK, ASGI), ("3.13", "3.14"), ("fanout",))
    found = cells.of_pythons({"3.13": interpreter(), "3.14": None}, chosen, is_downloaded=True)
    assert found.state == "note"
    assert "Not here: 3.14. 2 cells are left out, unless nox can download them." in found.said
    assert found.remedy == "To have them: uv python install 3.14."
    assert "unless" not in cells.of_pythons({"3.14": None}, chosen, is_downloaded=False).said


def test_the_interpreter_of_an_environment_that_is_there_is_the_one_that_is_told(
    make_case: MakeCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def ask(path: Path) -> Interpreter:
        asked.append(path)
        return interpreter()

    monkeypatch.setattr(installed_pythons, "ask", ask)
    there = Installation(tmp_path, environments.lock_sha256(REFERENCE_STACK) or "")
    case = make_case()
    monkeypatch.setattr(installed_pythons, "find", lambda _: None)
    assert replace(case).interpreters_here == dict.fromkeys(PYTHONS[:2])
    monkeypatch.setattr(environments, "installed", lambda: {(REFERENCE_STACK, PYTHONS[0]): there})
    assert case.interpreters_here == {PYTHONS[0]: interpreter(), PYTHONS[1]: None}
    assert asked[0].parts[-3:-1] == (f"env-{REFERENCE_STACK}-{PYTHONS[0].replace('.', '-')}", "bin")


def test_an_interpreter_that_was_named_by_its_path_is_asked_there(make_case: MakeCase, tmp_path: Path) -> None:
    cells_of = make_cells((REFERENCE_STACK,), ("3.13@debug",), ("fanout",))
    case = make_case(cells_of, interpreters={"3.13@debug": tmp_path / "python"})
    assert case.interpreters_here == {"3.13@debug": None}


def test_what_must_be_installed_is_named_and_needs_an_index() -> None:
    all_there = cells.of_environments(["a", "b"], [], "", [])
    assert all_there.said == "All 2 are installed and current: no network is needed."
    some = cells.of_environments(["a", "b"], ["b"], "", [])
    assert (some.state, some.said) == ("fine", "1 of 2 must be installed (b): a package index is needed.")
    offline = cells.of_environments(["a"], ["a"], "", ["UV_OFFLINE"])
    assert offline.state == "note"
    assert "Unset UV_OFFLINE" in (offline.remedy or "")


def test_environments_of_cells_are_listed_once_and_those_of_pythons_that_are_not_here_are_counted(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(make_cells((REFERENCE_STACK,), PYTHONS[:2], ("fanout", "no_calls")))
    monkeypatch.setattr(installed_pythons, "find", lambda version: interpreter() if version == PYTHONS[0] else None)
    assert cells.environments(case).said == (
        f"1 of 1 must be installed (env-{REFERENCE_STACK}-{PYTHONS[0]}): a package index is needed. 1 more are of "
        "Pythons that are not here."
    )
    assert {cell.python for cell in case.together} == {PYTHONS[0]}


def test_without_uv_other_packages_stop_a_run_and_locked_ones_do_not(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise AppError("uv was not found: install it.")

    monkeypatch.setattr(cells, "find_uv", nowhere)
    assert cells.environments(make_case()).state == "fine"
    other = make_cells((REFERENCE_STACK,), (f"{PYTHONS[0]} with django==5.2.*",), ("fanout",))
    found = cells.environments(make_case(other))
    assert (found.exit_code, found.said) == (AppError.exit_code, "uv was not found: install it.")


def test_without_a_compiler_what_needs_one_is_named_with_the_remedy() -> None:
    found = cells.of_compiler(None, ["a", "b"], {})
    assert (found.state, found.said) == ("note", "No C compiler is here, which a and b need: they are left out.")
    assert "build-essential" in (found.remedy or "")
    assert cells.of_compiler(None, [], {}).state == "fine"


def test_headers_that_are_missing_where_something_has_to_be_built_are_noted() -> None:
    found = cells.of_compiler("/bin/nothing", ["a"], {"3.13": interpreter(has_header=False)})
    assert found.state == "note"
    assert "Python.h is missing (of 3.13 it would be /opt/Python.h): a cannot be built there." in found.said
    assert "python3.13-dev" in (found.remedy or "")
    assert cells.of_compiler("/bin/nothing", ["a"], {"3.13": interpreter()}).said == "/bin/nothing; it builds a."
    assert cells.of_compiler("/bin/nothing", ["a"], {}).said == "/bin/nothing; nothing has to be built."
