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

VARIABLE = "STACKMATRIX_UV"
"""Names uv's program where it is neither on the path nor beside this Python, as in nox's own environment."""

INSTALL_S = 1800.0
"""For one call: packages may be compiled, one after the other."""
LOOK_S = 60.0
"""For finding an interpreter."""

NOT_PASSED_ON = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")
"""What would make uv look at another environment than the one that is named. All else is passed: addresses and
credentials of package indexes, proxies, and what compilers read are the user's, and uv is the user's tool."""


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
    found = [path for request in _requests(python) if (path := _find(request, uv)) is not None]
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
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LOOK_S,
        env=_environment(),
        stdin=subprocess.DEVNULL,
    )
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
        done = subprocess.run(
            [str(uv), *arguments],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_S,
            env={**_environment(), **variables},
            cwd=folder,
            input=says,
        )
    except subprocess.TimeoutExpired as error:
        raise AppError(f"Installing did not end within {INSTALL_S / 60:g} minutes: is the network slow?") from error
    if done.returncode:
        told = uv_messages.explain(done.stderr)
        raise NoSolutionError(told.sentence) if told.is_no_solution else AppError(told.sentence)
    return done.stdout


def _environment() -> Mapping[str, str]:
    passed = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    told = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**passed, **python_search.plain_first(passed), **told}
