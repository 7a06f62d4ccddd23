"""Environments between two: which packages one holds and what these require, and lists that mix those of two."""

import platform
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from stackmatrix.analysis.bisect import Installed
from stackmatrix.application.requirements import PIN
from stackmatrix.application.sources import default_install, gather, read_items
from stackmatrix.application.uv import find_interpreter, find_uv
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.outside.files import read_log


def packages_of(prefix: Path) -> dict[str, Installed]:
    """The packages that are installed in an environment, by their normal names, as their own metadata has them.

    What does not say its name and version is left out: an interrupted installation leaves such folders.
    """
    holds = _marker(prefix)
    packages: dict[str, Installed] = {}
    for folder in sorted(prefix.glob("lib/*/site-packages")):
        for found in distributions(path=[str(folder)]):
            told = _identity(found)
            if told is not None:
                packages.setdefault(told[0], Installed(told[1], tuple(_requires(found, holds))))
    return packages


def _identity(found: Distribution) -> tuple[str, str] | None:
    """A package's normal name and its version; ``None`` where its metadata is missing, or is no text."""
    try:
        name, version = found.metadata.get("Name"), found.metadata.get("Version")
    except Exception:  # noqa: BLE001 - each Python has its own for a file that is missing, a folder, or not UTF-8
        return None
    return (str(canonicalize_name(str(name))), str(version)) if name and version else None


def _requires(found: Distribution, holds: Callable[[Requirement, str], bool]) -> Iterator[Requirement]:
    """What a package requires where it is installed.

    Which of its extras were asked for is written nowhere, so all of them count: what one of them requires is only of
    interest where one environment has it and the other has not.
    """
    extras = ("", *(found.metadata.get_all("Provides-Extra") or ()))
    for text in found.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # of a release from before there was a standard
        if any(holds(requirement, extra) for extra in extras):
            yield requirement


def _marker(prefix: Path) -> Callable[[Requirement, str], bool]:
    """Whether a requirement holds on the Python of an environment, for one extra.

    The system is this one; of the interpreter the environment's own file says the version.
    """
    lines = (line.partition("=") for line in read_log(prefix / "pyvenv.cfg").splitlines())
    told = {name.strip(): value.strip() for name, _, value in lines}
    full = told.get("version_info") or told.get("version") or platform.python_version()
    python = {"python_full_version": full, "python_version": ".".join(full.split(".")[:2])}

    def holds(requirement: Requirement, extra: str) -> bool:
        return requirement.marker is None or requirement.marker.evaluate({**python, "extra": extra})

    return holds


def pins_of(text: str) -> dict[str, str]:
    """The lines of a pinned list by the normal names of their packages."""
    found = ((PIN.match(line), line) for line in text.splitlines())
    return {str(canonicalize_name(match[1])): line for match, line in found if match is not None}


def mixed(base: str, head: str, kept: Collection[str]) -> str:
    """The head's pinned list, in which these packages are ``kept`` as the base's list has them, or has them not.

    Lines that name no package, such as the project's own folder, are the head's.
    """
    named = {name: line for name, line in pins_of(head).items() if name not in kept}
    named |= {name: line for name, line in pins_of(base).items() if name in kept}
    others = [line for line in head.splitlines() if PIN.match(line) is None]
    return "".join(f"{line}\n" for line in [*others, *(named[name] for name in sorted(named))])


def indexes_of(app: AppFile, python: str) -> tuple[str, ...]:
    """The lines with which an app's own files say where its packages are found. They may hold passwords.

    Raises:
        AppError: when what it installs cannot be read.

    """
    uv = find_uv()
    named = read_items(app.install or default_install(app.project), app.project)
    return gather(named, app.project, find_interpreter(python, uv), uv).indexes
