"""uv, as the harness calls it: where it is, which Python it takes, and what it says when it fails."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from stackmatrix.application import uv_messages
from stackmatrix.errors import AppError

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
    command = [str(uv), "python", "find", "--no-project", "--no-python-downloads", python]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=LOOK_S,
        env=_environment(),
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise AppError(f"There is no Python {python} here: install it (uv python install {python}), or leave it out.")
    return Path(done.stdout.strip())


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
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if "PYENV_VERSION" not in passed and versions.is_dir():
        # pyenv's shims answer only for versions that are named.
        names = sorted((path.name for path in versions.iterdir()), reverse=True)
        passed["PYENV_VERSION"] = ":".join([*names, "system"])
    return {**passed, "NO_COLOR": "1", "UV_NO_PROGRESS": "1", "GIT_TERMINAL_PROMPT": "0"}
