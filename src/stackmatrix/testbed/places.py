"""Where subjects stand in a testbed: their ports and commands, and what each is given beside what all are."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from stackmatrix.errors import MachineLimitError
from stackmatrix.matrix.cells import Subject
from stackmatrix.results.conditions import Environment
from stackmatrix.results.types import PythonBuild
from stackmatrix.system import ports, processes
from stackmatrix.system.cores import Layout
from stackmatrix.system.launch import Setting
from stackmatrix.testbed import raised
from stackmatrix.testbed.supervisor import API
from under_test import application, held, planted
from under_test.raised import VARIABLE as RAISED

PLANTED = "planted"
"""The file of a testbed that says how much the planted control burns."""
VARIABLES = ("LANG", "PYTHONPATH", "SLOW_API_URL")
"""The variables that circus.ini gives a target, beside PATH."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject is: its port, the command that serves it there, and what that is given."""

    subject: Subject
    port: int
    command: tuple[str, ...]
    setting: Setting


def place(
    subjects: Sequence[Subject],
    at: Mapping[str, int],
    added: Callable[[Subject], Sequence[str]],
    folder: Path,
    layout: Layout,
    *,
    holds: bool = False,
) -> tuple[Place, ...]:
    """Each subject at its port, with the arguments that a use of it adds; all with the same listen queue and folder.

    A workload may give its targets variables of its own. The planted control knows where in the testbed's ``folder`` to
    look how much it burns. Where it ``holds``, each has a path on which requests wait.
    """
    backlog = ports.allowed_backlog()

    def command(one: Subject) -> tuple[str, ...]:
        return one.command(at[one.name], *added(one), backlog=backlog, folder=folder)

    return tuple(Place(one, at[one.name], command(one), _setting(one, folder, layout, holds=holds)) for one in subjects)


def _setting(subject: Subject, folder: Path, layout: Layout, *, holds: bool) -> Setting:
    cores = layout.of_target(subject.stack.workers) if subject.stack.workers > 1 else ()
    if not subject.app.wrapped:
        return Setting()
    variables = {application.VARIABLE: subject.application, **dict(subject.workload.variables)}
    started_in, secrets = None, tuple[str, ...]()
    if subject.app.arranger is not None:
        arranged = subject.app.arranger.arrange(subject.stack.serves_views_of, subject.name)
        programs = subject.environment.prefix / "bin"
        variables |= {**arranged.environment, "VIRTUAL_ENV": str(subject.environment.prefix)}
        variables["PATH"] = f"{programs}{os.pathsep}{variables['PATH']}"
        # What wraps the application is the harness's own, and is found after everything of the application.
        variables["PYTHONPATH"] = f"{variables['PYTHONPATH']}{os.pathsep}{processes.SOURCE}"
        started_in, secrets = str(arranged.cwd), tuple(arranged.secrets)
        variables[RAISED] = str(raised.path_of(subject, folder))
    if subject.cell.control == "planted":
        variables[planted.VARIABLE] = str(folder / PLANTED)
    if holds:
        variables[held.VARIABLE] = "1"
    return Setting(variables, started_in, cores, secrets)


def describe(place: Place, folder: Path, python: PythonBuild, packages: Mapping[str, str]) -> Environment:
    """What serves a place, as result files have it, from what the target has said of itself."""
    # A path more, where requests are held for a stop, and where exceptions are written change nothing that is measured.
    own = sorted({*place.setting.variables} - {held.VARIABLE, RAISED})
    return Environment(
        python=python,
        packages=dict(sorted(packages.items())),
        lock_sha256=place.subject.environment.lock_sha256,
        command=as_written(place, folder),
        variables=tuple(dict.fromkeys((*VARIABLES, *own))),
        app_sha256=place.subject.app.sha256,
    )


def as_written(place: Place, folder: Path) -> tuple[str, ...]:
    """The command of a place as any run of it has it: without paths and numbers that are of this run alone."""
    alone = {str(folder): "{folder}", str(place.subject.environment.prefix): "{prefix}", str(place.port): "{port}"}
    return tuple(reduce(lambda part, one: part.replace(*one), alone.items(), part) for part in place.command)


def plant(folder: Path, burn_ms: float) -> None:
    """Set the CPU time that the planted control of a testbed burns for each request from now on."""
    planted.write(folder / PLANTED, burn_ms)


def api_port(subjects: Sequence[Subject], at: Mapping[str, int]) -> int:
    """Where the external API is that the targets call: an application may have one of its own, started for it alone."""
    return next((one.app.api_port for one in subjects if one.app.api_port is not None), at[API])


def free_ports(subjects: Sequence[Subject]) -> dict[str, int]:
    """A port for each subject, and one for the external API.

    Raises:
        MachineLimitError: when nothing can be reached on this machine's own address.
        PortTakenError: when there are not so many.

    """
    if why := ports.why_no_loopback():
        raise MachineLimitError(why)
    free = ports.find_free(ports.apart(ports.TARGET_PORT), len(subjects))
    at = {subject.name: port for subject, port in zip(subjects, free, strict=True)}
    return {API: ports.find_free(ports.apart(ports.API_PORT), 1)[0], **at}
