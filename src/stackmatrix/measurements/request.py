"""What is asked of the runner, what a run is made with, and what a kind of measurement has to give."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.results.model import FORMAT_VERSION, Environment, Machine, Result, Status, part_name
from stackmatrix.results.trials import Run, Trial
from stackmatrix.results.types import Part
from stackmatrix.system import cores, git, host
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import environments

type Show = Callable[[str], None]
"""Shows what a step is doing."""


def now() -> str:
    """The time as result files have it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that was asked for, whatever is measured."""

    cells: tuple[Cell, ...]
    seed: int
    folder: Path
    machine_name: str | None = None
    nox_report: Path | None = None
    generators: int = 1
    fail_on_missing: bool = False


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a run was made with: asked once, before the first file is written, which would make the checkout dirty."""

    run_id: str
    started: str
    git_commit: str | None
    tool_versions: dict[str, str]
    tool_lock_sha256: str | None

    @classmethod
    def ask(cls) -> "Provenance":
        return cls(uuid4().hex, now(), git.git_commit(), host.tool_versions(), environments.lock_sha256("tool"))


@dataclass(frozen=True, slots=True)
class Setup:
    """What a kind measures with: the subjects that are there, by cell, and the machine as it is divided."""

    request: Request
    provenance: Provenance
    subjects: Mapping[Cell, Subject]
    layout: Layout
    machine: Machine
    machine_name: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(self.subjects)


@dataclass
class CellState:
    """What every kind knows of a cell that it puts a part into the file of."""

    started: str = field(default_factory=now)
    environment: Environment | None = None
    duration_s: float = 0.0
    failure: str | None = None

    def stamp(self, setup: Setup, cell: Cell) -> dict[str, Any]:
        """The fields that every part of a result file has."""
        return {
            "started": self.started,
            "duration_s": self.duration_s,
            "git_commit": setup.provenance.git_commit,
            "python": self.environment.python if self.environment else None,
            "lock_sha256": setup.subjects[cell].environment.lock_sha256,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a run that is shown as one, and the cells whose files are written after it."""

    label: str
    cells: tuple[Cell, ...] = ()
    place: int = 0
    """Which of the kind's steps it is."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a kind has of one cell for its file: trials with their run, or another part."""

    environment: Environment | None
    part: Part | None = None
    run: Run | None = None
    trials: tuple[Trial, ...] = ()
    status: Status = field(default_factory=lambda: Status(state="ok"))

    def to_result(self, cell: Cell, machine: Machine) -> Result:
        """The cell's file, if it held nothing else."""
        parts: dict[str, Any] = {} if self.part is None else {part_name(self.part): self.part}
        return Result(
            format_version=FORMAT_VERSION,
            run=self.run,
            cell=cell,
            status=self.status,
            machine=machine,
            environment=self.environment,
            trials=self.trials,
            **parts,
        )


class Kind(ABC):
    """A kind of measurement. The runner does everything that all kinds share."""

    done: ClassVar[str]
    """What was done to a cell, for the sentence that names those that failed."""
    estimate_s: float = 60.0
    """For one step, until one was timed."""
    blocks: int = 1
    """With several, the reference cell has a twin."""
    makes_files: ClassVar[bool] = False
    """Whether it makes whole files, even of a cell that is missing; else it puts a part into them."""

    @abstractmethod
    def begin(self, setup: Setup) -> Sequence[Step]:
        """Check what only this kind needs, and plan the steps.

        Raises:
            StackmatrixError: for what the user must mend.

        """

    @abstractmethod
    def perform(self, step: Step, show: Show) -> str:
        """Do one step, and say in a few words how it went.

        Raises:
            TrialError, SupervisorError: when it failed.

        """

    def is_enough(self, step: Step) -> bool:  # noqa: ARG002 - most kinds make all of their steps
        """Whether this step and all after it are not needed any more."""
        return False

    def conclude(self) -> str | None:
        """After the last step: a sentence to show, where that changes what every cell's file says."""
        return None

    def fail(self, step: Step, reason: str) -> None:  # noqa: ARG002 - what is not of cells cannot go on
        """Note that a step failed.

        Raises:
            TrialError: where nothing can go on without it.

        """
        raise TrialError(reason)

    def record(self, cell: Cell) -> Record | None:  # noqa: ARG002 - what measures no cell has nothing of one
        """What there is of a cell so far."""
        return None

    def failures(self) -> Iterable[Cell]:
        """The cells that failed."""
        return ()


def prepare(request: Request) -> tuple[Layout, Machine, str]:
    """How the cores are divided, the machine, and the name of its folder."""
    layout = cores.divide_cores(request.generators)
    machine = host.describe(layout)
    return layout, machine, request.machine_name or host.slug(machine)
