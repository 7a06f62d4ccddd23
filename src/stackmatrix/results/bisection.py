"""Which packages cost, as data: what was moved in which order, what was counted, and the steps that matter.

Instructions are those of one request, a number for each seed of hashes. Nothing is rounded.
"""

import json
from typing import Any, Literal

import msgspec

from stackmatrix.results.comparison import ComparedFigure, PackageChange, Side
from stackmatrix.results.types import Count, Struct

BISECTION_FORMAT = 1
"""Raised whenever an older reader would misread the document."""


class CountedMixture(Struct, frozen=True):
    """A mixture: the first ``moved`` steps of the order as in the head, all others as in the base.

    ``skipped`` says why it could not be counted.
    """

    moved: Count
    instructions: tuple[float, ...] = ()
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
    before: float
    after: float


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
    base_instructions: float
    head_instructions: float
    found: tuple[CostlyStep, ...]
    cpu: ComparedFigure | None = None
    cpu_unknown: str | None = None
    sentences: tuple[str, ...] = ()


def encode(document: Bisection) -> bytes:
    """The document as JSON, which a diff shows well."""
    content: dict[str, Any] = json.loads(msgspec.json.encode(document))
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def decode(data: bytes) -> Bisection:
    """The document from its JSON.

    Raises:
        msgspec.DecodeError: when it is none.

    """
    return msgspec.json.decode(data, type=Bisection)
