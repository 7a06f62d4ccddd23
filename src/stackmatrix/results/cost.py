"""A cell's CPU time per request, measured side by side: all cells of a block are up at once, and are asked in turn."""

import msgspec

from stackmatrix.results.blocks import Block, BlockKey
from stackmatrix.results.types import Count, NonNegative, Share


class CostBlock(Block, frozen=True, kw_only=True):
    """A fresh process tree of the cell, beside those of the other cells.

    ``place`` is the cell's in the order in which arrivals went to the ``together`` cells; ``rate`` is of Poisson
    arrivals per second at this cell alone, and ``busy_share`` how busy all cells together kept their core. The CPU
    time is of the cell's process tree, less ``idle_share``, which it used while no cell had a request. ``planted_ms``
    is the CPU time that the planted control burnt for each request. Where the cells of a round were too many to stand
    side by side, this is that of its ``batch``. ``answered_by_page`` has the correct responses by the name of the page,
    of a workload with several.
    """

    place: Count
    together: Count
    rate: NonNegative
    busy_share: Share | None
    window_s: NonNegative
    requests: Count
    failures: dict[str, Count]
    cpu_ms_per_request: NonNegative | None
    idle_share: Share
    connections_per_request: NonNegative | None = None
    planted_ms: NonNegative | None = None
    batch: Count = 0
    answered_by_page: dict[str, Count] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> BlockKey:
        return self.run, self.round, self.batch
