"""How much evidence each machine's folder holds, so that pages begin with the strongest. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.summary import CellSummary, MachineSummary


@dataclass(frozen=True, slots=True)
class Evidence:
    """The number of a machine's cells with evidence of each kind; ``in_blocks`` are enough for a verdict on trials."""

    machine: MachineSummary
    in_blocks: int
    in_fewer: int
    side_by_side: int
    searched: int
    counted: int

    @property
    def strength(self) -> tuple[int, ...]:
        """Orders machines: what can be claimed before what was only seen, and trials first, as they are of load."""
        return (self.in_blocks, self.side_by_side, self.searched, self.counted, self.in_fewer)


def weigh(machine: MachineSummary) -> Evidence:
    rows = [row for workload in machine.workloads for row in workload.rows]

    def count(cells: Iterable[CellSummary]) -> int:
        return sum(1 for _ in cells)

    return Evidence(
        machine=machine,
        in_blocks=count(row for row in rows if row.trials >= BLOCKS_TO_CLAIM),
        in_fewer=count(row for row in rows if 0 < row.trials < BLOCKS_TO_CLAIM),
        side_by_side=count(row for row in rows if row.cost is not None and row.cost.known >= BLOCKS_TO_CLAIM),
        searched=count(row for row in rows if row.capacity is not None),
        counted=count(row for row in rows if row.instructions is not None),
    )


def strongest_first(machines: Iterable[MachineSummary]) -> list[Evidence]:
    """All machines, the one with the strongest evidence first; by name where it is equal."""
    return sorted(map(weigh, machines), key=lambda one: (*(-part for part in one.strength), one.machine.name))
