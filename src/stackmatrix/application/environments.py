"""The environments of an app: one for each stack and Python, with the app's packages as it pins them and the server's.

What is resolved is kept beside the environment and taken again until what it was made of changes: a release of some
package in between must not make two runs unlike.
"""

import fnmatch
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.application import copy, requirements, sources
from stackmatrix.application.requirements import Resolved, Wanted
from stackmatrix.application.uv import find_interpreter, find_uv
from stackmatrix.errors import AppError, AppFileError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.pythons import PYTHONS, Runtime, python_key
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.outside.documents import read_json
from stackmatrix.outside.files import MOST_LOCK_BYTES, read_text
from stackmatrix.system import private_folders
from stackmatrix.system.processes import PROJECT

FOLDER = PROJECT / ".nox"
SAY_WHAT_TO_INSTALL = (
    "uv.lock", "poetry.lock", "pyproject.toml", "setup.py", "setup.cfg", "*requirements*", "*constraints*", "*.in",
)  # fmt: skip
"""Files from which packages follow, by name."""


@dataclass(frozen=True, slots=True)
class AppEnvironment:
    """An environment that is installed. ``sha256`` is that of its pinned list, which is the ``text``.

    ``notes`` say whose versions it has.
    """

    prefix: Path
    sha256: str
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    text: str = ""

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"


def stacks_of(app: AppFile) -> dict[str, Stack]:
    """All stacks that can serve an app, its own ones last.

    A row that serves other views of the built-in site is none of them: an app has one application for an interface.
    """
    known = {**STACKS, **{one.name: one for one in app.stacks}}
    return {name: one for name, one in known.items() if one.interface in app.interfaces and one.view is None}


def default_stack(app: AppFile) -> Stack:
    """The reference, where the app has a callable for it, or else the first that can serve it.

    Raises:
        AppFileError: when the file leaves none.

    """
    stacks = stacks_of(app)
    if not stacks:
        raise AppFileError(f"{app.file.name}: wsgi = false and asgi = false leave no stack to measure.")
    return stacks.get(REFERENCE_STACK) or next(iter(stacks.values()))


def pythons_of(app: AppFile) -> tuple[str, ...]:
    """The Pythons that an app is measured on: what its file says, or what requires-python allows.

    Raises:
        AppError: when no Python of the matrix is allowed.

    """
    return sources.pythons_allowed(app.project, app.pythons or PYTHONS)


def newest_python(app: AppFile) -> str:
    """The newest Python of an app that is here.

    Raises:
        AppError: when none is.

    """
    uv, allowed = find_uv(), pythons_of(app)
    for python in sorted(allowed, key=_age, reverse=True):
        try:
            find_interpreter(python, uv)
        except AppError:
            continue
        return python
    raise AppError(f"None of the Pythons {', '.join(allowed)} is here: install one (uv python install {allowed[-1]}).")


def _age(python: str) -> tuple[int | str, ...]:
    """Orders Pythons by age; an interpreter at a path comes after all, since somebody chose it."""
    return (1,) if "/" in python else (0, *python_key(python))


def name_of(app: AppFile, stack: Stack, python: str, overrides: Sequence[str] = ()) -> str:
    """The name of an environment's folder."""
    added = f"-{_sha256(*sorted(overrides))[:8]}" if overrides else ""
    name = f"{app.name}-{app.side}" if app.side else app.name
    return f"app-{name}-{stack.name}-{python.replace('/', '_').strip('_')}{added}"


def install(
    app: AppFile,
    stack: Stack,
    python: str,
    overrides: Sequence[str] = (),
    *,
    say: Callable[[str], None] = lambda _: None,
    folder: Path = FOLDER,
    upgrade: bool = False,
    pinned: str | None = None,
) -> AppEnvironment:
    """Make an app's environment for a stack, unless it is there already.

    ``overrides`` are packages such as ``django==5.2.*`` in place of what the app asks for; with ``upgrade`` newer
    releases are taken where the app does not pin. A ``pinned`` list with all packages is installed as it is.

    Raises:
        AppError: in one sentence, when it cannot be made.

    """
    uv, prefix = find_uv(), folder / name_of(app, stack, python, overrides)
    with private_folders.folder("install") as private:
        # In a copy: building a package may write into its source.
        copied = copy.make(app.project, private / app.project.name, file=app.file)
        wanted = Wanted(
            install=app.install or sources.default_install(app.project),
            project=copied.folder,
            server=stack.requirements,
            overrides=tuple(overrides),
            python=python,
            project_sha256=copied.sha256,
        )
        try:
            if pinned is not None:
                resolved = Resolved(pinned, versions=requirements.versions(pinned))
            else:
                resolved = resolve_once(wanted, uv, folder / f"{prefix.name}.json", say, upgrade=upgrade)
            if not requirements.is_installed(wanted, resolved.text, prefix):
                say(f"installing {app.name} with {stack.server} on Python {Runtime(python, tuple(overrides))}")
                requirements.install(wanted, resolved.text, prefix, uv, app=app.name, app_stack=stack.name)
        except AppError as error:
            # People know their project, and not the copy of it.
            raise AppError(str(error).replace(str(copied.folder), app.project.name)) from error
    return AppEnvironment(prefix, resolved.sha256, dict(resolved.versions), resolved.notes, resolved.text)


def resolve_once(
    wanted: Wanted, uv: Path, kept: Path, say: Callable[[str], None], *, upgrade: bool = False
) -> Resolved:
    """The pinned list: the one that is kept in a file, where it was made of the same.

    Raises:
        AppError: in one sentence, when there is none.

    """
    made_of = inputs_sha256(wanted)
    try:
        content = read_json(read_text(kept, MOST_LOCK_BYTES))
        if content["made_of"] == made_of and not upgrade:
            return Resolved(content["text"], tuple(content["notes"]), requirements.versions(content["text"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or half-written: as good as none
    say("resolving what to install")
    resolved = requirements.resolve(wanted, uv)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(
        json.dumps({"made_of": made_of, "text": resolved.text, "notes": resolved.notes}, indent=1), encoding="utf-8"
    )
    return resolved


def inputs_sha256(wanted: Wanted) -> str:
    """A hash that changes when what an environment is made of does, whatever the index has by then."""
    files = [
        path
        for path in sorted(wanted.project.rglob("*"))
        if path.is_file() and any(fnmatch.fnmatch(path.name, pattern) for pattern in SAY_WHAT_TO_INSTALL)
    ]
    named = [wanted.project / word for item in wanted.install for word in item.split()]
    contents = [sources.read_whole(path) for path in (*files, *named) if path.is_file()]
    builds = any(item.split()[0].startswith(".") for item in wanted.install)
    said = (*wanted.install, "|", *wanted.server, "|", *sorted(wanted.overrides), "|", wanted.python)
    return _sha256(*said, *contents, wanted.project_sha256 if builds else "")


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
