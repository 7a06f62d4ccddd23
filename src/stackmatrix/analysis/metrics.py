"""The table of metrics by which cells are compared: one number of each block, and the direction in which it is better.

A metric is taken from valid levels and probes only; a block without them has none, and does not count for it. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stackmatrix.analysis.comparison.verdicts import LEAST_MARGIN
from stackmatrix.matrix.objectives import HEADLINE_MS, SLOS_MS
from stackmatrix.results.model import Result
from stackmatrix.results.trials import Trial

COMPARE_USERS = 10
"""Users at which cost is compared: enough requests to count, below saturation but for two threads."""
REFERENCE_LEVEL = f"users={COMPARE_USERS}"
"""The level at which cost is shown and compared."""
PRECISE_RATIO = 0.025
"""Half of a 95 % interval that is narrow enough to tell differences of 5 %."""
CAPACITY_MARGIN = 0.05
"""A step of the grid on which a capacity is searched: two that differ by one step may be the same."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a block; ``of`` gives it by block. Ratios are compared, or differences where it may be near zero.

    ``least_margin`` is of the logarithm of a ratio, or in the metric's unit; so is ``precision``, to which half of an
    interval has to come before a run that stops on precision may stop. ``None``: it does not wait for this metric.
    One that ``is_minor`` is shown only in the interactive report, where it can be chosen.
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


def metrics_of(compare_rate: float, floor_ms: float) -> tuple[Metric, ...]:
    """The metrics of trials, on a workload with this floor whose latencies are compared at this rate of arrivals."""

    def cpu(trial: Trial) -> float | None:
        return next((level.cpu_ms for level in trial.valid if level.users == COMPARE_USERS), None)

    def open_cpu(trial: Trial) -> float | None:
        return next((level.cpu_ms for level in trial.valid if level.rate == compare_rate), None)

    def overhead(trial: Trial) -> float | None:
        found = (level for level in trial.valid if level.rate == compare_rate and level.overhead_ms is not None)
        return next((level.overhead_p95_ms for level in found), None)

    at_rate = f"at {compare_rate:g} arrivals/s"
    return (
        Metric(PLATEAU, "Plateau", "requests/s", _plateaus, higher_is_better=True, precision=PRECISE_RATIO),
        Metric(CPU, f"CPU per request at {COMPARE_USERS} users", "ms", _by_block(cpu), precision=PRECISE_RATIO),
        Metric("open_cpu", f"CPU per request {at_rate}", "ms", _by_block(open_cpu)),
        Metric(
            name="overhead",
            title=f"p95 above the floor {at_rate}",
            unit="ms",
            of=_by_block(overhead),
            is_difference=True,
            least_margin=LEAST_MARGIN * floor_ms,
            precision=PRECISE_RATIO * floor_ms,
        ),
        Metric("memory", "Peak memory", "MB", _by_block(lambda trial: trial.memory_mb), better="less", worse="more"),
    )


PLATEAU, CPU = "plateau", "cpu"
"""Names of metrics that pages choose from."""


def _plateaus(result: Result) -> dict[int, float]:
    """Nothing where only its users limited the cell in every block: its plateau is then higher than what was seen."""
    closed = {trial.block: [one for one in trial.valid if one.model == "closed"] for trial in result.trials}
    best = {block: max(levels, key=lambda one: one.throughput_rps or 0.0) for block, levels in closed.items() if levels}
    if all(level.limiter == "users" for level in best.values()):
        return {}
    return {block: level.throughput_rps or 0.0 for block, level in best.items()}


def _by_block(of_trial: Callable[[Trial], float | None]) -> Callable[[Result], dict[int, float]]:
    return lambda result: {trial.block: value for trial in result.trials if (value := of_trial(trial)) is not None}


def _capacity(slo_ms: float) -> Metric:
    def held(result: Result) -> dict[int, float]:
        found = result.capacity.under(slo_ms) if result.capacity is not None else None
        blocks = found.blocks if found is not None else ()
        # Where a block met it at no rate there is no ratio, and without that block it would look better than it is.
        return {} if 0 in blocks else {place: rate for place, rate in enumerate(blocks) if rate is not None}

    return Metric(
        name=f"capacity_{slo_ms:g}",
        title=f"Capacity with p99 within {slo_ms:g} ms",
        unit="arrivals/s",
        of=held,
        higher_is_better=True,
        least_margin=CAPACITY_MARGIN,
        better="more",
        worse="less",
        is_minor=slo_ms != HEADLINE_MS,
    )


COST = Metric(
    name="cost",
    title="CPU per request side by side",
    unit="ms",
    of=lambda result: result.cost.values if result.cost is not None else {},
)
"""By the blocks of its own run, in which all cells were up at once."""

CAPACITIES = tuple(map(_capacity, SLOS_MS))
"""The capacity under each SLO, by the blocks of its own run."""
CAPACITY = next(one for one in CAPACITIES if not one.is_minor)
"""The capacity under the SLO of the headline."""
