"""What a change did, as data: two sides that were measured side by side, or two states of results; what a gate says.

A number that is not known is ``null``. Nothing is rounded.
"""

from typing import Literal

from stackmatrix.results import documents
from stackmatrix.results.types import Count, NonNegative, Struct

COMPARISON_FORMAT = 1
"""Raised whenever an older reader would misread the document."""

type SideKind = Literal["packages", "file", "revision", "python", "stack", "results"]
type Outcome = Literal["passed", "regression", "undecided", "void"]


class Side(Struct, frozen=True):
    """One of the two things that are compared: ``title`` names it for people, ``commit`` is of a git revision."""

    title: str
    kind: SideKind
    commit: str | None = None


class PackageChange(Struct, frozen=True):
    """A package that differs between the sides, with its version on each; ``None`` where a side does not have it."""

    name: str
    base: str | None
    head: str | None


class ComparedFigure(Struct, frozen=True, kw_only=True):
    """One figure of one cell on both sides.

    ``python`` and ``stack`` say which cell; where these are what is compared, they are the base's, and
    ``other_python`` and ``other_stack`` the head's. Of results of several machines, ``machine`` says which. Of states
    of results, which were measured at different times, the effect is of the ratio (or difference) to the stack that the
    figure is ``relative_to``: ``base`` and ``head`` then stand beside, and are not compared.

    ``effect`` is the ratio of the head to the base, or the head less the base
    in the ``unit``, as ``compares`` says, with the ends of its 95 % interval, simultaneous over all
    comparisons of the figure. ``word`` is of the head: ``better`` is what a user wants. ``matters`` and
    ``smallest_decidable`` are differences of the ratio from one, or in the unit. ``needed`` is after how many blocks it
    will probably be decided. ``head_low`` and ``head_high`` are the ends of the 95 % interval of the head alone.
    """

    workload: str
    stack: str
    python: str
    other_stack: str
    other_python: str
    figure: str
    title: str
    unit: str
    digits: Count
    higher_is_better: bool
    machine: str | None = None
    relative_to: str | None = None
    base: float | None
    head: float | None
    compares: Literal["ratio", "difference"]
    effect: float
    low: float | None
    high: float | None
    word: Literal["better", "worse", "same", "undecided"]
    blocks: Count
    decided_after: Count | None
    matters: NonNegative
    smallest_decidable: NonNegative | None
    needed: Count | None
    caution: str | None = None
    head_low: float | None = None
    head_high: float | None = None


class NotCompared(Struct, frozen=True):
    """A cell or a figure of one that could not be compared, and why, in a sentence."""

    what: str
    reason: str


class ControlOutcome(Struct, frozen=True):
    """How the two controls of a workload came out; ``void`` says why nothing is proved, where one failed."""

    workload: str
    state: str
    reason: str | None
    void: str | None


class GatedFigure(Struct, frozen=True):
    """How a gate judges one figure of one cell, which is named as in :class:`ComparedFigure`.

    ``worse_by`` is the head's change for the worse, with the ends of its interval: a share of the base. ``outcome`` is
    against ``limit``, which is the gate's threshold or a waiver's ceiling; ``waiver`` is its reason. The limit of what
    ``is_budget`` is one of the head's value, in the figure's unit.
    """

    workload: str
    stack: str
    python: str
    other_stack: str
    other_python: str
    figure: str
    worse_by: float | None
    low: float | None
    high: float | None
    limit: float
    outcome: Outcome
    sentence: str
    waiver: str | None = None
    is_budget: bool = False


class GateVerdict(Struct, frozen=True):
    """What a gate says of a comparison as a whole, in a sentence, and why it fails or not.

    ``fails_on`` are the outcomes that end the job with an error.
    """

    outcome: Outcome
    sentence: str
    threshold: NonNegative
    fails_on: tuple[str, ...]
    figures: tuple[GatedFigure, ...]

    @property
    def fails(self) -> bool:
        return self.outcome in self.fails_on


class ComparisonDocument(Struct, frozen=True):
    """Everything that is said of one comparison.

    ``sentences`` are the answer, the most important one first. ``command`` repeats it by hand. ``minutes`` is how long
    it was measured.
    """

    format_version: int
    machine: str
    started: str
    minutes: NonNegative | None
    app: str | None
    base: Side
    head: Side
    sentences: tuple[str, ...]
    figures: tuple[ComparedFigure, ...]
    not_compared: tuple[NotCompared, ...]
    packages: tuple[PackageChange, ...]
    controls: tuple[ControlOutcome, ...]
    command: str
    gate: GateVerdict | None = None


def encode(document: ComparisonDocument) -> bytes:
    """The document as JSON, which a diff shows well."""
    return documents.encode(document)


def decode(data: bytes, name: str) -> ComparisonDocument:
    """The document from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is none, or of another version.

    """
    documents.need_version(data, name, "no comparison", COMPARISON_FORMAT)
    return documents.decode(data, name, "no comparison", ComparisonDocument)
