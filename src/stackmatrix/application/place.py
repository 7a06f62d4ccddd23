"""Where an app runs: a folder with a copy of the project, the settings written for it, and its environment."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmatrix.application import settings
from stackmatrix.application.discovery import Found
from stackmatrix.application.variables import fill_all
from stackmatrix.errors import AppError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.outside.documents import read_json
from stackmatrix.outside.files import read_log, read_text
from stackmatrix.system import interrupts, launch, processes

INSIDE = Path(__file__).parent / "inside"
STEP_S = 1800.0
"""For a step of the set-up: building what a browser needs takes minutes, and one that hangs must end some time."""
MOST_FOUND_BYTES = 200_000_000
"""Of what a script has found inside of a project: whole pages may be among it."""
STOP_S = 10.0
PROJECT, SETTINGS, HOME = "project", "settings", "home"
"""The folders of a place."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where a server of the app starts, and all of its environment; ``secrets`` names the secrets in it."""

    cwd: Path
    environment: dict[str, str] = field(repr=False)
    secrets: tuple[str, ...] = ()


def arrange(
    app: AppFile,
    found: Found,
    folder: Path,
    interface: str,
    known: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    is_diagnosing: bool = False,
) -> Arrangement:
    """Write the settings of an interface for the copy in a folder; ``known`` are the addresses of its services.

    Raises:
        AppFileError: when the file has a variable that is not known.

    """
    override = fill_all(app.override.of(interface), known, "override")
    settings.write(folder / SETTINGS, found, interface, override, https=app.https, is_diagnosing=is_diagnosing)
    (folder / HOME).mkdir(exist_ok=True)
    given = fill_all(app.env.of(interface), known, "env")
    project = folder / PROJECT
    paths = [folder / SETTINGS, *(project / one for one in found.imported_from)]
    added = [given.pop("PYTHONPATH")] if "PYTHONPATH" in given else []
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder / HOME),
        # Some pages print a set: they would differ from process to process.
        "PYTHONHASHSEED": "0",
        **given,
        **secrets,
        "PYTHONPATH": os.pathsep.join([*map(str, paths), *added]),
        "DJANGO_SETTINGS_MODULE": settings.module_name(interface),
    }
    return Arrangement(project, environment, tuple(secrets))


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands in a place with the Python of an environment; what they print is kept in ``logs``."""

    python: Path
    logs: Path

    def run(self, command: Sequence[str], at: Arrangement, name: str, within_s: float = STEP_S) -> tuple[int, str]:
        """Run a command to its end; returns its exit code and what it printed.

        Raises:
            AppError: when it does not end within the time.

        """
        log = self.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        code = self._wait(self.start(command, at, log), within_s, name)
        return code, read_log(log)

    def start(self, command: Sequence[str], at: Arrangement, log: Path) -> "subprocess.Popen[bytes]":
        """Start a command that ends with the harness, with the environment's programs first on its path."""
        environment = {**at.environment, "PYTHONUNBUFFERED": "1", "VIRTUAL_ENV": str(self.python.parent.parent)}
        environment["PATH"] = f"{self.python.parent}{os.pathsep}{at.environment['PATH']}"
        launcher = [sys.executable, "-I", launch.__file__, "--", *command]
        return processes.start(launcher, environment=environment, log=log, cwd=at.cwd)

    def _wait(self, child: "subprocess.Popen[bytes]", within_s: float, name: str) -> int:
        try:
            return child.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AppError(f"{name} did not end within {within_s:g} s.") from None
        finally:
            end(child)

    def inside[T](self, script: str, job: Mapping[str, Any], at: Arrangement, check: Callable[[Any], T]) -> T:
        """Run a script inside of the project and return what it found, as ``check`` makes it.

        Raises:
            AppError: with its last words, when it found nothing.

        """
        asked, found = self.logs / f"{script}.job.json", self.logs / f"{script}.found.json"
        found.unlink(missing_ok=True)
        asked.touch(0o600)
        asked.write_text(json.dumps(job), encoding="utf-8")
        command = [str(self.python), "-P", str(INSIDE / f"{script}.py"), str(asked), str(found)]
        _, log = self.run(command, at, script)
        if not found.exists():
            raise AppError(log)
        try:
            return check(read_json(read_text(found, MOST_FOUND_BYTES)))
        except OSError as error:
            raise AppError(f"What {script} has found cannot be read: {error.strerror}.") from error
        except (ValueError, TypeError) as error:
            raise AppError(f"What {script} has found is not as the harness writes it: {error}.") from error


def end(child: "subprocess.Popen[bytes]") -> None:
    """End a command and all that it started."""
    with interrupts.held():
        descendants = processes.tree(child.pid)
        processes.stop(child, STOP_S)
        processes.end_all(descendants[1:], STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # what a shell left in the background has lost its parent
