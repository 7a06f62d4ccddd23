"""Somebody's own application in place of the built-in site: its cells, their environments, and its set-up."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from stackmatrix.application import environments
from stackmatrix.application.application import Application, prepare
from stackmatrix.application.discovery import discover
from stackmatrix.application.secret import secrets_of
from stackmatrix.errors import AppError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_workloads import ALL_PAGES, workloads_of
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import Cell, Installation, reference_of
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.stacks.stack import FIRST_PORT
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements import request as requests
from stackmatrix.measurements.cost.batches import most_together
from stackmatrix.measurements.first_look import kept_rate, look
from stackmatrix.measurements.request import Request
from stackmatrix.system import headroom, private_folders
from stackmatrix.system.cores import pinned
from stackmatrix.testbed import environments as installations

type Say = Callable[[str], None]


def catalogue_of(app: AppFile) -> Catalogue:
    """What can be chosen of an application: its stacks and workloads, by name."""
    stacks = environments.stacks_of(app)
    # A row of the application's own file has no place in the table, and so no port for whoever serves it by hand.
    for place, own in enumerate(app.stacks):
        stacks[own.name] = replace(own, port=FIRST_PORT + len(STACKS) + place)
    named = App(app.name, wsgi="", asgi="", requirements=())
    return Catalogue(named, stacks, by_name(workloads_of([request.page for request in app.requests])))


def by_name(workloads: Sequence[Workload]) -> dict[str, Workload]:
    """Workloads by their names."""
    return {one.name: one for one in workloads}


@contextmanager
def ready(app: AppFile, request: Request, by_path: Mapping[str, Path], say: Say) -> Iterator[Request]:
    """The request with everything that its cells need: environments, the set-up, and what a first look says.

    Raises:
        AppFileError, AppError: in one sentence, for what has to be mended in the file or the project.
        TrialError: when no stack serves it.

    """
    # What is told of the file and the project alone is told before minutes of installing.
    discover(app)
    secrets_of(app, os.environ)
    catalogue = install(app, request, by_path, say)
    request = replace(request, catalogue=catalogue)
    missing = installations.find_missing(request.cells, None, catalogue)
    cells = [cell for cell in request.cells if cell not in missing]
    if not cells:
        reasons = dict.fromkeys(one.reason for one in missing.values())
        raise AppError(f"{app.name} could not be installed on any stack: {'; '.join(reasons)}")
    first = reference_of(cells) or cells[0]
    python = installations.resolve([first], catalogue)[0].environment.prefix / "bin" / "python"
    layout, machine, machine_name = requests.prepare(request)
    together = min(len(cells) + 2, most_together(min(machine.memory_bytes, headroom.memory().total)))
    folder = private_folders.make()
    try:
        with ExitStack() as up:
            # What the application waits for is kept off the target's core; how the cores are divided is asked again.
            with pinned(layout.harness):
                application = up.enter_context(prepare(app, python, folder / "app", together=together, say=say))
            need_right(app, application)
            catalogue = served(catalogue, application)
            for note in (*application.notes, *limits(application, catalogue, cells)):
                say(f"Note: {note.rstrip('.')}.")
            found = look(installations.resolve(to_look_at(first, cells), catalogue), layout, lambda _: None)
            rate = app.rate or kept_rate(request.folder, machine_name, catalogue.workloads) or found.rate
            unloaded_ms = {name: app.unloaded_ms or ms for name, ms in found.unloaded_ms.items()}
            say(f"A page takes {listed(unloaded_ms)} without load; latency is compared at {rate:g} arrivals/s.")
            yield replace(request, catalogue=measured(catalogue, unloaded_ms, rate))
    finally:
        private_folders.remove(folder)


def measured(catalogue: Catalogue, unloaded_ms: Mapping[str, float], rate: float) -> Catalogue:
    """The catalogue with what a first look has found of its pages."""
    workloads = {
        name: replace(one.with_measured(unloaded_ms), compare_rate=rate) for name, one in catalogue.workloads.items()
    }
    return replace(catalogue, workloads=workloads)


def limits(application: Application, catalogue: Catalogue, cells: Sequence[Cell]) -> list[str]:
    """How the databases will probably limit the chosen stacks, but for what is among the application's notes."""
    by_sentence: dict[str, list[str]] = {}
    for name in dict.fromkeys(cell.stack for cell in cells if cell.stack in catalogue.stacks):
        for sentence in application.warnings(catalogue.stacks[name]):
            by_sentence.setdefault(sentence, []).append(name)
    noted = set(application.notes)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in by_sentence.items() if sentence not in noted]


def to_look_at(first: Cell, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """A cell of each stack with all pages, whichever pages were chosen: that of the first one before all others."""
    chosen: dict[str, Cell] = {}
    for cell in (first, *cells):
        chosen.setdefault(cell.stack, msgspec.structs.replace(cell, workload=ALL_PAGES))
    return tuple(chosen.values())


def listed(ms_by_page: Mapping[str, float]) -> str:
    low, high = (f"{end:.0f}" for end in (min(ms_by_page.values()), max(ms_by_page.values())))
    return f"{low} ms" if low == high else f"{low} to {high} ms"


def need_right(app: AppFile, application: Application) -> None:
    """Refuse pages that are not right before any server has served them.

    Raises:
        AppError: with what is wrong, and how to see more.

    """
    if application.wrong:
        sentences = " ".join(application.wrong)
        raise AppError(f"{sentences} Mend that first: nox -s check-app -- --app {app.file} shows each page.")


def served(catalogue: Catalogue, application: Application) -> Catalogue:
    """What can be measured of an application that is set up."""
    found = application.found
    stacks = {name: one for name, one in catalogue.stacks.items() if found.callable_of(one.serves_views_of) is not None}
    pages: Sequence[Page] = application.pages
    return replace(catalogue, app=application.served, stacks=stacks, workloads=by_name(workloads_of(pages)))


def install(app: AppFile, request: Request, by_path: Mapping[str, Path], say: Say) -> Catalogue:
    """The environments of the cells that do not have one yet; what is excluded needs none."""
    catalogue = request.catalogue
    served = [cell for cell in request.cells if installations.why_excluded(cell, catalogue) is None]

    def make(name: str, place: str, python: str) -> Installation:
        stack = next(one for one in catalogue.stacks.values() if one.environment == name)
        made = environments.install(app, stack, python, Runtime.of(place).overrides, say=say)
        for note in made.notes:
            say(f"{stack.name} on {place}: {note}")
        return Installation(made.prefix, made.sha256)

    keys = dict.fromkeys((installations.environment_name(cell, catalogue), cell.python) for cell in served)
    return installations.install_each(
        keys, catalogue, lambda one: str(by_path.get(one.interpreter, one.interpreter)), make
    )
