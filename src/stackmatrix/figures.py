"""The figures that cells are compared by: each is one number of a trial, with the direction in which it is better.

A figure is taken from valid levels only; a trial without them has none, and its block does not count for it. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stackmatrix.model import Level, Trial
from stackmatrix.verdicts import LEAST_MARGIN

COMPARE_USERS = 10
"""Users at which cost is compared: enough requests to count, below saturation but for two threads."""
PRECISE_RATIO = 0.025
"""Half of a 95 % interval that is narrow enough to tell differences of 5 %."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a trial. Ratios are compared, or ``is_difference`` where it may be near zero.

    ``least_margin`` is of the logarithm of a ratio, or in the figure's unit; so is ``precision``, to which half of an
    interval has to come before a run that stops on precision may stop. ``None``: it does not wait for this figure.
    """

    name: str
    title: str
    unit: str
    of: Callable[[Trial], float | None]
    higher_is_better: bool = False
    is_difference: bool = False
    least_margin: float = LEAST_MARGIN
    precision: float | None = None
    better: str = "faster"
    worse: str = "slower"


def figures_of(compare_rate: float, floor_ms: float) -> tuple[Figure, ...]:
    """The figures of a workload with this floor, whose latencies are compared at so many arrivals per second."""

    def plateau(trial: Trial) -> float | None:
        return max((level.throughput_rps or 0.0 for level in _valid(trial) if level.model == "closed"), default=None)

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
        Figure("plateau", "Plateau", "requests/s", plateau, higher_is_better=True, precision=PRECISE_RATIO),
        Figure("cpu", f"CPU per request at {COMPARE_USERS} users", "ms", cpu, precision=PRECISE_RATIO),
        Figure("open_cpu", f"CPU per request {at_rate}", "ms", open_cpu),
        Figure(
            name="overhead",
            title=f"p95 above the floor {at_rate}",
            unit="ms",
            of=overhead,
            is_difference=True,
            least_margin=LEAST_MARGIN * floor_ms,
            precision=PRECISE_RATIO * floor_ms,
        ),
        Figure("memory", "Peak memory", "MB", memory, better="less", worse="more"),
    )


def _valid(trial: Trial) -> Iterator[Level]:
    return (level for level in trial.levels if level.validity == "valid")


def _cpu_ms(level: Level) -> float | None:
    return None if level.target is None else level.target.cpu_ms_per_request
