"""Which packages cost, as data: what was moved in which order, what was counted, and the steps that matter.

Instructions are those of one request, a number for each seed of hashes. Nothing is rounded.
"""

from typing import Literal

from stackmatrix.results import documents
from stackmatrix.results.comparison import ComparedFigure, PackageChange, Side
from stackmatrix.results.types import Count, Number, Struct

BISECTION_FORMAT = 1
"""Raised whenever an older reader would misread the document."""


class CountedMixture(Struct, frozen=True):
    """A mixture: the first ``moved`` steps of the order as in the head, all others as in the base.

    ``skipped`` says why it could not be counted.
    """

    moved: Count
    instructions: tuple[Number, ...] = ()
    skipped: str | None = None


class CostlyStep(Struct, frozen=True):
    """Packages whose move changes what a request costs, from ``before`` to ``after`` instructions.

    ``kind``: one ``step`` of the order; ``unworkable``, several that no working mixture separates; ``spread``, several
    that matter together only. ``low`` and ``high`` are how many steps of the order are moved before and after.
    """

    packages: tuple[PackageChange, ...]
    kind: Literal["step", "unworkable", "spread"]
    low: Count
    high: Count
    before: Number
    after: Number


class Bisection(Struct, frozen=True):
    """Everything that is said of one bisection.

    ``order`` are the steps in which packages are moved from the base to the head, ``base_instructions`` and
    ``head_instructions`` what a request takes at both ends. ``found`` has the costliest first, and ``cpu`` is the CPU
    time of the first of them, measured side by side, or ``cpu_unknown`` says why it is not known.
    """

    format_version: int
    machine: str
    app: str
    base: Side
    head: Side
    stack: str
    python: str
    workload: str
    counter: str
    order: tuple[tuple[PackageChange, ...], ...]
    counted: tuple[CountedMixture, ...]
    base_instructions: Number
    head_instructions: Number
    found: tuple[CostlyStep, ...]
    cpu: ComparedFigure | None = None
    cpu_unknown: str | None = None
    sentences: tuple[str, ...] = ()


def encode(document: Bisection) -> bytes:
    """The document as JSON, which a diff shows well."""
    return documents.encode(document)


def decode(data: bytes, name: str) -> Bisection:
    """The document from the JSON of a file called ``name``.

    Raises:
        ResultFileError: when it is none, or of another version.

    """
    documents.need_version(data, name, "no bisection", BISECTION_FORMAT)
    return documents.decode(data, name, "no bisection", Bisection)
