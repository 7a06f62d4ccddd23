"""Target environments: found by the stamp that the noxfile leaves in each, and compared with their lock files."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.results.model import Environment
from stackmatrix.results.types import PythonBuild
from stackmatrix.system.processes import PROJECT, SOURCE

STAMP = "stackmatrix.json"
"""In an environment's folder: what was installed there, written after the installation succeeded."""
NOX_FOLDER = PROJECT / ".nox"
REQUIREMENTS = PROJECT / "requirements"


@dataclass(frozen=True, slots=True)
class TargetEnvironment:
    """One stack's packages on one Python."""

    stack: str
    python: str
    prefix: Path
    lock_sha256: str

    def command(self, stack: Stack, *added: str) -> tuple[str, ...]:
        """The server's command line, and what a use of it adds."""
        places = {"bin": str(self.prefix / "bin"), "prefix": str(self.prefix), "port": str(stack.port)}
        arguments = (*stack.command, *added)
        return tuple(argument.format(**places) for argument in arguments)

    def describe(
        self, build: PythonBuild, packages: Mapping[str, str], command: Sequence[str], api_port: int
    ) -> Environment:
        """What served, as the result file has it; ``packages`` are what the target itself says that it has."""
        return Environment(
            python=build,
            packages=dict(sorted(packages.items())),
            lock_sha256=self.lock_sha256,
            command=tuple(part.replace(str(self.prefix), "{prefix}") for part in command),
            variables={"LANG": "C.UTF-8", "PYTHONPATH": SOURCE.name, "SLOW_API_URL": f"http://127.0.0.1:{api_port}"},
        )


def lock_sha256(name: str) -> str | None:
    """The hash of a lock file as it is now, or ``None`` when there is none."""
    path = REQUIREMENTS / f"{name}.txt"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def installed(folder: Path = NOX_FOLDER) -> dict[tuple[str, str], TargetEnvironment]:
    """Every target environment below nox's folder whose lock file is still the one it was installed from."""
    found = {}
    for stamp in folder.glob(f"*/{STAMP}"):
        try:
            content = json.loads(stamp.read_text(encoding="utf-8"))
            environment = TargetEnvironment(content["stack"], content["python"], stamp.parent, content["lock_sha256"])
        except (ValueError, KeyError, TypeError, OSError):
            continue  # half-written: as good as not installed
        if environment.lock_sha256 == lock_sha256(environment.stack):
            found[environment.stack, environment.python] = environment
    return found


def need(stack: str, python: str) -> TargetEnvironment:
    """The environment of one stack on one Python.

    Raises:
        EnvironmentMissingError: when it is not installed.

    """
    environment = installed().get((stack, python))
    if environment is None:
        raise EnvironmentMissingError(
            f"{stack} is not installed for Python {python}: run nox -s bench-{stack}-{python} -- --profile smoke"
        )
    return environment


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a cell cannot be measured: no such Python (``skipped``), or its packages did not install (``failed``)."""

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
        if (cell.stack, cell.python) in environments:
            continue
        outcome = outcomes.get(f"bench-{cell.stack}-{cell.python}")
        if outcome == "skipped":
            missing[cell] = Missing("skipped", "this Python was not found on the machine")
        elif outcome is not None:
            reason = why_not_buildable(STACKS[cell.stack]) if cell.stack in STACKS else None
            missing[cell] = Missing("failed", reason or "its packages could not be installed: see what nox printed")
        else:
            missing[cell] = Missing("failed", "its environment is not installed")
    return missing


def _read_report(path: Path) -> dict[str, str]:
    try:
        sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"]
        return {name: session["result"] for session in sessions for name in session["signatures"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
