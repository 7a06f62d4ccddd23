"""The instructions that a request takes, as counted of one cell in a result file."""

from stackmatrix.results.types import Count, NonNegative, Part, Struct


class InstructionShare(Struct, frozen=True):
    """Instructions per request, the mean of the repeats, of a shared object or of a function in one."""

    object: str
    instructions: NonNegative
    function: str | None = None


class InstructionCount(Struct, frozen=True):
    """User-space instructions of the target's tree per request, with ``in_flight`` requests under way.

    ``repeats`` has one number for each fresh process tree, of ``requests`` requests. ``low`` and ``high`` are the 95 %
    interval of Student's t for their mean. ``objects`` add up to the mean; of ``functions`` only the heaviest are here.
    """

    in_flight: Count
    requests: Count
    repeats: tuple[NonNegative, ...]
    mean: NonNegative
    low: float | None
    high: float | None
    objects: tuple[InstructionShare, ...] = ()
    functions: tuple[InstructionShare, ...] = ()


class Instructions(Part, frozen=True, kw_only=True):
    """All counts of a cell, apart from its trials.

    ``counter`` is the program with its version, such as ``valgrind-3.19.0`` (its callgrind) or ``perf version 6.1``.
    """

    counter: str
    counts: tuple[InstructionCount, ...]

    @property
    def has_figures(self) -> bool:
        return bool(self.counts)
