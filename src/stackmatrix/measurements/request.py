"""What is asked of the runner, what a run is made with, and what a kind of measurement has to give."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from stackmatrix.analysis.comparison.contrasts import Contrast
from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.matrix.profiles import Profile
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.blocks import Block
from stackmatrix.results.conditions import Environment, Machine
from stackmatrix.results.model import Result, Run
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
    """Everything that was asked for, whatever is measured.

    The run ends after ``minutes`` of measuring, if there is such a limit. Where ``pairs`` are given, these are
    compared, and nothing else is decided; with a ``threshold``, until it is known of each whether it is worse by that
    share.
    """

    cells: tuple[Cell, ...]
    seed: int
    folder: Path
    machine_name: str | None = None
    nox_report: Path | None = None
    generators: int = 1
    fail_on_missing: bool = False
    minutes: float | None = None
    catalogue: Catalogue = BUILT_IN_CATALOGUE
    pairs: tuple[Contrast, ...] | None = None
    threshold: float | None = None


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
    profile: Profile
    provenance: Provenance
    subjects: Mapping[Cell, Subject]
    layout: Layout
    machine: Machine
    machine_name: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(self.subjects)

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """The workloads of the subjects, in their order."""
        return tuple(dict.fromkeys(subject.workload for subject in self.subjects.values()))

    def cells_of(self, workload: Workload) -> tuple[Cell, ...]:
        return tuple(cell for cell, subject in self.subjects.items() if subject.workload == workload)

    def run(self, kinds: Sequence[str], calibration: str | None) -> Run:
        """The run as result files have it."""
        made = self.provenance
        return Run(
            id=made.run_id,
            started=made.started,
            seed=self.request.seed,
            profile=self.profile.name,
            kinds=tuple(dict.fromkeys(kinds)),
            git_commit=made.git_commit,
            tool_versions=made.tool_versions,
            minutes=self.request.minutes,
            most_blocks=self.profile.blocks,
            generators=self.request.generators,
            calibration=calibration,
        )

    def stamp(self, round_: int, started: str, duration_s: float) -> dict[str, Any]:
        """The fields that every block has of its run and its time."""
        return {"run": self.provenance.run_id, "round": round_, "started": started, "duration_s": duration_s}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known when the next steps are chosen: the evidence of each cell, and what was found in it.

    ``open`` are the cells that still have something undecided, with those beside which they have to stand. The cells in
    ``failed`` have failed in this run, with how often.
    """

    results: Mapping[Cell, Result]
    families: tuple[Family, ...]
    open: frozenset[Cell]
    failed: Mapping[Cell, int]


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a run that is shown as one: one block of one kind, of some cells of one workload.

    ``number`` is the block's, from 0, among those that the kind makes of these cells, and ``batch`` which of its
    batches; ``estimate_s`` is how long it probably takes. One that ``is_spare`` is made where it is still needed when
    its turn comes.
    """

    label: str
    cells: tuple[Cell, ...] = ()
    number: int = 0
    estimate_s: float = 60.0
    batch: int = 0
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: a block of each cell that was measured, what served it, and why others could not be.

    ``cost_rate`` is the rate of arrivals at each cell, where the step has found or used one. ``loops_ms`` is the time
    of the fixed loop on the interpreter of each cell.
    """

    words: str
    blocks: Mapping[Cell, Block] = field(default_factory=dict)
    environments: Mapping[Cell, Environment] = field(default_factory=dict)
    failures: Mapping[Cell, str] = field(default_factory=dict)
    cost_rate: float | None = None
    loops_ms: Mapping[Cell, float] = field(default_factory=dict)


class Kind(ABC):
    """A kind of measurement. The runner does everything that all kinds share."""

    name: ClassVar[str]
    """As ``--measure`` has it."""

    @abstractmethod
    def begin(self, setup: Setup) -> None:
        """Check what only this kind needs, before anything is measured.

        Raises:
            StackmatrixError: for what the user must mend.

        """

    def beside(self) -> Sequence[Subject]:
        """What it measures beside the chosen cells, and keeps in files as well; asked after :meth:`begin`."""
        return ()

    @abstractmethod
    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        """What it does in this turn of the run, from 0 on; a run ends when no kind has anything to do."""

    @abstractmethod
    def perform(self, step: Step, show: Show) -> Outcome:
        """Do one step.

        Raises:
            TrialError, SupervisorError: when it failed for all of its cells.

        """

    def is_needed(self, step: Step, standing: Standing) -> bool:  # noqa: ARG002 - most kinds have no spare steps
        """Whether a step is to be made as things stand, which may have changed since the turn began."""
        return True

    def later_s(self, standing: Standing) -> float:  # noqa: ARG002 - most kinds know of no later turn
        """How long its steps of later turns will probably take."""
        return 0.0


def prepare(request: Request) -> tuple[Layout, Machine, str]:
    """How the cores are divided, the machine, and the name of its folder."""
    layout = cores.divide_cores(request.generators)
    machine = host.describe(layout)
    return layout, machine, request.machine_name or host.slug(machine)
