"""The chosen cells: which Pythons there are, what is left out and why, and what has to be installed, with what."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stackmatrix.application.uv import find_uv
from stackmatrix.commands.examining.case import Case, interpreter
from stackmatrix.errors import AppError, AppFileError, EnvironmentMissingError
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.matrix.stacks.stack import COMPILER
from stackmatrix.matrix.wording import listed, plural
from stackmatrix.results.diagnosis import Diagnosis, fine, note, stops
from stackmatrix.system.installed_pythons import Interpreter
from stackmatrix.testbed.environments import session_name

ORIGINS = {"uv": "uv's build", "pyenv": "built by pyenv", "distribution": "the distribution's"}
OFFLINE = ("UV_OFFLINE", "UV_NO_INDEX", "PIP_NO_INDEX")
"""Variables that keep an installer from its index."""
VERSION_S = 10.0
"""For a compiler to say what it is."""


def chosen(case: Case) -> Diagnosis:
    """How many cells there are, and whether any can be measured."""
    if case.cells and not case.served:
        reasons = [*dict.fromkeys(case.excluded.values())]
        if case.app is not None:
            return stops(AppError.exit_code, f"{case.app.name} can run on none of the stacks: {'; '.join(reasons)}.")
        return stops(EnvironmentMissingError.exit_code, f"{reasons[0]}.")
    stacks, workloads = ({getattr(cell, name) for cell in case.cells} for name in ("stack", "workload"))
    pythons = dict.fromkeys(cell.python for cell in case.cells)
    said = f"{plural(len(case.cells), 'cell')}: {plural(len(stacks), 'stack')}, Python {listed([*pythons])}, "
    left_out = f"; {plural(len(case.excluded), 'cell')} left out, see below" if case.excluded else ""
    return fine(f"{said}{plural(len(workloads), 'workload')}{left_out}. Measured: {', '.join(case.profile.kinds)}.")


def left_out(case: Case) -> Diagnosis:
    """What is excluded before anything is installed, with each reason."""
    by_reason: dict[str, dict[str, list[str]]] = {}
    for cell, reason in case.excluded.items():
        by_reason.setdefault(reason, {}).setdefault(cell.stack, []).append(cell.python)
    if not by_reason:
        return fine("Nothing that was chosen, as far as is known before it is installed.")
    lines = []
    for reason, stacks in by_reason.items():
        names = [f"{stack} on {listed([*dict.fromkeys(pythons)])}" for stack, pythons in stacks.items()]
        lines.append(f"{listed(names)}: {reason.rstrip('.')}.")
    return note("\n".join(lines))


def application(case: Case) -> Diagnosis:
    """What is found of somebody's own application, with nothing installed."""
    if case.app is None:
        return fine("The built-in site.")
    from stackmatrix.application.discovery import discover
    from stackmatrix.application.secret import secrets_of

    try:
        found = discover(case.app)
        secrets_of(case.app, os.environ)
    except (AppFileError, AppError) as error:
        return stops(error.exit_code, str(error))
    return fine(f"{case.app.name}, with the settings {found.settings}. Its pages: nox -s check-app.")


def pythons(case: Case) -> Diagnosis:
    """Which interpreter each version means."""
    # What an application runs on is looked for by uv, which is told to download none.
    return of_pythons(case.interpreters_here, case.served, is_downloaded=case.app is None and has_uv())


def of_pythons(found: Mapping[str, Interpreter | None], cells: Iterable[Cell], *, is_downloaded: bool) -> Diagnosis:
    there = {python: one for python, one in found.items() if one is not None}
    lines = [f"{python}: {described(one)}." for python, one in there.items()]
    absent = [python for python in found if python not in there]
    if not absent:
        builds = {(one.build.origin, one.build.pgo, one.build.lto) for one in there.values()}
        if len(builds) > 1:
            lines.append("They are built differently: what differs between them need not be the version.")
            return note("\n".join(lines))
        return fine("\n".join(lines))
    cells_absent = sum(interpreter(cell) in absent for cell in cells)
    unless = ", unless nox can download them" if is_downloaded else ""
    lines.append(f"Not here: {listed(absent)}. {plural(cells_absent, 'cell')} are left out{unless}.")
    return note("\n".join(lines), f"To have them: uv python install {' '.join(absent)}.")


def described(one: Interpreter) -> str:
    """An interpreter in a line: its release, where it is, and how it was built as far as it tells."""
    build = one.build
    optimised = {True: "optimised", False: "not optimised", None: "optimised or not: unknown"}[build.pgo]
    parts = [ORIGINS.get(build.origin, "of unknown origin"), optimised, *(["no GIL"] if build.free_threaded else [])]
    return f"{build.version} at {_shortened(one.path)} ({', '.join(parts)})"


def _shortened(path: Path) -> str:
    """A path as people write it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def environments(case: Case) -> Diagnosis:
    """Which environments have to be made, and so whether a package index is needed."""
    if case.app is not None or any(not _is_locked(cell) for cell in case.served):
        try:
            find_uv()
        except AppError as error:
            return stops(error.exit_code, str(error))
    locked = [cell for cell in case.served if _is_locked(cell) and case.app is None]
    here = [cell for cell in locked if case.interpreters_here[interpreter(cell)] is not None]
    every = dict.fromkeys(map(session_name, here))
    nowhere = len({*map(session_name, locked)} - {*every})
    beside = [f"{nowhere} more are of Pythons that are not here."] if nowhere else []
    if len(locked) < len(case.served):
        whose = "of the application" if case.app is not None else "with other packages or interpreters"
        beside.append(f"Those {whose} are made, or found, when the run begins.")
    absent = [session for session in every if session in {*map(session_name, case.missing)}]
    offline = [name for name in OFFLINE if os.environ.get(name)]
    return of_environments([*every], absent, " ".join(beside), offline)


def _is_locked(cell: Cell) -> bool:
    return Runtime.of(cell.python).without_side.is_locked


def of_environments(every: Sequence[str], absent: Sequence[str], beside: str, offline: Sequence[str]) -> Diagnosis:
    if not absent:
        said = f"All {len(every)} are installed and current: no network is needed." if every else ""
        return fine(f"{said} {beside}".strip() or "None is needed.")
    said = f"{len(absent)} of {len(every)} must be installed ({listed(absent)}): a package index is needed. {beside}"
    if offline:
        remedy = f"Unset {listed(offline)}, which keeps the installer from it, or have a cache that has all."
        return note(said.strip(), remedy)
    return fine(said.strip())


def compiler(case: Case) -> Diagnosis:
    """Whether what has no wheel can be built."""
    need = [cell for cell in case.cells if COMPILER in case.request.catalogue.of(cell).stacks[cell.stack].needs]
    to_build = [cell for cell in need if cell in case.missing]
    found = next((path for name in COMPILER.programs if (path := shutil.which(name))), None)
    builds_on = {python: case.interpreters_here.get(python) for python in dict.fromkeys(map(interpreter, to_build))}
    stacks = [*dict.fromkeys(cell.stack for cell in need)]
    return of_compiler(found, stacks, {python: one for python, one in builds_on.items() if one is not None})


def of_compiler(found: str | None, stacks: Sequence[str], builds_on: Mapping[str, Interpreter]) -> Diagnosis:
    """``stacks`` are those chosen that need one, and ``builds_on`` the Pythons on which any has to be built now."""
    if found is None:
        if not stacks:
            return fine("None is here, and nothing that was chosen needs one.")
        return note(f"No C compiler is here, which {listed(stacks)} need: they are left out.", f"{COMPILER.remedy}.")
    lacking = [(python, one.header) for python, one in builds_on.items() if not one.has_header]
    if lacking:
        where = "; ".join(f"of {python} it would be {header}" for python, header in lacking)
        return note(
            f"{_version(found)}, but Python.h is missing ({where}): {listed(stacks)} cannot be built there.",
            f"Debian, Ubuntu: apt install python{lacking[0][0]}-dev.",
        )
    if builds_on:
        return fine(f"{_version(found)}; it builds {listed(stacks)}.")
    return fine(f"{_version(found)}; nothing has to be built.")


def _version(compiler_path: str) -> str:
    """What a compiler calls itself, in a line."""
    try:
        done = subprocess.run(
            [compiler_path, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=VERSION_S,
            stdin=subprocess.DEVNULL,
        )
        return f"{compiler_path}: {done.stdout.splitlines()[0].strip()}"
    except (OSError, IndexError, subprocess.SubprocessError):
        return compiler_path


def has_uv() -> bool:
    try:
        find_uv()
    except AppError:
        return False
    return True
