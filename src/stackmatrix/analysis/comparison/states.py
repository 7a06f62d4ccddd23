"""What two states of a machine's results say of each other: what has changed, and of what nothing is said. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.comparison.contrasts import in_order
from stackmatrix.analysis.comparison.judge import mean_of
from stackmatrix.analysis.comparison.recorded import (
    Change,
    Measured,
    Samples,
    decide,
    draw,
    reference_beside,
    void_workloads,
)
from stackmatrix.analysis.comparison.verdicts import Estimate
from stackmatrix.analysis.metrics import COST, METRICS, Metric
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.conditions import machine_differences
from stackmatrix.results.model import Result


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A figure of which no word is said, why, and what it was on either side."""

    cell: Cell
    metric: Metric
    reason: str
    base: Estimate | None
    head: Estimate | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """All in which two states of one machine's results differ.

    ``compared`` are the cells with other blocks on either side, ``alike`` those with the same, and to ``grown`` ones
    blocks were added under the same conditions. ``void`` is by workload, ``unlike`` what the machine differs in.
    """

    base: Mapping[Cell, Result]
    head: Mapping[Cell, Result]
    changes: tuple[Change, ...]
    unsaid: tuple[Unsaid, ...]
    compared: tuple[Cell, ...]
    alike: tuple[Cell, ...]
    grown: tuple[Cell, ...]
    void: Mapping[str, str]
    unlike: tuple[str, ...]

    @property
    def came(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.head if cell not in self.base)

    @property
    def went(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.base if cell not in self.head)


def compare_states(base: Iterable[Result], head: Iterable[Result], *, across: bool = False) -> Recorded:
    """What two states of one machine's results say of each other; ``across`` machines only by their ratios."""
    sides = _Sides.of(base, head, across=across)
    same, grown, compared = sides.sort()
    changes: list[Change] = []
    unsaid: list[Unsaid] = []
    void = {name: reason for each in sides.voids for name, reason in each.items()}
    for workload in dict.fromkeys(cell.workload for cell in compared):
        cells, why = [cell for cell in compared if cell.workload == workload], None
        for metric in METRICS:
            # The cost comes first: where its control fails, nothing else is said of the workload either.
            drawn = {cell: why or sides.draw(cell, metric) for cell in cells if cell.control is None or metric is COST}
            decided, failed = decide([one for one in drawn.values() if isinstance(one, Samples)])
            why = why or failed
            changes += [one for one in decided if one.samples.cell.control is None and failed is None]
            reasons = {cell: failed if isinstance(one, Samples) else one for cell, one in drawn.items()}
            unsaid += [sides.unsaid(cell, metric, reason) for cell, reason in reasons.items() if reason is not None]
        void |= {workload: why} if why else {}
    return Recorded(
        base=_shown(sides.states[0]),
        head=_shown(sides.states[1]),
        changes=tuple(changes),
        unsaid=tuple(one for one in unsaid if one.cell.control is None and (one.base or one.head)),
        compared=tuple(cell for cell in compared if cell.control is None),
        alike=tuple(cell for cell in same if cell.control is None),
        grown=tuple(cell for cell in grown if cell.control is None),
        void=void,
        unlike=_unlike(sides.states, compared),
    )


@dataclass(frozen=True, slots=True)
class _Sides:
    """Both states: their cells that have figures, the workloads that are void, and the cells that both have."""

    states: tuple[Mapping[Cell, Result], Mapping[Cell, Result]]
    voids: tuple[Mapping[str, str], Mapping[str, str]]
    common: Sequence[Cell]
    across: bool

    @classmethod
    def of(cls, base: Iterable[Result], head: Iterable[Result], *, across: bool) -> "_Sides":
        one, other = ({each.cell: each for each in some if each.has_figures} for some in (base, head))
        common = [cell for cell in in_order(one) if cell in other]
        return cls((one, other), (void_workloads(one.values()), void_workloads(other.values())), common, across)

    def sort(self) -> tuple[list[Cell], list[Cell], list[Cell]]:
        """Cells with the same blocks on both sides, with some the same, and with none: only these are compared."""
        same: list[Cell] = []
        grown: list[Cell] = []
        compared: list[Cell] = []
        for cell in self.common:
            one, other = ({(type(block), block.key) for block in state[cell].blocks} for state in self.states)
            kind = same if one == other else grown if one & other else compared
            if kind is not compared or cell.control in {None, "twin"}:
                kind.append(cell)
        return same, grown, compared

    def draw(self, cell: Cell, metric: Metric) -> Samples | str:
        beside = reference_beside(cell, self.common)
        before, after = (
            Measured(state[cell], state.get(beside) if beside else None, void.get(cell.workload))
            for state, void in zip(self.states, self.voids, strict=True)
        )
        return draw(metric, before, after, across=self.across)

    def unsaid(self, cell: Cell, metric: Metric, reason: str) -> Unsaid:
        values = [metric.usable(state[cell]) for state in self.states]
        base, head = (mean_of(metric, one) if one else None for one in values)
        return Unsaid(cell, metric, reason, base, head)


def _shown[Kept](cells: Mapping[Cell, Kept]) -> dict[Cell, Kept]:
    """Without the controls, which are cells of the run and not of a user."""
    return {cell: kept for cell, kept in cells.items() if cell.control is None}


def _unlike(states: Sequence[Mapping[Cell, Result]], cells: Iterable[Cell]) -> tuple[str, ...]:
    """What the machine or the way of measuring differs in; empty where they are alike of any cell."""
    found: tuple[str, ...] = ()
    for cell in cells:
        one, other = (state[cell].conditions for state in states)
        found = machine_differences(one, other) if one and other else ()
        if not found:
            return ()
    return found
