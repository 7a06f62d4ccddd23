"""Each page's own figures over the blocks of a cell, of a workload with several pages. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stackmatrix.analysis.level.latency import pooled_percentiles
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.ramps import PageLoad, ReferenceLoad


@dataclass(frozen=True, slots=True)
class PageFigures:
    """One page of a cell: what was asked, failed and took how long at the reference rate, pooled over its ramps.

    There are no ``times`` without one response. ``side_by_side`` are the correct responses in cost blocks.
    """

    name: str
    requests: int
    failures: int
    times: LatencyMs | None
    side_by_side: int


def page_figures(loads: Sequence[ReferenceLoad], blocks: Sequence[CostBlock]) -> tuple[PageFigures, ...]:
    """Every page's figures, in the order of the workload; nothing where it has one page. All blocks are valid ones."""
    names = dict.fromkeys(page.page for load in loads for page in load.pages)
    names |= dict.fromkeys(name for block in blocks for name in block.answered_by_page)
    answered: Counter[str] = Counter()
    for block in blocks:
        answered.update(block.answered_by_page)
    return tuple(
        _figures(name, [one for load in loads for one in load.pages if one.page == name], answered[name])
        for name in names
    )


def _figures(name: str, loads: Sequence[PageLoad], side_by_side: int) -> PageFigures:
    histograms = [load.latency_histogram for load in loads if load.latency_histogram is not None]
    return PageFigures(
        name=name,
        requests=sum(load.requests for load in loads),
        failures=sum(sum(load.failures.values()) for load in loads),
        times=pooled_percentiles(histograms) if histograms else None,
        side_by_side=side_by_side,
    )
