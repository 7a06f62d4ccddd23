"""Target environments: found by the stamp that the noxfile leaves in each, and compared with their lock files."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import Cell, Installation, Subject, why_excluded
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.system.processes import PROJECT

STAMP = "stackmatrix.json"
"""In an environment's folder: what was installed there, written after the installation succeeded."""
NOX_FOLDER = PROJECT / ".nox"
REQUIREMENTS = PROJECT / "requirements"


def lock_sha256(name: str) -> str | None:
    """The hash of a lock file as it is now, or ``None`` when there is none."""
    path = REQUIREMENTS / f"{name}.txt"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def installed(folder: Path = NOX_FOLDER) -> dict[tuple[str, str], Installation]:
    """Every target environment below nox's folder whose lock file is still the one it was installed from.

    By the stack and the Python.
    """
    found = {}
    for stamp in folder.glob(f"*/{STAMP}"):
        try:
            content = json.loads(stamp.read_text(encoding="utf-8"))
            key, sha256 = (content["stack"], content["python"]), content["lock_sha256"]
        except (ValueError, KeyError, TypeError, OSError):
            continue  # half-written: as good as not installed
        if sha256 == lock_sha256(key[0]):
            found[key] = Installation(stamp.parent, sha256)
    return found


def resolve(cells: Iterable[Cell], catalogue: Catalogue = BUILT_IN_CATALOGUE) -> list[Subject]:
    """The cells with everything that their names stand for: the one place that looks it up.

    Raises:
        EnvironmentMissingError: when one is not installed.

    """
    here = installed()
    subjects = []
    for cell in cells:
        environment = here.get((cell.stack, cell.python))
        if environment is None:
            raise EnvironmentMissingError(
                f"{cell.stack} is not installed for Python {cell.python}: run nox -s env-{cell.stack}-{cell.python}"
            )
        stack, workload = catalogue.stacks[cell.stack], catalogue.workloads[cell.workload]
        subjects.append(Subject(cell, stack, workload, catalogue.app, environment))
    return subjects


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a cell cannot be measured.

    It cannot be anywhere (``excluded``), there is no such Python (``skipped``), or its packages did not install
    (``failed``).
    """

    state: str
    reason: str


COMPILERS = ("cc", "gcc", "clang")


def why_not_buildable(stack: Stack) -> str | None:
    """Why a stack's packages cannot be built here, with the remedy, or ``None`` when they can."""
    if not stack.needs_compiler or any(map(shutil.which, COMPILERS)):
        return None
    return (
        f"{stack.server} is built from source and there is no C compiler: "
        "install one (Debian, Ubuntu: apt install build-essential; macOS: xcode-select --install)"
    )


def find_missing(cells: Iterable[Cell], report: Path | None) -> Mapping[Cell, Missing]:
    """The cells without an environment, with the reason that nox's report gives.

    Nox calls a session ``skipped`` when its Python cannot be had, and ``failed`` when installing failed.
    """
    outcomes = _read_report(report) if report is not None else {}
    environments = installed()
    missing = {}
    for cell in cells:
        if (reason := why_excluded(cell)) is not None:
            missing[cell] = Missing("excluded", reason)
            continue
        if (cell.stack, cell.python) in environments:
            continue
        outcome = outcomes.get(f"env-{cell.stack}-{cell.python}")
        if outcome == "skipped":
            missing[cell] = Missing("skipped", "this Python was not found")
        elif outcome is not None:
            unbuilt = why_not_buildable(STACKS[cell.stack]) if cell.stack in STACKS else None
            missing[cell] = Missing("failed", unbuilt or "its packages could not be installed: see what nox printed")
        else:
            missing[cell] = Missing("failed", "its environment is not installed")
    return missing


def _read_report(path: Path) -> dict[str, str]:
    try:
        sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"]
        return {name: session["result"] for session in sessions for name in session["signatures"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
