"""Where subjects stand in a testbed: their ports and commands, and what each is given beside what all are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    subjects: Sequence[Subject], at: Mapping[str, int], added: Callable[[Subject], Sequence[str]]
) -> tuple[Place, ...]:
    """Each subject at its port, with the arguments that a use of it adds; all with the same listen queue."""
    backlog = ports.allowed_backlog()
    return tuple(Place(one, at[one.name], one.command(at[one.name], *added(one), backlog=backlog)) for one in subjects)


def plant(folder: Path, burn_ms: float) -> None:
    """Set the CPU time that the planted control of a testbed burns for each request from now on."""
    planted.write(folder / PLANTED, burn_ms)


def variables(subject: Subject, folder: Path) -> tuple[tuple[str, str], ...]:
    """What a subject is given beside what all are: by its workload, and the planted control where it reads its cost."""
    planted_cost = ((planted.VARIABLE, str(folder / PLANTED)),) if subject.cell.control == "planted" else ()
    return (*subject.workload.variables, *planted_cost)


def started(place: Place, folder: Path, wrap: Callable[[Path, Sequence[str]], Sequence[str]]) -> tuple[str, ...]:
    """What is run at a place: its command, wrapped, with what the subject is given."""
    given = tuple(f"{name}={value}" for name, value in variables(place.subject, folder))
    return (*(("env", *given) if given else ()), *wrap(folder, place.command))


def free_ports(subjects: Sequence[Subject]) -> dict[str, int]:
    free = ports.find_free(ports.TARGET_PORT, len(subjects))
    at = {subject.name: port for subject, port in zip(subjects, free, strict=True)}
    return {API: ports.find_free(ports.API_PORT, 1)[0], **at}
