"""Which interpreters are here, as nox finds them for an environment.

It takes the one that it runs on itself, then those of the path, where pyenv's shims answer for the versions that are
named, then uv's own. An interpreter is asked what it is, and never judged by where it stands.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from stackmatrix.results.types import PythonBuild
from stackmatrix.system.processes import SOURCE

NOX_PYTHON = "STACKMATRIX_NOX_PYTHON"
"""Names the interpreter that nox runs on."""
ASK = """
import json, sys, sysconfig
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from under_test.interpreter import describe
header = Path(sysconfig.get_path("include"), "Python.h")
path = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({"path": path, "build": describe(), "header": str(header), "has_header": header.exists()}))
"""
TIMEOUT_S = 30.0
"""Longer than an interpreter takes to start on the slowest disk."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter and what it says of itself; ``header`` is where its Python.h is, or is missing."""

    path: Path
    build: PythonBuild
    header: Path
    has_header: bool

    @property
    def version(self) -> str:
        """Its minor version as the axis of Pythons has it, such as ``3.13`` or ``3.14t``."""
        return ".".join(self.build.version.split(".")[:2]) + ("t" if self.build.free_threaded else "")


def find(version: str) -> Interpreter | None:
    """The interpreter that nox would take for a minor version such as ``3.13`` or ``3.14t``; ``None`` without one."""
    for path in candidates(version):
        found = ask(path)
        if found is not None and found.version == version and found.build.implementation == "CPython":
            return found
    return None


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter of a version may be, in the order in which nox looks."""
    if told := os.environ.get(NOX_PYTHON):
        yield Path(told)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    name = f"python{version}"
    for folder in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        if Path(folder) == root / "shims":
            named = os.environ.get("PYENV_VERSION", "").split(":")
            yield from (path for one in named if one and (path := root / "versions" / one / "bin" / name).is_file())
        elif (path := Path(folder) / name).is_file():
            yield path
    for kept in _uv_folders():
        builds = sorted(kept.glob(f"cpython-{version.rstrip('t')}.*"), key=_newest_last, reverse=True)
        yield from (path for build in builds if (path := build / "bin" / name).is_file())


def _uv_folders() -> Iterator[Path]:
    """Where uv keeps the interpreters that it has downloaded."""
    if told := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        yield Path(told).expanduser()
        return
    yield Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "uv" / "python"
    if sys.platform == "darwin":
        yield Path.home() / "Library" / "Application Support" / "uv" / "python"


def _newest_last(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)[:3]]


@cache
def ask(path: Path) -> Interpreter | None:
    """What the interpreter at a path says of itself; ``None`` where there is none."""
    try:
        # -I: nothing of the user's own environment counts; -B: nothing is written beside what is imported.
        done = subprocess.run(
            [path, "-I", "-B", "-c", ASK, str(SOURCE)],
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
        told = json.loads(done.stdout)
        build = msgspec.convert(told["build"], PythonBuild)
        return Interpreter(Path(told["path"]), build, Path(told["header"]), bool(told["has_header"]))
    except (OSError, ValueError, TypeError, KeyError, msgspec.MsgspecError, subprocess.SubprocessError):
        return None
