"""Instructions per request: from what was counted to a block of a result file, and over a cell's blocks. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec

from stackmatrix.analysis.callgrind import Costs, by_object
from stackmatrix.results.counts import CountBlock, InstructionCount, InstructionShare

HEAVIEST = 12
"""Functions that are kept: on the stacks of the table they make half of the cost and more."""


IDLE_SHARE = 0.003
"""Of what an idle target executes, that a function has at least to be looked at: less is a moment's chance."""


def idle_part(costs: Costs, idle: Costs, times: float) -> float:
    """How many instructions of ``costs`` an idle target would have executed, too.

    ``idle`` was counted of an idle one, in an interval that fits ``times`` into that of ``costs``. A busy event loop
    looks around less often than an idle one. How often it did is shown by the functions that no request needs, so the
    part is at most what ``costs`` has of each function that matters to an idle target.
    """
    total = idle.total()
    known = (
        costs[function] / cost for function, cost in idle.items() if function.object and cost >= IDLE_SHARE * total
    )
    return min([times, *known]) * total


def count_of(in_flight: int, requests: int, costs: Costs, idle: float) -> InstructionCount:
    """Instructions per request, from ``costs`` of so many requests.

    ``idle`` is what the target would have executed in the same time without a request.
    """
    parts = [
        InstructionShare(object=name, instructions=cost / requests) for name, cost in by_object(costs).most_common()
    ]
    functions = [
        InstructionShare(object=function.object, function=function.name, instructions=cost / requests)
        for function, cost in costs.most_common(HEAVIEST)
    ]
    known = any(part.object for part in parts)
    return InstructionCount(
        in_flight=in_flight,
        requests=requests,
        instructions=max(0.0, (costs.total() - idle) / requests),
        idle=idle / requests,
        objects=tuple(parts) if known else (),
        functions=tuple(functions) if known else (),
    )


@dataclass(frozen=True, slots=True)
class CountSummary:
    """A cell's counts at one number of requests in flight, over its blocks.

    ``repeats`` are the instructions per request of each block. Shares are means over the blocks, the heaviest first.
    """

    in_flight: int
    repeats: tuple[float, ...]
    idle: float
    objects: tuple[InstructionShare, ...]
    functions: tuple[InstructionShare, ...]

    @property
    def mean(self) -> float:
        return fmean(self.repeats)


def summarise(blocks: Iterable[CountBlock]) -> tuple[CountSummary, ...]:
    """The valid blocks of a cell by the number of requests in flight, the fewest first."""
    counted: dict[int, list[InstructionCount]] = {}
    for count in (count for block in blocks if block.is_valid for count in block.counts):
        counted.setdefault(count.in_flight, []).append(count)
    return tuple(
        CountSummary(
            in_flight,
            tuple(count.instructions for count in counts),
            fmean(count.idle for count in counts),
            _means(counts, lambda count: count.objects),
            _means(counts, lambda count: count.functions),
        )
        for in_flight, counts in sorted(counted.items())
    )


def _means(
    counts: Sequence[InstructionCount], shares: Callable[[InstructionCount], Sequence[InstructionShare]]
) -> tuple[InstructionShare, ...]:
    """The means of the shares that every count has: one that was not among the heaviest everywhere is not known."""
    known: dict[tuple[str, str | None], list[InstructionShare]] = {}
    for share in (share for count in counts for share in shares(count)):
        known.setdefault((share.object, share.function), []).append(share)
    means = [
        msgspec.structs.replace(some[0], instructions=fmean(one.instructions for one in some))
        for some in known.values()
        if len(some) == len(counts)
    ]
    return tuple(sorted(means, key=lambda one: -one.instructions))
