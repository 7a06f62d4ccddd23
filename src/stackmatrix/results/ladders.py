"""One climb up a ladder of levels, as asked for by hand or by the profile deep, in a result file."""

from stackmatrix.results.blocks import Block
from stackmatrix.results.levels import Level
from stackmatrix.results.types import Count, NonNegative, Whole


class Ladder(Block, frozen=True, kw_only=True):
    """A fresh process tree, driven up the ladder once. The block's findings hold for all of its levels.

    ``order`` is its place among the cells of the round; ``load_s`` is how much of its duration was load.
    """

    order: Count
    seed: Whole
    warmup_s: NonNegative
    settle_s: NonNegative
    window_s: NonNegative
    load_s: NonNegative
    levels: tuple[Level, ...]

    @property
    def valid(self) -> tuple[Level, ...]:
        """The levels whose numbers may be compared."""
        return tuple(level for level in self.levels if level.is_valid)
