"""Mixtures of the packages of both sides of a comparison: each installed, set up and counted, one after the other.

All stand in one and the same place, base and head among them, so that they differ in nothing but their packages; and so
there is never more than one environment of them, which goes in the end.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from stackmatrix.analysis.bisect import Repeats, Step, steps_of
from stackmatrix.application import environments
from stackmatrix.application.application import prepare
from stackmatrix.application.discovery import discover
from stackmatrix.application.environments import AppEnvironment
from stackmatrix.application.mixtures import indexes_of, mixed, packages_of, pins_of
from stackmatrix.application.secret import secrets_of
from stackmatrix.commands import own_app
from stackmatrix.commands.comparing.side_by_side import Plan
from stackmatrix.commands.comparing.two_apps import as_on, naming
from stackmatrix.errors import AppError, SupervisorError, TrialError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.catalogue import Catalogue
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.pythons import BASE, HEAD, Runtime
from stackmatrix.measurements.attempts import until_done
from stackmatrix.measurements.counts.counting import Counting, quick_loads_of
from stackmatrix.measurements.counts.sameness import HASH_SEEDS
from stackmatrix.system import private_folders
from stackmatrix.system.cores import Layout, pinned
from stackmatrix.testbed import environments as installations

type Say = Callable[[str], None]

SIDE = "mixture"
"""What their one environment is called by, where those of a comparison have its sides."""


@dataclass(slots=True)
class Mixtures:
    """The mixtures of one cell: the first of the ``steps`` moved to the head, all others as in the base.

    ``app`` is the application with the head's code. ``base`` and ``head`` are pinned lists, ``indexes`` where their
    packages are found. ``counted`` and ``skipped`` are by how many steps are moved.
    """

    app: AppFile
    catalogue: Catalogue
    cell: Cell
    python: str
    base: str
    head: str
    indexes: tuple[str, ...] = field(repr=False)
    steps: tuple[Step, ...]
    layout: Layout
    folder: Path
    say: Say
    counted: dict[int, list[float]] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    counter: str = ""

    def ask(self, moved: int, repeats: int) -> Repeats | None:
        """Instructions per request of a mixture, counted so many times at least; ``None`` where it does not work.

        Raises:
            AppError: when the base or the head itself does not.

        """
        if moved in self.skipped:
            return None
        known = self.counted.setdefault(moved, [])
        if len(known) < repeats:
            try:
                with self._ready(moved) as subject:
                    for seed in HASH_SEEDS[len(known) : repeats]:
                        known.append(self._count(subject, seed))
                        self.say(f"counting {self._named(moved)}: {known[-1] / 1e6:.2f} million instructions")
            except (AppError, TrialError, SupervisorError) as error:
                if known:
                    return tuple(known)
                if moved in (0, len(self.steps)):
                    raise AppError(f"The {HEAD if moved else BASE} cannot be counted: {error}") from error
                self.skipped[moved] = str(error)
                self.say(f"skipping {self._named(moved)}: {error}")
                return None
        return tuple(known)

    def _named(self, moved: int) -> str:
        every, some = (sum(map(len, steps)) for steps in (self.steps, self.steps[:moved]))
        return f"{some} of {every} packages moved"

    def text(self, moved: int) -> str:
        """The pinned list of a mixture."""
        return mixed(self.base, self.head, {one.name for step in self.steps[moved:] for one in step})

    def write(self, moved: int) -> Path:
        """The pinned list of a mixture as a file of requirements, with the addresses of its indexes."""
        path = self.folder / f"{moved}-moved.txt"
        path.write_text("".join(f"{line}\n" for line in self.indexes) + self.text(moved), encoding="utf-8")
        return path

    @contextmanager
    def _ready(self, moved: int) -> Iterator[Subject]:
        """A mixture that is installed and set up, with databases of its own.

        Raises:
            AppError: when it cannot be, or its pages are not right.

        """
        stack = self.catalogue.stacks[self.cell.stack]
        app = replace(self.app, install=(str(self.write(moved)),))
        made = environments.install(app, stack, self.python, pinned=self.text(moved))
        installed = {(stack.environment, self.cell.python): Installation(made.prefix, made.sha256)}
        place = self.folder / "set-up"
        try:
            with ExitStack() as up:
                with pinned(self.layout.harness):  # as its services are, off the target's core
                    application = up.enter_context(prepare(app, made.python, place))
                own_app.need_right(app, application)
                catalogue = own_app.served(replace(self.catalogue, installed=installed), application)
                if self.cell.stack not in catalogue.stacks or self.cell.workload not in catalogue.workloads:
                    raise AppError(f"{self.cell.stack} cannot serve {self.cell.workload} of it.")
                yield from installations.resolve([self.cell], catalogue)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _count(self, subject: Subject, seed: int) -> float:
        loads = quick_loads_of(subject.workload, subject.stack.slots)
        counted = until_done(Counting(subject, self.layout, seed, lambda _: None, loads).run, lambda _: None)
        self.counter = counted.counter
        return counted.counts[0].instructions


@contextmanager
def mixtures_of(plan: Plan, layout: Layout, say: Say) -> Iterator[Mixtures]:
    """The mixtures of the first cell that a plan compares; their environment is removed in the end.

    Raises:
        AppFileError, AppError: in one sentence, for what has to be mended on one side.

    """
    assert plan.app is not None, "what is bisected is an application"
    (head_cell, _), *_ = plan.pairs
    runtime = Runtime.of(head_cell.python)
    cell = msgspec.structs.replace(head_cell, python=runtime.interpreter)
    python = str(plan.interpreters.get(runtime.interpreter, runtime.interpreter))
    stack = plan.catalogue.stacks[cell.stack]
    if why := installations.why_excluded(cell, plan.catalogue):
        raise AppError(f"{why}.")
    folder = private_folders.make()
    with ExitStack() as up:
        up.callback(private_folders.remove, folder)
        apps: list[AppFile] = []
        made: list[AppEnvironment] = []
        indexes: list[str] = []
        for side in (plan.base, plan.head):
            with naming(side):
                app = up.enter_context(as_on(plan.app, side, folder / f"{side.label}-files"))
                discover(app)
                secrets_of(app, os.environ)
                apps.append(app)
                made.append(environments.install(app, stack, python, side.overrides, say=say))
                indexes += indexes_of(app, python)
        base, head = made
        movable = {*pins_of(base.text), *pins_of(head.text)}
        steps = steps_of(packages_of(base.prefix), packages_of(head.prefix), movable)
        app = replace(apps[-1], side=SIDE)
        up.callback(shutil.rmtree, environments.FOLDER / environments.name_of(app, stack, python), ignore_errors=True)
        yield Mixtures(
            app=app,
            catalogue=plan.catalogue,
            cell=cell,
            python=python,
            base=base.text,
            head=head.text,
            indexes=tuple(dict.fromkeys(indexes)),
            steps=steps,
            layout=layout,
            folder=folder,
            say=say,
        )
