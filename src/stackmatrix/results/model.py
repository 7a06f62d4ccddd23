"""The result file: one frozen struct per object of the JSON, unknown keys refused.

Times are in the unit that their name ends with. Nothing is rounded.
"""

from stackmatrix.matrix.cells import Cell
from stackmatrix.results.capacity import Capacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.instructions import Instructions
from stackmatrix.results.trials import Run, Trial
from stackmatrix.results.types import Count, Part, PythonBuild, State, Struct

FORMAT_VERSION = 6
"""Raised whenever an older reader would misread a file.

1: the first.
2: what the machine did around a level, service times, p99.9, findings of a trial, generator processes, the calibration.
3: counted instructions, A/A twins, the processor's family.
4: capacity under latency objectives, the timeline of a level.
5: CPU time side by side.
6: no run where there are no trials.
"""


class Status(Struct, frozen=True):
    """How the cell ended, and why when it did not end well."""

    state: State
    reason: str | None = None


class Machine(Struct, frozen=True):
    """The machine that was measured on. ``pinning`` maps a role to its cores; it is ``None`` where nothing is pinned.

    ``cpu_id`` is the processor's family, model and stepping, as in ``25-1-1``: hypervisors shorten the model's name.
    """

    cpu_model: str
    cores: Count
    memory_bytes: Count
    kernel: str
    os: str
    governor: str | None
    virtualised: bool | None
    pinning: dict[str, tuple[int, ...]] | None
    cpu_id: str | None = None


class Environment(Struct, frozen=True):
    """The environment that served: its packages and their lock file, the command and its environment variables."""

    python: PythonBuild
    packages: dict[str, str]
    lock_sha256: str
    command: tuple[str, ...]
    variables: dict[str, str]


PARTS: dict[str, type[Part]] = {"instructions": Instructions, "capacity": Capacity, "cost": Cost}
"""The parts that are measured apart from trials, by their names in the file."""


def part_name(part: Part) -> str:
    """The name of a part in the file."""
    return next(name for name, kind in PARTS.items() if isinstance(part, kind))


class Result(Struct, frozen=True):
    """One file: everything about one cell. ``run`` made the trials, and is ``None`` where there are none."""

    format_version: int
    run: Run | None
    cell: Cell
    status: Status
    machine: Machine
    environment: Environment | None
    trials: tuple[Trial, ...]
    instructions: Instructions | None = None
    capacity: Capacity | None = None
    cost: Cost | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What was measured apart from the trials."""
        return tuple(part for name in PARTS if (part := getattr(self, name)) is not None)
