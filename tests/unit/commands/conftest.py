"""What is to be measured, as the doctor is given it: nothing of it is on this machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stackmatrix.commands.examining.case import Case
from stackmatrix.matrix.cells import Cell, make_cells
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.measurements.request import Request
from stackmatrix.results.types import PythonBuild
from stackmatrix.system import installed_pythons
from stackmatrix.system.installed_pythons import Interpreter
from stackmatrix.testbed import environments


@pytest.fixture(autouse=True)
def no_look_first() -> None:
    """Here a command looks at this machine first, as it does for people."""


BUILD = PythonBuild(
    version="3.13.1", implementation="CPython", compiler="GCC", origin="pyenv", pgo=False, lto=False, shared=False,
    gil=True, jit=None,
)  # fmt: skip
HERE = Interpreter(Path("/opt/python"), BUILD, Path("/opt/Python.h"), has_header=True)

type MakeCase = Callable[..., Case]


@pytest.fixture
def make_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeCase:
    """A case of these cells, by default two of the reference stack, of which no environment is installed.

    Every Python is here.
    """
    monkeypatch.setattr(environments, "installed", dict)
    monkeypatch.setattr(installed_pythons, "find", lambda _: HERE)

    def make(
        cells: tuple[Cell, ...] | None = None,
        kinds: tuple[str, ...] = ("cost", "ramp", "stop"),
        profile: str = "answer",
        **changed: Any,
    ) -> Case:
        chosen = make_cells((REFERENCE_STACK,), PYTHONS[:2], ("fanout",)) if cells is None else cells
        request = Request(chosen, 1, tmp_path / "results", machine_name="m", minutes=30.0)
        return Case(request, replace(PROFILES[profile], kinds=kinds), **changed)

    return make
