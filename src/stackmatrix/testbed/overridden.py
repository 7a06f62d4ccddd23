"""Environments of the built-in site that no lock file has: other packages, and interpreters that were named by path.

Each begins with the lock file of its stack; what is overridden, and what it needs then, gives way.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stackmatrix.application import requirements
from stackmatrix.application.environments import resolve_once
from stackmatrix.application.requirements import Resolved, Wanted
from stackmatrix.application.uv import find_uv
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import Cell, Installation
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import NOX_FOLDER, REQUIREMENTS

BUILT_HERE = (("URLLIB3_NO_OVERRIDE", "1"),)
"""What the noxfile has for environments with a lock file, too: each client is the one that it is named."""


def install(
    cells: Iterable[Cell], catalogue: Catalogue, by_path: Mapping[str, Path], say: Callable[[str], None]
) -> Catalogue:
    """The catalogue with these environments, where cells need any, or why they could not be made.

    Raises:
        AppError: when uv is not here, or an override is none.

    """
    served = [cell for cell in cells if environments.why_excluded(cell, catalogue) is None]
    # The two sides of a comparison may have the same environment.
    places = ((cell, Runtime.of(cell.python).without_side) for cell in served)
    wanted = sorted(
        {(environments.environment_name(cell, catalogue), str(one)) for cell, one in places if not one.is_locked}
    )
    if not wanted:
        return catalogue
    uv, by_nox = find_uv(), environments.installed()
    return environments.install_each(
        wanted,
        catalogue,
        lambda runtime: _python(runtime, by_path, by_nox),
        lambda name, place, python: _make(name, Runtime.of(place), python, uv, say),
    )


def _make(name: str, runtime: Runtime, python: str, uv: Path, say: Callable[[str], None]) -> Installation:
    """One environment, unless it is there already; what was resolved once is kept beside it.

    Raises:
        AppError: in one sentence, when it cannot be made.

    """
    asked = Wanted((f"{name}.txt",), REQUIREMENTS, (), runtime.overrides, python, variables=BUILT_HERE)
    prefix = NOX_FOLDER / f"env-{name}-{runtime.file_name.replace('.', '-')}"
    resolved = resolve_once(asked, uv, NOX_FOLDER / f"{prefix.name}.json", say)
    text = "".join(f"--no-binary {one}\n" for one in BUILT_IN.from_source) + resolved.text
    for note in resolved.notes:
        say(f"{name} on {runtime}: {note}")
    if not requirements.is_installed(asked, text, prefix):
        say(f"installing {name} on Python {runtime}")
        requirements.install(asked, text, prefix, uv)
    return Installation(prefix, Resolved(text).sha256)


def _python(runtime: Runtime, by_path: Mapping[str, Path], by_nox: Mapping[tuple[str, str], Installation]) -> str:
    """The interpreter: the one that was named, else the very one that the locked cells beside it run on."""
    if runtime.interpreter in by_path:
        return str(by_path[runtime.interpreter])
    beside = next((one for (_, place), one in by_nox.items() if place == runtime.interpreter), None)
    if beside is None:
        return runtime.interpreter
    return str((beside.prefix / "bin" / "python").resolve())
