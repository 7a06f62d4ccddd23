"""Where subjects stand in a testbed: their ports and commands, and how the planted control learns what it burns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from fanout_site import planted
from stackmatrix.matrix.cells import Subject
from stackmatrix.system import ports
from stackmatrix.testbed.supervisor import API

PLANTED = "planted"
"""The file of a testbed that says how much the planted control burns."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject is: its port, and the command that serves it there."""

    subject: Subject
    port: int
    command: tuple[str, ...]


def place(
    subjects: Sequence[Subject], at: Mapping[str, int], added: Callable[[Subject], Sequence[str]], folder: Path
) -> tuple[Place, ...]:
    """Each subject at its port, with the arguments that a use of it adds; all with the same listen queue and folder."""
    backlog = ports.allowed_backlog()
    return tuple(
        Place(one, at[one.name], one.command(at[one.name], *added(one), backlog=backlog, folder=folder))
        for one in subjects
    )


def as_written(place: Place, folder: Path) -> tuple[str, ...]:
    """The command of a place as any run of it has it: without paths and numbers that are of this run alone."""
    alone = {str(folder): "{folder}", str(place.subject.environment.prefix): "{prefix}", str(place.port): "{port}"}
    return tuple(reduce(lambda part, one: part.replace(*one), alone.items(), part) for part in place.command)


def plant(folder: Path, burn_ms: float) -> None:
    """Set the CPU time that the planted control of a testbed burns for each request from now on."""
    planted.write(folder / PLANTED, burn_ms)


def burning(place: Place, folder: Path) -> tuple[str, ...]:
    """The command of a place; that of the planted control knows where to look how much it burns."""
    is_planted = place.subject.cell.control == "planted"
    return ("env", f"{planted.VARIABLE}={folder / PLANTED}", *place.command) if is_planted else place.command


def free_ports(subjects: Sequence[Subject]) -> dict[str, int]:
    free = ports.find_free(ports.TARGET_PORT, len(subjects))
    at = {subject.name: port for subject, port in zip(subjects, free, strict=True)}
    return {API: ports.find_free(ports.API_PORT, 1)[0], **at}
