"""An application on both sides of a comparison: two revisions, two lists of packages, each set up on its own.

One file describes both: what differs is the project's own files, or what is installed. The slow services that it calls
are shared, as are the pages; databases and sessions each side has for itself.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from stackmatrix.application.application import Application, prepare
from stackmatrix.application.discovery import discover
from stackmatrix.application.secret import secrets_of
from stackmatrix.application.uv import find_uv
from stackmatrix.commands import own_app
from stackmatrix.commands.comparing.sides import ChosenSide
from stackmatrix.errors import AppError, CommitError, TrialError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import Cell, reference_of
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.measurements import request as requests
from stackmatrix.measurements.cost.batches import most_together
from stackmatrix.measurements.first_look import FirstLook, kept_rate, look
from stackmatrix.measurements.request import Request
from stackmatrix.system import git, headroom, private_folders
from stackmatrix.system.cores import Layout, pinned
from stackmatrix.testbed import environments as installations

type Say = Callable[[str], None]


@contextmanager
def ready(
    app: AppFile, sides: Sequence[ChosenSide], request: Request, by_path: Mapping[str, Path], say: Say
) -> Iterator[Request]:
    """The request with everything that the cells of both sides need.

    Raises:
        AppFileError, AppError: in one sentence that begins with the side, for what has to be mended.

    """
    _need_movable(app)
    find_uv()  # of no side
    layout, machine, machine_name = requests.prepare(request)
    together = min(len(request.cells) + 2, most_together(min(machine.memory_bytes, headroom.memory().total)))
    folder = private_folders.make()
    with ExitStack() as up:
        up.callback(private_folders.remove, folder)
        apps: dict[str, AppFile] = {}
        for side in sides:
            with naming(side):
                apps[side.label] = one = up.enter_context(as_on(app, side, folder / f"{side.label}-files"))
                discover(one)
                secrets_of(one, os.environ)
        prepared: dict[str, Application] = {}
        catalogues: dict[str, Catalogue] = {}
        for side in sides:
            cells = _of(side, request.cells)
            with naming(side):
                catalogue = own_app.install(apps[side.label], replace(request, cells=cells), by_path, say)
                python = _python_of(apps[side.label], cells, catalogue)
                beside = next(iter(prepared.values()), None)
                with pinned(layout.harness):  # as its services are, off the target's core
                    made = up.enter_context(
                        prepare(
                            apps[side.label], python, folder / side.label, together=together, say=say, beside=beside
                        )
                    )
                own_app.need_right(apps[side.label], made)
            prepared[side.label] = made
            catalogues[side.label] = own_app.served(catalogue, made)
            for note in made.notes:
                say(f"Note: {side.label}: {note.rstrip('.')}.")
        looks = [_look(side, request.cells, catalogues[side.label], layout) for side in sides]
        rate = app.rate or kept_rate(request.folder, machine_name, catalogues[sides[0].label].workloads)
        measured = _as_looked_at(app, catalogues, looks, rate or min(one.rate for one in looks), say)
        yield replace(request, catalogue=replace(measured[sides[0].label], sides=measured))


def _need_movable(app: AppFile) -> None:
    for process in app.processes:
        if process.port is not None:
            raise AppError(
                f"process {process.name} has port {process.port} built in, which only one side can have: "
                "have it take {port} in its command."
            )


def _of(side: ChosenSide, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    return tuple(cell for cell in cells if Runtime.of(cell.python).side == side.label)


@contextmanager
def naming(side: ChosenSide) -> Iterator[None]:
    """Errors begin with the side that they are about."""
    try:
        yield
    except AppError as error:
        raise type(error)(f"{side.side.title} ({side.label}): {error}") from error
    except TrialError as error:
        raise AppError(f"{side.side.title} ({side.label}) does not serve its pages: {error}") from error


@contextmanager
def as_on(app: AppFile, side: ChosenSide, folder: Path) -> Iterator[AppFile]:
    """The application as it is on a side; a revision has a worktree in a folder of its own, which goes in the end.

    Raises:
        AppError: where the revision does not have it.

    """
    own = replace(app, side=side.label)
    if side.file is not None:
        own = replace(own, install=(str(side.file),))
    if side.side.commit is None:
        yield own
        return
    top = git.top_of(app.project)
    assert top is not None, "a commit was found in it"
    place = app.project.resolve().relative_to(top.resolve())
    try:
        with git.worktree(top, side.side.commit, folder) as tree:
            if not (tree / place).is_dir():
                raise AppError(f"There is no folder {place} in it: the revision does not have the application.")
            yield replace(own, project=tree / place)
    except CommitError as error:
        raise AppError(str(error)) from error


def _python_of(app: AppFile, cells: Sequence[Cell], catalogue: Catalogue) -> Path:
    """The interpreter of the environment that the set-up runs with.

    Raises:
        AppError: where none could be installed.

    """
    missing = installations.find_missing(cells, None, catalogue)
    there = [cell for cell in cells if cell not in missing]
    if not there:
        reasons = dict.fromkeys(one.reason for one in missing.values())
        raise AppError(f"{app.name} could not be installed on any stack: {'; '.join(reasons)}.")
    first = reference_of(there) or there[0]
    return installations.resolve([first], catalogue)[0].environment.prefix / "bin" / "python"


def _look(side: ChosenSide, cells: Sequence[Cell], catalogue: Catalogue, layout: Layout) -> FirstLook:
    """The pages of a side alone.

    Raises:
        AppError: when no stack serves them.

    """
    own = _of(side, cells)
    missing = installations.find_missing(own, None, catalogue)
    there = [cell for cell in own if cell not in missing]
    first = reference_of(there) or there[0]
    with naming(side):
        return look(installations.resolve(own_app.to_look_at(first, there), catalogue), layout, lambda _: None)


def _as_looked_at(
    app: AppFile, catalogues: Mapping[str, Catalogue], looks: Sequence[FirstLook], rate: float, say: Say
) -> dict[str, Catalogue]:
    """What both sides are measured with: one rate, and times without load for which neither is late."""
    names = dict.fromkeys(name for one in looks for name in one.unloaded_ms)
    unloaded_ms = {name: app.unloaded_ms or max(one.unloaded_ms.get(name, 0.0) for one in looks) for name in names}
    say(f"A page takes {own_app.listed(unloaded_ms)} without load; latency is compared at {rate:g} arrivals/s.")
    return {label: own_app.measured(one, unloaded_ms, rate) for label, one in catalogues.items()}
