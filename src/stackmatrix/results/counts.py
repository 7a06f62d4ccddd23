"""The instructions that a request takes, as counted of one cell in a result file."""

from stackmatrix.results.blocks import Block
from stackmatrix.results.types import Count, NonNegative, Struct


class InstructionShare(Struct, frozen=True):
    """Instructions per request of a shared object, or of a function in one."""

    object: str
    instructions: NonNegative
    function: str | None = None


class InstructionCount(Struct, frozen=True):
    """User-space instructions of the target's tree per request, with ``in_flight`` requests under way.

    What an idle target would have executed in the same time is subtracted: ``idle`` a request. ``objects`` add up to
    ``instructions`` before that; of ``functions`` only the heaviest are here.
    """

    in_flight: Count
    requests: Count
    instructions: NonNegative
    idle: NonNegative
    objects: tuple[InstructionShare, ...] = ()
    functions: tuple[InstructionShare, ...] = ()


class CountBlock(Block, frozen=True, kw_only=True):
    """One fresh process tree, counted. ``hash_seed`` is the seed of Python's hashes, the same for all cells of a round.

    ``counter`` is the program with its version, such as ``valgrind-3.19.0`` (its callgrind) or ``perf version 6.1``.
    """

    hash_seed: Count
    counter: str
    counts: tuple[InstructionCount, ...]

    def at(self, in_flight: int) -> float | None:
        """Instructions per request at so many in flight."""
        return next((one.instructions for one in self.counts if one.in_flight == in_flight), None)
