"""THE table of metrics: every number that is compared, of what it is taken, which way is better, and what matters.

A metric gives one number of each valid block; a block without it does not count for it. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from stackmatrix.results.blocks import BlockKey
from stackmatrix.results.model import Result

type Values = Mapping[BlockKey, float]
type Kind = Literal["cost", "ramp", "counts"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a block, which ``of`` gives by block, in ``unit``. Ratios are compared, or differences in the unit.

    ``matters`` is the difference that matters, fixed before any run: as a share of the value, or in the unit. ``kind``
    is the kind of measurement that gives it. ``better`` and ``worse`` are its words: the one of "27 % more CPU".
    ``headline`` metrics are what a run goes on for until they are decided.
    """

    name: str
    title: str
    unit: str
    digits: int
    kind: Kind
    of: Callable[[Result], Values]
    matters: float
    higher_is_better: bool = False
    is_difference: bool = False
    more: str = "more"
    less: str = "less"
    headline: bool = False

    def usable(self, result: Result) -> Values:
        """The values that can be compared: zero has no logarithm, and is no measurement of what is a ratio."""
        return {key: one for key, one in self.of(result).items() if self.is_difference or one > 0}


def _cost(result: Result) -> Values:
    return {
        block.key: block.cpu_ms_per_request
        for block in result.cost
        if block.is_valid and block.cpu_ms_per_request is not None
    }


def _holds(result: Result) -> Values:
    """Of a cell that no ramp left unstopped: the highest rate is a bound of what it holds, and no value."""
    ramps = [ramp for ramp in result.ramps if ramp.is_valid]
    if any(ramp.is_unstopped for ramp in ramps):
        return {}
    return {ramp.key: ramp.holds for ramp in ramps if ramp.holds}


def _p95(result: Result) -> Values:
    return {
        ramp.key: ramp.reference.latency_ms.p95
        for ramp in result.ramps
        if ramp.is_valid and ramp.reference and ramp.reference.latency_ms and ramp.reference.latency_ms.p95 is not None
    }


def _memory(result: Result) -> Values:
    return {
        ramp.key: ramp.reference.pss_bytes / 1e6
        for ramp in result.ramps
        if ramp.is_valid and ramp.reference and ramp.reference.pss_bytes
    }


def _instructions(in_flight: int) -> Callable[[Result], Values]:
    def counted(result: Result) -> Values:
        return {
            block.key: value / 1e6
            for block in result.counts
            if block.is_valid and (value := block.at(in_flight)) is not None
        }

    return counted


COST = Metric(
    "cpu", "CPU time per request", "ms", 2, "cost", _cost, 0.03, more="more CPU", less="less CPU", headline=True
)
HOLDS = Metric("holds", "Arrivals per second that it holds", "/s", 0, "ramp", _holds, 0.10, higher_is_better=True)
P95 = Metric(
    "p95", "p95 at the reference rate", "ms", 0, "ramp", _p95, 2.0, is_difference=True, more="later", less="sooner"
)
MEMORY = Metric("memory", "Memory (PSS) at the reference rate", "MB", 0, "ramp", _memory, 0.05)
INSTRUCTIONS = Metric(
    "instructions", "Instructions per request", "million", 2, "counts", _instructions(1), 0.01, less="fewer"
)
INSTRUCTIONS_20 = Metric(
    "instructions_20",
    "Instructions per request, 20 in flight",
    "million",
    2,
    "counts",
    _instructions(20),
    0.01,
    less="fewer",
)

METRICS = (COST, HOLDS, P95, MEMORY, INSTRUCTIONS, INSTRUCTIONS_20)
