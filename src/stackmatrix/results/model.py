"""The result file: one frozen struct per object of the JSON, unknown keys refused.

Times are in the unit that their name ends with. Nothing is rounded.
"""

from stackmatrix.matrix.cells import Cell
from stackmatrix.results.blocks import Block
from stackmatrix.results.conditions import Conditions
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.counts import CountBlock
from stackmatrix.results.holds import Hold
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.ramps import Ramp
from stackmatrix.results.stops import Stop
from stackmatrix.results.types import Count, NonNegative, State, Struct, Whole

FORMAT_VERSION = 7
"""Raised whenever an older reader would misread a file. 7: blocks by kind, under one set of conditions; older ones are
refused, as they were made by another method."""


class Status(Struct, frozen=True):
    """How the cell ended, and why when it did not end well."""

    state: State
    reason: str | None = None


class Run(Struct, frozen=True):
    """One invocation that added blocks; ``started`` is UTC, ISO 8601.

    ``kinds`` are those that it measured. ``generators`` is the number of locust processes, ``calibration`` the id of
    the machine's calibration at that time.
    """

    id: str
    started: str
    seed: Whole
    profile: str
    kinds: tuple[str, ...]
    git_commit: str | None
    tool_versions: dict[str, str]
    minutes: NonNegative | None = None
    most_blocks: Count | None = None
    generators: Count = 1
    calibration: str | None = None


class Result(Struct, frozen=True):
    """One file: everything about one cell. ``conditions`` are ``None`` where nothing was ever measured of it.

    ``python_loop_ms`` is what a fixed loop of pure Python took on the cell's interpreter when it was last started.
    """

    format_version: int
    cell: Cell
    status: Status
    conditions: Conditions | None = None
    python_loop_ms: NonNegative | None = None
    runs: tuple[Run, ...] = ()
    cost: tuple[CostBlock, ...] = ()
    ramps: tuple[Ramp, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    holds: tuple[Hold, ...] = ()
    counts: tuple[CountBlock, ...] = ()
    stops: tuple[Stop, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, kind by kind."""
        return (*self.cost, *self.ramps, *self.ladders, *self.holds, *self.counts, *self.stops)

    @property
    def has_figures(self) -> bool:
        """Whether any block counts."""
        return any(block.is_valid for block in self.blocks)


FIELDS: dict[type[Block], str] = {
    CostBlock: "cost",
    Ramp: "ramps",
    Ladder: "ladders",
    Hold: "holds",
    CountBlock: "counts",
    Stop: "stops",
}
"""The field of a result that holds the blocks of each kind."""
