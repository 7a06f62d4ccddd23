"""How often the inference is wrong, and how soon it is sure, where the truth is known: made-up runs, counted. Pure.

``python -m stackmatrix.analysis.comparison.simulate`` prints the figures that the pages quote; tests hold them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from stackmatrix.analysis.comparison.inference import Inference, infer
from stackmatrix.analysis.comparison.looks import AT_THREE, GOING_ON, Spending
from stackmatrix.analysis.comparison.moderation import Array
from stackmatrix.matrix.profiles import LOOKS, MOST_BLOCKS

REST = 0.016
"""The standard deviation of what the block model leaves over, of logarithms, as it was measured on a noisy guest."""
BLOCK = 0.05
"""That of the blocks' own effects."""
MATTERS = 0.03
RATIOS = (0.94, 1.0, 1.36, 1.42, 1.89, 1.0)
"""Costs of six stacks against the reference, near those that were measured."""
PYTHONS = (0.98, 0.97, 0.96, 0.95, 0.94, 0.96)
"""And each on the newer Python against the older."""
PLANTED = 1.06


@dataclass(frozen=True, slots=True)
class Design:
    """Stacks on Pythons with the two controls of the last cell of the first stack, and what is compared."""

    stacks: int
    pythons: int
    all_pairs: bool = True
    pairs: tuple[tuple[int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        stacks, pythons = self.stacks, self.pythons
        among = combinations(range(stacks), 2) if self.all_pairs else [(0, stack) for stack in range(1, stacks)]
        told = [
            (stack + python * stacks, other + python * stacks) for other, stack in among for python in range(pythons)
        ]
        told += [(cell, cell - stacks) for cell in range(stacks, stacks * pythons)]
        told += [(self.cells - 2, self.reference), (self.cells - 1, self.reference)]
        object.__setattr__(self, "pairs", tuple(told))

    @property
    def cells(self) -> int:
        return self.stacks * self.pythons + 2

    @property
    def reference(self) -> int:
        return self.stacks * (self.pythons - 1)


@dataclass(frozen=True, slots=True)
class Noise:
    """How the rest behaves.

    ``noisier`` are cells with how many times as noisy they are, ``missing`` the share of values that were invalid.
    ``heavy_tails`` draws from Student's t with five degrees of freedom, ``uneven`` gives each cell a noise of its own,
    lognormal about the usual, with this standard deviation of its logarithm.
    """

    noisier: tuple[tuple[int, float], ...] = ()
    missing: float = 0.0
    heavy_tails: bool = False
    uneven: float = 0.0


@dataclass
class Tally:
    """What was counted over ``runs``: shares of runs with any wrong word, and of runs in which a pair was decided."""

    runs: int
    wrong: int = 0
    wrong_same: int = 0
    missed: int = 0
    decided: dict[tuple[int, int], list[int | None]] = field(default_factory=dict)

    @property
    def wrong_share(self) -> float:
        """Of runs that called any pair better or worse that is not, or the other way round."""
        return self.wrong / self.runs

    @property
    def wrong_same_share(self) -> float:
        """Of runs that called any pair the same that differs by what matters, or more."""
        return self.wrong_same / self.runs

    @property
    def missed_share(self) -> float:
        """Of runs in which any interval missed what is true."""
        return self.missed / self.runs

    def decided_by(self, pair: tuple[int, int], blocks: int) -> float:
        """The share of runs in which a pair was decided after so many blocks, or fewer."""
        return sum(after is not None and after <= blocks for after in self.decided[pair]) / self.runs

    def decided_after(self, pair: tuple[int, int], share: float = 0.9) -> int | None:
        """After how many blocks a pair is decided in this share of runs."""
        return next((look for look in LOOKS if self.decided_by(pair, look) >= share), None)


def truth_of(design: Design) -> Array:
    """Logarithms of the cells' costs, with the planted cost on the last."""
    ratios = [RATIOS[stack % len(RATIOS)] for stack in range(design.stacks)]
    factors = [1.0, *(PYTHONS[stack] for stack in range(design.stacks))]
    costs = [
        ratios[stack] * (factors[stack + 1] ** python)
        for python in range(design.pythons)
        for stack in range(design.stacks)
    ]
    reference = costs[design.reference]
    return np.log([*costs, reference, reference * PLANTED])


def simulate(
    design: Design,
    truth: Array,
    noise: Noise,
    runs: int,
    *,
    races: bool = False,
    spending: Spending = GOING_ON,
    seed: int = 1,
) -> Tally:
    """Judge so many made-up runs of as many blocks as the last look has, from a seed.

    One that ``races`` lets cells leave once all of their comparisons are decided.
    """
    generator = np.random.default_rng(seed)
    tally, margin = Tally(runs, decided={pair: [] for pair in design.pairs}), math.log1p(MATTERS)
    for _ in range(runs):
        table = truth[:, None] + _draw(design.cells, noise, generator)
        told = _race(table, design) if races else infer(table, design.pairs, margin, spending=spending).pairs
        _count(tally, design, truth, told, margin)
    return tally


def _draw(cells: int, noise: Noise, generator: np.random.Generator) -> Array:
    """Cells by blocks: the blocks' effects and the rest."""
    shape = (cells, MOST_BLOCKS)
    rest = generator.standard_t(5, shape) * math.sqrt(3 / 5) if noise.heavy_tails else generator.normal(size=shape)
    widths = np.exp(generator.normal(0, noise.uneven, (cells, 1))) * REST
    for cell, times in noise.noisier:
        widths[cell] *= times
    drawn = rest * widths + generator.normal(0, BLOCK, MOST_BLOCKS)
    drawn[generator.random(shape) < noise.missing] = np.nan
    return np.asarray(drawn, dtype=float)


def _race(table: Array, design: Design) -> tuple[Inference, ...]:
    """Judge look by look, and take each cell out of the blocks that follow once nothing of it is open."""
    table, told = table.copy(), tuple[Inference, ...]()
    for look in LOOKS:
        told = infer(table[:, :look], design.pairs, math.log1p(MATTERS)).pairs
        still = {
            cell for pair, one in zip(design.pairs, told, strict=True) if one.finding == "undecided" for cell in pair
        }
        stay = still | {design.reference, design.cells - 2, design.cells - 1}
        table[[cell for cell in range(design.cells) if cell not in stay], look:] = np.nan
    return told


def _count(tally: Tally, design: Design, truth: Array, told: Sequence[Inference], margin: float) -> None:
    wrong = same = missed = False
    for (cell, other), one in zip(design.pairs, told, strict=True):
        true = float(truth[cell] - truth[other])
        wrong |= (one.finding == "more" and true <= 0) or (one.finding == "less" and true >= 0)
        same |= one.finding == "same" and abs(true) >= margin
        missed |= one.low is not None and one.high is not None and not one.low <= true <= one.high
        tally.decided[cell, other].append(one.decided_after)
    tally.wrong += wrong
    tally.wrong_same += same
    tally.missed += missed


NOISES = {
    "all cells alike": Noise(),
    "one cell three times as noisy": Noise(noisier=((3, 3.0),)),
    "the reference three times as noisy": Noise(noisier=((6, 3.0),)),
    "noise uneven among cells (0.4)": Noise(uneven=0.4),
    "heavy tails": Noise(heavy_tails=True),
    "one value of ten missing": Noise(missing=0.1),
}
WIDE, FEWER = Design(6, 2), Design(6, 2, all_pairs=False)
"""Six stacks on two Pythons: all stacks with each other, or each with the first only."""


def main(runs: int = 2_000) -> None:
    """Print sizes and power."""
    print(
        f"Rest {REST:.1%}, blocks {BLOCK:.0%}, looks after {LOOKS}; shares of {runs} runs, a fourth where cells differ."
    )
    print("\nAny wrong word where nothing differs:")
    for name, noise in NOISES.items():
        _print_size(WIDE, name, noise, runs)
    for few in (Design(1, 1), Design(1, 2), Design(2, 2)):
        _print_size(few, "all cells alike", Noise(), runs)
        _print_size(few, "the reference three times as noisy", Noise(noisier=((few.reference, 3.0),)), runs)
    print("The same, where most of the error is spent at three blocks, as of ramps and counts:")
    for design in (WIDE, Design(1, 1)):
        for noise in NOISES.values() if design == WIDE else (Noise(), Noise(noisier=((0, 3.0),))):
            share = simulate(design, np.zeros(design.cells), noise, runs // 4, spending=AT_THREE).wrong_share
            print(f"  {design.cells} cells: {share:.1%}")
    tally = simulate(WIDE, at_the_edge(WIDE), Noise(), runs)
    print(f'\nAny "same" where cells differ by just what matters: {tally.wrong_same_share:.1%}')
    for design in (WIDE, FEWER):
        for races in (False, True):
            tally = simulate(design, truth_of(design), Noise(), runs // 4, races=races)
            _print_power(design, tally, "cells leave when decided" if races else "all cells stay")


def at_the_edge(design: Design) -> Array:
    """Every other cell differs from those between by just what matters."""
    return np.asarray(np.arange(design.cells) % 2 * math.log1p(MATTERS), dtype=float)


def _print_size(design: Design, name: str, noise: Noise, runs: int) -> None:
    tally = simulate(design, np.zeros(design.cells), noise, runs)
    print(f"  {design.cells} cells, {len(design.pairs)} comparisons, {name}: {tally.wrong_share:.1%}")


def _print_power(design: Design, tally: Tally, name: str) -> None:
    print(
        f"\n{design.cells} cells, {len(design.pairs)} comparisons, {name}: wrong word {tally.wrong_share:.1%}, wrong "
        f'"same" {tally.wrong_same_share:.1%}, an interval that misses {tally.missed_share:.1%}'
    )
    truth, at_once = truth_of(design), 0
    for pair in sorted(design.pairs, key=lambda one: abs(truth[one[0]] - truth[one[1]])):
        if tally.decided_after(pair) == LOOKS[0]:
            at_once += 1
            continue
        shares = " ".join(f"{look}: {tally.decided_by(pair, look):.0%}" for look in LOOKS)
        print(f"  a true {math.expm1(truth[pair[0]] - truth[pair[1]]):+.1%} is decided after {shares}")
    print(f"  {at_once} larger ones are decided after {LOOKS[0]} in nine of ten runs")


if __name__ == "__main__":
    main()
