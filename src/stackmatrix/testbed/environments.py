"""Target environments: found by the stamp that the noxfile leaves in each, and compared with their lock files."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from stackmatrix.application import uv_messages
from stackmatrix.application.uv import find_interpreter, find_uv
from stackmatrix.errors import AppError, EnvironmentMissingError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import NO_PYTHON, Cell, Installation, Missing, Subject, why_not_served
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.outside.documents import read_json
from stackmatrix.outside.files import MOST_LOCK_BYTES, MOST_SETTINGS_BYTES, read_text
from stackmatrix.system.processes import PROJECT

STAMP = "stackmatrix.json"
"""In an environment's folder: what was installed there, written after the installation succeeded."""
INSTALL_LOG = "install.log"
"""Beside it: what the noxfile has kept of an installation."""
NOX_FOLDER = PROJECT / ".nox"
REQUIREMENTS = PROJECT / "requirements"


def lock_sha256(name: str) -> str | None:
    """The hash of a lock file as it is now, or ``None`` when there is none."""
    try:
        return hashlib.sha256((REQUIREMENTS / f"{name}.txt").read_bytes()).hexdigest()
    except (OSError, ValueError):  # also of a name that no file can have, as a stamp may say anything
        return None


def installed(folder: Path = NOX_FOLDER) -> dict[tuple[str, str], Installation]:
    """Every target environment below nox's folder whose lock file is still the one it was installed from.

    By the stack that names the environment and the Python.
    """
    found = {}
    for stamp in folder.glob(f"*/{STAMP}"):
        try:
            content = read_json(read_text(stamp, MOST_SETTINGS_BYTES))
            key, sha256 = (str(content["stack"]), str(content["python"])), content["lock_sha256"]
        except (ValueError, KeyError, TypeError, OSError):
            continue  # half-written: as good as not installed
        if isinstance(sha256, str) and sha256 == lock_sha256(key[0]):
            found[key] = Installation(stamp.parent, sha256)
    return found


def resolve(cells: Iterable[Cell], catalogue: Catalogue = BUILT_IN_CATALOGUE) -> list[Subject]:
    """The cells with everything that their names stand for: the one place that looks it up.

    Raises:
        EnvironmentMissingError: when one is not installed.

    """
    by_nox, subjects = installed(), []
    for cell in cells:
        own = catalogue.of(cell)
        environment = _installation(cell, own, by_nox)
        if environment is None:
            raise EnvironmentMissingError(
                f"{cell.stack} is not installed for Python {cell.python}: run nox -s {session_name(cell)}"
            )
        subjects.append(Subject(cell, own.stacks[cell.stack], own.workloads[cell.workload], own.app, environment))
    return subjects


def _installation(
    cell: Cell, catalogue: Catalogue, by_nox: Mapping[tuple[str, str], Installation]
) -> Installation | None:
    """The environment of a cell: of the built-in site also one that nox has installed."""
    here = {**(by_nox if catalogue.app == BUILT_IN else {}), **catalogue.installed}
    keys = ((environment_name(cell, catalogue), place) for place in (cell.python, _place(cell)))
    return next((here[key] for key in keys if key in here), None)


def _place(cell: Cell) -> str:
    """A cell's place on the axis of Pythons, whichever side of a comparison it stands on."""
    return str(Runtime.of(cell.python).without_side)


def environment_name(cell: Cell, catalogue: Catalogue = BUILT_IN_CATALOGUE) -> str:
    """The stack that names the environment of a cell."""
    stack = catalogue.stacks.get(cell.stack)
    return cell.stack if stack is None else stack.environment


def session_name(cell: Cell) -> str:
    """The nox session that installs the environment of a cell."""
    return f"env-{environment_name(cell)}-{_place(cell)}"


SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
"""Where servers are installed, which is often not in the path of a user who is not root."""


def why_excluded(cell: Cell, catalogue: Catalogue = BUILT_IN_CATALOGUE) -> str | None:
    """Why a cell's stack cannot serve its workload or run on its Python or system, with the remedy where there is one.

    ``None`` where it can, as far as that is known before anything is installed.
    """
    stack = catalogue.of(cell).stacks.get(cell.stack)
    if stack is None:
        return None
    if reason := why_not_served(cell) or stack.not_on.get(Runtime.of(cell.python).version):
        return reason
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}"
    lacking = next(
        (need for need in stack.needs if not any(shutil.which(one, path=path) for one in need.programs)), None
    )
    return f"{stack.name} needs {lacking.name}, which is not here: install it ({lacking.remedy})" if lacking else None


def find_missing(
    cells: Iterable[Cell], report: Path | None, catalogue: Catalogue = BUILT_IN_CATALOGUE
) -> Mapping[Cell, Missing]:
    """The cells that are excluded or have no environment, with the reason; of the latter nox's report may give it.

    Nox calls a session ``skipped`` when its Python cannot be had, and ``failed`` when installing failed.
    """
    outcomes, otherwise = _read_report(report) if report is not None else {}, NOT_INSTALLED
    if report is not None and not report.exists():
        otherwise = NOTHING_INSTALLED
    by_nox, missing = installed(), {}
    for cell in cells:
        own = catalogue.of(cell)
        if excluded := why_excluded(cell, own):
            missing[cell] = Missing("excluded", excluded)
        elif _installation(cell, own, by_nox) is None:
            name = environment_name(cell, own)
            known = own.missing.get((name, cell.python)) or own.missing.get((name, _place(cell)))
            missing[cell] = known or _missing(session_name(cell), outcomes) or otherwise
    return missing


NOT_INSTALLED = Missing("failed", "its environment is not installed")
NOTHING_INSTALLED = Missing(
    "failed", "its environment is not installed, as the nox that installs ended early: see above what it printed"
)


def _missing(session: str, outcomes: Mapping[str, str]) -> Missing | None:
    """What became of a session that was to install; ``None`` where nox has not reported it."""
    outcome = outcomes.get(session)
    if outcome == "skipped":
        return NO_PYTHON
    if outcome is None:
        return None
    said = _said(session)
    why = uv_messages.explain(said).sentence.rstrip(".") if said.strip() else "see what nox printed"
    return Missing("failed", f"its packages could not be installed: {why}")


def _said(session: str) -> str:
    """What was said on standard error when a session installed its packages; empty where that is not known."""
    try:
        log = NOX_FOLDER / session.replace(".", "-") / INSTALL_LOG
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def install_each(
    keys: Iterable[tuple[str, str]],
    catalogue: Catalogue,
    interpreter: Callable[[Runtime], str],
    make: Callable[[str, str, str], Installation],
) -> Catalogue:
    """The catalogue with an environment of each key, or why there is none.

    ``interpreter`` says by version or path which Python a place on the axis means, and ``make`` makes the environment
    of a stack's name, that place and that Python, or raises an :class:`AppError`.

    Raises:
        AppError: when uv is not here.

    """
    uv = find_uv()
    made: dict[tuple[str, str], Installation] = {}
    missing: dict[tuple[str, str], Missing] = {}
    for name, place in keys:
        python = interpreter(Runtime.of(place))
        try:
            find_interpreter(python, uv)
        except AppError:
            missing[name, place] = NO_PYTHON
            continue
        try:
            made[name, place] = make(name, place, python)
        except AppError as error:
            missing[name, place] = Missing("failed", str(error).rstrip("."))
    return replace(catalogue, installed=made, missing=missing)


def _read_report(path: Path) -> dict[str, str]:
    try:
        sessions = read_json(read_text(path, MOST_LOCK_BYTES))["sessions"]
        return {str(name): str(session["result"]) for session in sessions for name in session["signatures"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}
