"""uv, as the harness calls it: where it is, which Python it takes, and what it says when it fails."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from stackmatrix.application import uv_messages
from stackmatrix.errors import AppError
from stackmatrix.matrix import python_search
from stackmatrix.system import interpreters
from stackmatrix.system.environment import clear, in_english

VARIABLE = "STACKMATRIX_UV"
"""Names uv's program where it is neither on the path nor beside this Python, as in nox's own environment."""

INSTALL_S = 1800.0
"""For one call: packages may be compiled, one after the other."""
LOOK_S = 60.0
"""For finding an interpreter."""


class NoSolutionError(AppError):
    """The requirements contradict each other, or ask for what is not there."""


def find_uv() -> Path:
    """Where uv is: as ``STACKMATRIX_UV`` says, else on the path, else beside this Python.

    Raises:
        AppError: when it is nowhere.

    """
    told = os.environ.get(VARIABLE)
    if told:
        if not os.access(told, os.X_OK):
            raise AppError(f"{VARIABLE} says {told}, which is not a program: correct it, or unset it.")
        return Path(told)
    found = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if found is None:
        raise AppError(
            f"uv, which installs applications, was not found: pip install uv, or set {VARIABLE} to its path."
        )
    return Path(found)


def find_interpreter(python: str, uv: Path) -> Path:
    """The interpreter of a minor version such as ``3.13`` or ``3.14t``, or at a path.

    Raises:
        AppError: when there is none.

    """
    if os.sep in python:
        if not os.access(python, os.X_OK):
            raise AppError(f"There is no Python at {python}: correct the path.")
        return Path(python).absolute()
    try:
        found = [path for request in _requests(python) if (path := _find(request, uv)) is not None]
    except subprocess.TimeoutExpired as error:
        raise AppError(f"uv did not find out within {LOOK_S:g} s whether there is a Python {python}.") from error
    minor = re.sub(r"(\d+\.\d+)\.\d+", r"\1", python)
    # One that does not say what it is, as it may need variables that uv has, is taken at uv's word.
    path = next((one for one in found if interpreters.version_of(one) in (None, minor)), None)
    if path is not None:
        return path
    beside = f" {found[0]}, which is first in the path, is another." if found else ""
    raise AppError(
        f"There is no Python {python} here: install it (uv python install {python}), or leave it out.{beside}"
    )


def _requests(python: str) -> tuple[str, ...]:
    """How uv is asked for a version: it takes one without the GIL for one with it, unless it is told not to."""
    return (python,) if re.fullmatch(r"[\d.]+", python) is None else (python, f"{python}+gil")


def _find(request: str, uv: Path) -> Path | None:
    command = [str(uv), "python", "find", "--no-project", "--no-python-downloads", request]
    done = _call(command, LOOK_S)
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def run(
    uv: Path,
    arguments: Sequence[str],
    *,
    folder: Path,
    says: str = "",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run uv in a folder, with a text as its input; returns what it prints on standard output.

    Raises:
        NoSolutionError: when requirements do not fit together.
        AppError: in one sentence, when it fails for another reason.

    """
    try:
        done = _call([str(uv), *arguments], INSTALL_S, folder=folder, says=says, variables=variables)
    except subprocess.TimeoutExpired as error:
        raise AppError(f"Installing did not end within {INSTALL_S / 60:g} minutes: is the network slow?") from error
    if done.returncode:
        told = uv_messages.explain(done.stderr)
        raise NoSolutionError(told.sentence) if told.is_no_solution else AppError(told.sentence)
    return done.stdout


def _call(
    command: Sequence[str],
    within_s: float,
    *,
    folder: Path | None = None,
    says: str = "",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.CompletedProcess[str]":
    """Run uv to its end.

    Raises:
        AppError: when it cannot be started.
        subprocess.TimeoutExpired: when it does not end.

    """
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=within_s,
            env={**_environment(), **variables},
            cwd=folder,
            input=says,
        )
    except OSError as error:
        raise AppError(f"{command[0]}, which installs packages, cannot be started ({error.strerror}).") from error


def _environment() -> Mapping[str, str]:
    """All of the user's but what would make uv look at another place: it is the user's tool."""
    passed = in_english(os.environ)
    clear(passed)
    told = {"UV_NO_PROGRESS": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**passed, **python_search.plain_first(passed), **told}
