"""All families of one machine's results, judged: a run asks after each block, pages when they are made. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean, stdev

import numpy as np
from scipy import special

from stackmatrix.analysis.comparison.comparability import caution, refuse
from stackmatrix.analysis.comparison.contrasts import Contrast, control_contrasts, declared, in_order
from stackmatrix.analysis.comparison.controls import NOT_MEASURED, judge_controls, planted_ratio
from stackmatrix.analysis.comparison.inference import Finding, Inference, infer
from stackmatrix.analysis.comparison.looks import spending_of
from stackmatrix.analysis.comparison.moderation import Array
from stackmatrix.analysis.comparison.verdicts import Comparison, Controls, Estimate, Family, Look, Word, bounded
from stackmatrix.analysis.metrics import METRICS, Metric, Values
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.blocks import BlockKey
from stackmatrix.results.model import Result

CONFIDENCE = 0.95
NOT_TOGETHER = "They were not yet measured in the same blocks, nor beside the same other cells."
CONTRADICTS = "Earlier looks were surer than all blocks bear out, so that only the last one is shown."


def judge(
    results: Sequence[Result],
    *,
    ended: bool = True,
    pairs: Sequence[Contrast] | None = None,
    threshold: float | None = None,
) -> tuple[Family, ...]:
    """Every workload by every metric that two cells or more have, each family judged on its own.

    Until the run has ``ended``, or where it ended early, controls may still be not yet known. Only ``pairs`` are
    compared where they are given, else all that are declared of stacks and Pythons. Where a ``threshold`` is given,
    they are open until it is known on which side of it they lie.
    """
    places = {name: place for place, name in enumerate(WORKLOADS)}
    by_workload: dict[str, dict[Cell, Result]] = {}
    for result in results:
        by_workload.setdefault(result.cell.workload, {})[result.cell] = result
    names = sorted(by_workload, key=lambda name: (places.get(name, len(places)), name))
    families = chain.from_iterable(_judge_workload(name, by_workload[name], pairs, ended=ended) for name in names)
    return tuple(replace(family, threshold=threshold) for family in families)


def _judge_workload(
    workload: str, results: Mapping[Cell, Result], chosen: Sequence[Contrast] | None, *, ended: bool
) -> Iterable[Family]:
    ratios = {cell: ratio for cell, result in results.items() if (ratio := planted_ratio(result)) is not None}
    families, controls = [], NOT_MEASURED
    for metric in METRICS:
        samples = _Samples.of(metric, results)
        if len(samples.cells) < 2:
            continue
        family, of_controls = _judge_family(workload, samples, results, chosen)
        if of_controls:
            controls = judge_controls(of_controls, ratios, family.blocks, ended=ended)
        families.append(family)
    return [_under(controls, family) for family in families]


@dataclass(frozen=True, slots=True)
class _Samples:
    """The values of one metric, by cell and block. ``keys`` are the blocks that two cells or more have, in order.

    Controls are cells of the cost only: what else they have, like memory, was not asked of them.
    """

    metric: Metric
    values: Mapping[Cell, Values]
    keys: Sequence[BlockKey]

    @classmethod
    def of(cls, metric: Metric, results: Mapping[Cell, Result]) -> "_Samples":
        started = {run.id: run.started for result in results.values() for run in result.runs}
        values: dict[Cell, Values] = {}
        for cell in in_order(results):
            of_cell = metric.usable(results[cell])
            if of_cell and (cell.control is None or metric.kind == "cost"):
                values[cell] = of_cell
        counts: dict[BlockKey, int] = {}
        for key in chain.from_iterable(values.values()):
            counts[key] = counts.get(key, 0) + 1
        together = [key for key, count in counts.items() if count > 1]
        return cls(metric, values, sorted(together, key=lambda key: (started.get(key[0], ""), *key)))

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(self.values)

    @property
    def rounds(self) -> tuple[int, ...]:
        """How many blocks there are after each round: one that was made in batches has several."""
        of_keys = [key[:2] for key in self.keys]
        return tuple(place for place in range(1, len(of_keys) + 1) if of_keys[place - 1 : place] != of_keys[place:][:1])

    def table(self) -> Array:
        """Cells by blocks: logarithms, or the values where these are compared as differences; NaN where missing."""
        rows = [[of_cell.get(key, math.nan) for key in self.keys] for of_cell in self.values.values()]
        table = np.asarray(rows, dtype=float).reshape(len(self.values), len(self.keys))
        return table if self.metric.is_difference else np.log(table)

    def estimate(self, cell: Cell) -> Estimate:
        return mean_of(self.metric, self.values[cell])

    def both(self, one: Cell, other: Cell) -> int:
        """The number of blocks that both cells have."""
        return len(self.values[one].keys() & self.values[other].keys())


def mean_of(metric: Metric, values: Values) -> Estimate:
    """The mean of a cell over all its blocks, geometric for ratios, with the 95 % interval of Student's t."""
    scaled = [value if metric.is_difference else math.log(value) for value in values.values()]
    mean, half = fmean(scaled), None
    if len(scaled) >= LOOKS[0]:
        error = stdev(scaled) / math.sqrt(len(scaled))
        half = float(special.stdtrit(len(scaled) - 1, (1 + CONFIDENCE) / 2)) * error
    return estimate_of(metric, mean, None if half is None else mean - half, None if half is None else mean + half)


def _judge_family(
    workload: str, samples: _Samples, results: Mapping[Cell, Result], chosen: Sequence[Contrast] | None
) -> tuple[Family, tuple[Comparison, ...]]:
    """A family, and the comparisons of its controls, which are judged with it."""
    metric, cells = samples.metric, samples.cells
    refused, pairs = [], []
    declares = declared(cells) if chosen is None else [pair for pair in chosen if {*pair} <= {*cells}]
    for cell, other in (*declares, *control_contrasts(cells)):
        reason = refuse(results[cell], results[other])
        if reason is None:
            pairs.append((cell, other))
        else:
            refused.append((cell, other, reason))
    places = {cell: place for place, cell in enumerate(cells)}
    margin = metric.matters if metric.is_difference else math.log1p(metric.matters)
    placed = [(places[cell], places[other]) for cell, other in pairs]
    inferred = infer(samples.table(), placed, margin, samples.rounds, spending_of(metric.kind))
    compared = []
    for pair, one in zip(pairs, inferred.pairs, strict=True):
        if one.estimate is None:
            refused.append((*pair, NOT_TOGETHER))
        else:
            warning = caution(results[pair[0]], results[pair[1]])
            compared.append(_comparison(metric, pair, one, samples.both(*pair), warning))
    stacks = tuple(one for one in compared if one.cell.control is None)
    family = Family(
        workload=workload,
        metric=metric,
        blocks=len(samples.rounds),
        values={cell: samples.estimate(cell) for cell in cells},
        compared=stacks,
        ranks=_ranks(stacks),
        rest=inferred.rest,
        controls=NOT_MEASURED,
        refused=tuple(refused),
    )
    return family, tuple(one for one in compared if one.cell.control is not None)


def _comparison(metric: Metric, pair: Contrast, one: Inference, blocks: int, warning: str | None) -> Comparison:
    assert one.estimate is not None
    looks = (
        Look(seen.blocks, estimate_of(metric, seen.estimate, seen.low, seen.high), word_of(metric, seen.finding))
        for seen in one.looks
    )
    sentences = [sentence for sentence in (warning, CONTRADICTS if one.contradicts else None) if sentence]
    decidable = one.decidable if one.decidable is None or metric.is_difference else math.expm1(bounded(one.decidable))
    return Comparison(
        cell=pair[0],
        other=pair[1],
        effect=estimate_of(metric, one.estimate, one.low, one.high),
        word=word_of(metric, one.finding),
        blocks=blocks,
        decided_after=one.decided_after,
        smallest_decidable=decidable,
        needed=one.needed,
        looks=tuple(looks),
        caution=" ".join(sentences) or None,
    )


def estimate_of(metric: Metric, mid: float, low: float | None, high: float | None) -> Estimate:
    """From the scale of the model, logarithms or the unit, to ratios or the unit."""
    if metric.is_difference:
        return Estimate(mid, low, high)
    ends = (None if end is None else math.exp(bounded(end)) for end in (low, high))
    return Estimate(math.exp(bounded(mid)), *ends)


def word_of(metric: Metric, finding: Finding) -> Word:
    if finding in ("more", "less"):
        return "better" if (finding == "more") == metric.higher_is_better else "worse"
    return "same" if finding == "same" else "undecided"


def _ranks(compared: Iterable[Comparison]) -> Mapping[Cell, int]:
    """One more than the number of stacks on the same Python that are better for sure; none before the first look."""
    ranks: dict[Cell, int] = {}
    for one in compared:
        if one.cell.python == one.other.python and one.effect.low is not None:
            ranks[one.cell] = ranks.get(one.cell, 1) + (one.word == "worse")
            ranks[one.other] = ranks.get(one.other, 1) + (one.word == "better")
    return ranks


def _under(controls: Controls, family: Family) -> Family:
    """A family under its workload's controls: void where they failed."""
    if controls.state != "failed":
        return replace(family, controls=controls)
    return replace(
        family,
        controls=controls,
        compared=tuple(_withdrawn(one) for one in family.compared),
        ranks={},
        void=controls.reason,
    )


def _withdrawn(one: Comparison) -> Comparison:
    looks = tuple(replace(look, word="undecided") for look in one.looks)
    return replace(one, word="undecided", decided_after=None, needed=None, looks=looks)
