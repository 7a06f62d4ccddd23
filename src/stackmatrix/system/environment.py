"""Variables of the user's shell that would make a program look at another place, or speak another language.

What is read of a program's output is read in English, and a Python, a uv, a pip or a git that is named means the one
that is named, whatever shell, hook or activated environment all of this is started from. Addresses and credentials of
package indexes, proxies and certificates stay the user's. Standard library only: the noxfile reads it.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

KEPT = ("PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHON_COLORS", "PYTHON_KEYRING_BACKEND")
"""Variables of Python that say what a terminal shows and when, and where credentials are. All others change what runs,
such as ``PYTHONHOME``, ``PYTHONINSPECT`` and ``PYTHONWARNINGS``.
"""

OTHER_PLACES = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__",
    "UV_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY",
    "PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET", "PIP_USER",
)  # fmt: skip
"""Where uv and pip would install, or what they would take for the environment, in place of the one that is named."""

OTHER_REPOSITORIES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip
"""What git gives to hooks, and so to a run that is started by one: they mean the hook's repository, whatever folder git
is asked about."""


NOT_IN_A_PATH = {
    ":": "lists of folders, such as PATH, are divided by it",
    "%": "uWSGI puts other words in its place",
    "\\": "installed programs begin with a line in which it means something else",
}
"""Signs in the project's path with which it does not work, and why."""


def clear(variables: MutableMapping[str, str]) -> None:
    """Take away what would make Python, uv, pip or git look at another place."""
    for name in [name for name in variables if _is_python(name) or name in (*OTHER_PLACES, *OTHER_REPOSITORIES)]:
        del variables[name]


def _is_python(name: str) -> bool:
    return name.startswith("PYTHON") and name not in KEPT


def in_english(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables for a program whose words are read: in English and without colours, letters as they were."""
    given = {name: value for name, value in variables.items() if name not in {"LANGUAGE", "LC_ALL", "LC_MESSAGES"}}
    if letters := variables.get("LC_ALL"):
        given["LC_CTYPE"] = letters
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"):
        given.pop(name, None)
    return {**given, "LC_MESSAGES": "C", "NO_COLOR": "1"}


def in_order(project: Path | None = None) -> None:
    """Clear this process's own variables, and let it enter the folders that it makes, whatever its umask says.

    Where it imports from stays. A project in a folder in which nothing would work ends the process with a sentence.
    """
    if project is not None and (why := why_not_in(str(project))):
        sys.exit(why)
    imported_from = os.environ.get("PYTHONPATH")
    clear(os.environ)
    if imported_from is not None:
        os.environ["PYTHONPATH"] = imported_from
    os.umask(os.umask(0o077) & ~0o700)


def why_not_in(folder: str) -> str | None:
    """Why the project cannot be used in a folder, with the remedy; ``None`` where it can."""
    found = next((sign for sign in folder if sign in NOT_IN_A_PATH or not sign.isprintable()), None)
    if found is not None:
        why = NOT_IN_A_PATH.get(found, "programs are started by lines in which it means something else")
        return f"The project's folder {folder!r} has {found!r} in its path, and {why}: move it to another folder."
    if not os.access(folder, os.W_OK) and not os.access(Path(folder) / ".nox", os.W_OK):
        return (
            f"The project's folder {folder!r}, where environments are installed, cannot be written: copy it elsewhere."
        )
    return None
