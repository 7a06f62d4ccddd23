"""The figures that cells are compared by: each is one number of a block, with the direction in which it is better.

A figure is taken from valid levels and probes only; a block without them has none, and does not count for it. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stackmatrix.analysis.comparison.verdicts import LEAST_MARGIN
from stackmatrix.matrix.objectives import HEADLINE_MS, SLOS_MS
from stackmatrix.results.model import Level, Result, Trial

COMPARE_USERS = 10
"""Users at which cost is compared: enough requests to count, below saturation but for two threads."""
PRECISE_RATIO = 0.025
"""Half of a 95 % interval that is narrow enough to tell differences of 5 %."""
CAPACITY_MARGIN = 0.05
"""A step of the grid on which a capacity is searched: two that differ by one step may be the same."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a block, and ``of`` gives it by block. Ratios are compared; differences where it may be near zero.

    ``least_margin`` is of the logarithm of a ratio, or in the figure's unit; so is ``precision``, to which half of an
    interval has to come before a run that stops on precision may stop. ``None``: it does not wait for this figure.
    One that ``is_minor`` is told in the report only, where it can be chosen.
    """

    name: str
    title: str
    unit: str
    of: Callable[[Result], dict[int, float]]
    higher_is_better: bool = False
    is_difference: bool = False
    least_margin: float = LEAST_MARGIN
    precision: float | None = None
    better: str = "faster"
    worse: str = "slower"
    is_minor: bool = False


def figures_of(compare_rate: float, floor_ms: float) -> tuple[Figure, ...]:
    """The figures of a workload with this floor, whose latencies are compared at so many arrivals per second."""

    def cpu(trial: Trial) -> float | None:
        return next((_cpu_ms(level) for level in _valid(trial) if level.users == COMPARE_USERS), None)

    def open_cpu(trial: Trial) -> float | None:
        return next((_cpu_ms(level) for level in _valid(trial) if level.rate == compare_rate), None)

    def overhead(trial: Trial) -> float | None:
        found = (level.overhead_ms for level in _valid(trial) if level.rate == compare_rate)
        return next((one.p95 for one in found if one is not None), None)

    def memory(trial: Trial) -> float | None:
        found = (level.target.rss_bytes_peak for level in _valid(trial) if level.target is not None)
        return max((rss / 1e6 for rss in found if rss), default=None)

    at_rate = f"at {compare_rate:g} arrivals/s"
    return (
        Figure("plateau", "Plateau", "requests/s", _plateaus, higher_is_better=True, precision=PRECISE_RATIO),
        Figure("cpu", f"CPU per request at {COMPARE_USERS} users", "ms", _of_trials(cpu), precision=PRECISE_RATIO),
        Figure("open_cpu", f"CPU per request {at_rate}", "ms", _of_trials(open_cpu)),
        Figure(
            name="overhead",
            title=f"p95 above the floor {at_rate}",
            unit="ms",
            of=_of_trials(overhead),
            is_difference=True,
            least_margin=LEAST_MARGIN * floor_ms,
            precision=PRECISE_RATIO * floor_ms,
        ),
        Figure("memory", "Peak memory", "MB", _of_trials(memory), better="less", worse="more"),
    )


def _plateaus(result: Result) -> dict[int, float]:
    """None where nothing but its users limited the cell in any block: what it can do is then more than was seen."""
    closed = {trial.block: [one for one in _valid(trial) if one.model == "closed"] for trial in result.trials}
    best = {block: max(levels, key=lambda one: one.throughput_rps or 0.0) for block, levels in closed.items() if levels}
    if all(level.limiter == "users" for level in best.values()):
        return {}
    return {block: level.throughput_rps or 0.0 for block, level in best.items()}


def _of_trials(figure: Callable[[Trial], float | None]) -> Callable[[Result], dict[int, float]]:
    return lambda result: {trial.block: value for trial in result.trials if (value := figure(trial)) is not None}


def capacity_name(slo_ms: float) -> str:
    """The name of the figure that tells the capacity under an SLO."""
    return f"capacity_{slo_ms:g}"


def _capacity(slo_ms: float) -> Figure:
    def held(result: Result) -> dict[int, float]:
        sustained = result.capacity.sustained if result.capacity is not None else ()
        blocks = next((one.blocks for one in sustained if one.slo_ms == slo_ms), ())
        # Where a block met it at no rate there is no ratio, and without that block it would look better than it is.
        return {} if 0 in blocks else {place: rate for place, rate in enumerate(blocks) if rate is not None}

    return Figure(
        name=capacity_name(slo_ms),
        title=f"Capacity with p99 within {slo_ms:g} ms",
        unit="arrivals/s",
        of=held,
        higher_is_better=True,
        least_margin=CAPACITY_MARGIN,
        better="more",
        worse="less",
        is_minor=slo_ms != HEADLINE_MS,
    )


def _side_by_side(result: Result) -> dict[int, float]:
    return result.cost.values if result.cost is not None else {}


COST_FIGURE = Figure("cost", "CPU per request side by side", "ms", _side_by_side)
"""By the blocks of its own run, in which all cells were up at once."""

CAPACITY_FIGURES = tuple(map(_capacity, SLOS_MS))
"""The capacity under each SLO, by the blocks of its own run."""


def _valid(trial: Trial) -> Iterator[Level]:
    return (level for level in trial.levels if level.validity == "valid")


def _cpu_ms(level: Level) -> float | None:
    return None if level.target is None else level.target.cpu_ms_per_request
