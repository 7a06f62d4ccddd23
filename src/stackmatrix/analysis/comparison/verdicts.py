"""What is said of two cells, and of a whole family of comparisons: the types that pages and terminals show. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stackmatrix.analysis.metrics import Metric
from stackmatrix.matrix.cells import Cell

type Word = Literal["better", "worse", "same", "undecided"]
"""``better`` and ``worse`` are of the cell against the other, in the direction of the metric."""


MOST_LOGARITHM = 300.0
"""Of a ratio: beyond it, powers have no number. No two figures are so far apart, but those of a broken file may be."""


def bounded(logarithm: float) -> float:
    """A logarithm whose power is a number."""
    return max(-MOST_LOGARITHM, min(logarithm, MOST_LOGARITHM))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval; ``None`` for ends that nothing was said of yet."""

    mid: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """How one comparison stood when the family was looked at after so many blocks: for the picture of it forming.

    The effect is a ratio, or a difference in the metric's unit.
    """

    blocks: int
    effect: Estimate
    word: Word


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cell against another. The effect is their ratio, or the cell less the other in the metric's unit.

    Its interval is simultaneous over the family. ``blocks`` is how many both have; ``decided_after`` is at how many
    blocks the word was found, which then stays. ``smallest_decidable`` is the smallest difference that as many blocks
    decide (of the ratio less one, or in the unit), ``needed`` after how many blocks it will probably be decided, and
    ``None`` where that is not before the last look. ``caution`` says in what else than their names the two differ.
    """

    cell: Cell
    other: Cell
    effect: Estimate
    word: Word
    blocks: int
    decided_after: int | None
    smallest_decidable: float | None
    needed: int | None
    looks: tuple[Look, ...]
    caution: str | None = None

    @property
    def is_decided(self) -> bool:
        return self.word != "undecided"


def worse_by(ratio: Estimate, *, higher_is_better: bool) -> Estimate:
    """By what share of the other a cell is worse, from their ratio; negative where it is better."""
    if not higher_is_better:
        return Estimate(
            ratio.mid - 1,
            None if ratio.low is None else ratio.low - 1,
            None if ratio.high is None else ratio.high - 1,
        )
    low, high = ratio.high, ratio.low
    return Estimate(1 - ratio.mid, None if low is None else 1 - low, None if high is None else 1 - high)


type ControlState = Literal["passed", "failed", "not yet known", "not measured"]


@dataclass(frozen=True, slots=True)
class Controls:
    """The two controls of a workload: the twin must not differ, the planted cost must be found at its known size.

    ``planted_effect`` is the ratio that the planted cost must show.
    """

    twin: Comparison | None
    planted: Comparison | None
    planted_effect: float | None
    state: ControlState
    reason: str | None
    """Why they failed, or what is not yet known, in a sentence."""


@dataclass(frozen=True, slots=True)
class Family:
    """All declared comparisons of one workload by one metric, judged together.

    ``values`` has the mean of each cell over its blocks, in the metric's unit, with the 95 % interval of that cell
    alone. ``rest`` is the standard deviation of what the block model leaves over: of logarithms, or in the unit.
    ``ranks`` are among the stacks on one Python: one more than the number of stacks that are better for sure.
    ``void`` says why the workload's runs prove nothing, where a control failed: then no comparison is decided and
    nothing is ranked. ``refused`` are the declared comparisons that are not made, with the reason. With a ``threshold``
    it is asked whether a cell is worse by as much, as a share of the other, and not only which is better.
    """

    workload: str
    metric: Metric
    blocks: int
    values: Mapping[Cell, Estimate]
    compared: tuple[Comparison, ...]
    ranks: Mapping[Cell, int]
    rest: float | None
    controls: Controls
    void: str | None = None
    refused: tuple[tuple[Cell, Cell, str], ...] = ()
    threshold: float | None = None

    @property
    def open(self) -> tuple[Comparison, ...]:
        """The comparisons that are not decided."""
        return tuple(one for one in self.compared if not self._is_decided(one))

    def _is_decided(self, one: Comparison) -> bool:
        if self.threshold is None or self.metric.is_difference:
            return one.is_decided
        worse = worse_by(one.effect, higher_is_better=self.metric.higher_is_better)
        return worse.low is not None and worse.high is not None and not worse.low <= self.threshold <= worse.high

    def of(self, cell: Cell, other: Cell) -> Comparison | None:
        return next((one for one in self.compared if (one.cell, one.other) == (cell, other)), None)
