"""How much evidence each machine's folder holds, so that pages begin with the strongest. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.summary import CellSummary, MachineSummary


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a machine's results decide: comparisons by all metrics, of which ``decided`` have a word.

    ``cells`` were measured; of these, ``side_by_side`` have CPU time, ``ramped`` ramps, ``counted`` instructions.
    """

    machine: MachineSummary
    decided: int
    compared: int
    cells: int
    side_by_side: int
    ramped: int
    counted: int

    @property
    def strength(self) -> tuple[int, ...]:
        """Orders machines: what is decided comes before what was only measured."""
        return (self.decided, self.side_by_side, self.ramped, self.counted)


def weigh(machine: MachineSummary) -> Evidence:
    """What one machine's results decide. Void runs decide nothing."""
    rows = [row for workload in machine.workloads for row in workload.rows if row.result.has_figures]
    compared = [one for family in machine.families if family.void is None for one in family.compared]

    def count(cells: Iterable[CellSummary]) -> int:
        return sum(1 for _ in cells)

    return Evidence(
        machine=machine,
        decided=sum(one.is_decided for one in compared),
        compared=len(compared),
        cells=len(rows),
        side_by_side=count(row for row in rows if row.cost_blocks),
        ramped=count(row for row in rows if row.climb is not None),
        counted=count(row for row in rows if row.instructions),
    )


def strongest_first(machines: Iterable[MachineSummary]) -> list[Evidence]:
    """All machines, the one with the strongest evidence first; by name where it is equal."""
    return sorted(map(weigh, machines), key=lambda one: (*(-part for part in one.strength), one.machine.name))


def published(machines: Sequence[MachineSummary], named: str | None = None) -> MachineSummary | None:
    """The machine whose results answer on the first page: the one that is named, else that with the most evidence."""
    chosen = next((machine for machine in machines if machine.name == named), None)
    return chosen or next((one.machine for one in strongest_first(machines)), None)
