"""Where Pythons are looked for, so that ``python3.13`` is a plain CPython wherever there is one.

pyenv's shims answer only for versions that are named in ``PYENV_VERSION``: a shim takes the first named one that has
the program, and refuses every program where one of the names is none of its versions. So only folders with a Python in
them are named, plain CPython of the newest patch first, and a build without the GIL, a debug build, PyPy or conda after
all of these. Virtual environments are left out: the Python that each was made from is there, too. In the path, folders
of conda and of builds without the GIL, which have a ``python3.13`` of their own, come last for the same reason.

Only the standard library is imported, so that the noxfile reads it with nothing installed.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "PYENV_VERSION"
SYSTEM = "system"
"""pyenv's name of what is in the path beside it."""
_CPYTHON = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:(a|b|rc)(\d+))?(t?)(-dev)?(-debug)?")
_PROGRAM = re.compile(r"python[\d.]*t?")
_STAGES = {"a": 1, "b": 2, "rc": 3, None: 4}
"""What is not a release yet comes after what is; a build of a branch is older than all of its releases."""
_PLAIN, _FREE_THREADED, _DEBUG, _OTHER = range(4)


def plain_first(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of an environment's variables by which Pythons are found, as they should be."""
    folders = [folder for folder in variables.get("PATH", "").split(os.pathsep) if folder]
    path = {"PATH": os.pathsep.join(sorted(folders, key=_has_its_own))} if folders else {}
    return path | _pyenv(variables)


def _has_its_own(name: str) -> bool:
    """Whether what is called a version in a folder of the path is another kind: conda's, or one without the GIL."""
    folder = Path(name)
    try:
        if (folder.absolute().parent / "conda-meta").is_dir():
            return True
        pairs = [(path.with_name(path.name.removesuffix("t")), path) for path in folder.glob("python3.[0-9]*t")]
    except OSError:
        return False
    return any(_is_file(path) and _is_file(other) and path.samefile(other) for path, other in pairs)


def _is_file(path: Path) -> bool:
    """Also where a link leads nowhere, or nothing may be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def _pyenv(variables: Mapping[str, str]) -> dict[str, str]:
    """``PYENV_VERSION`` with every Python that pyenv has here; empty where there is no pyenv, or it has none.

    ``variables`` are those of the environment. Of one kind and minor version, those that were named before stay first.
    """
    home = variables.get("HOME") or os.sep
    root = variables.get("PYENV_ROOT") or Path(home, ".pyenv")
    chosen = variables.get(VARIABLE, "").split(":")
    try:
        folders = [one for one in Path(root, "versions").iterdir() if ":" not in one.name and _has_python(one)]
    except OSError:
        return {}
    places = {name: place for place, name in enumerate(chosen)}
    names = sorted((one.name for one in folders), key=lambda name: _key(name, places.get(name, len(places))))
    return {VARIABLE: ":".join([*names, SYSTEM])} if names else {}


def _has_python(folder: Path) -> bool:
    """Whether there is an interpreter, which a virtual environment only borrows."""
    if _is_file(folder / "pyvenv.cfg"):
        return False
    try:
        programs = [one for one in (folder / "bin").glob("python*") if _PROGRAM.fullmatch(one.name)]
    except OSError:
        return False
    return any(_is_file(one) and os.access(one, os.X_OK) for one in programs)


def _key(name: str, chosen: int) -> tuple[int | str, ...]:
    """Orders the names of folders: by kind, the newest minor version, the place among the chosen, the newest patch."""
    found = _CPYTHON.fullmatch(name)
    if found is None:
        return (_OTHER, chosen, 0, 0, 0, 0, 0, name)
    major, minor, patch, stage, number, threads, branch, debug = found.groups()
    kind = _DEBUG if debug else _FREE_THREADED if threads else _PLAIN
    step = (-1, 0, 0) if branch or patch is None else (int(patch), _STAGES[stage], int(number or 0))
    return (kind, -int(major), -int(minor), chosen, *(-one for one in step), name)
