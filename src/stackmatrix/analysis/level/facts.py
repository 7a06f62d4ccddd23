"""The facts of a level that was driven, from which the checks, the limiter and the metrics are computed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level import throughput
from stackmatrix.analysis.level.latency import percentile
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Surroundings, Use
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.stacks import Stack
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.findings import Finding

UNSATURATED_SHARE = 0.9
"""From this share of the offered load on, a level is bounded by what was offered."""

MOST_REASONS = 3
"""Why answers were not right, that a sentence names: the rest is mostly the same."""

NOTHING_READ = Surroundings()


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a fixed CPU loop took on the target's idle core: around a level, and in the run until then.

    A level's own readings are not among the run's: a core that has just become slow must not make that usual.
    """

    before_s: float
    after_s: float
    of_run_s: tuple[float, ...]

    @property
    def usual_s(self) -> float:
        """The run's median."""
        return median(self.of_run_s)


USUAL_PERCENT = 95
"""Of the readings; those that are further off, whichever way, are unusual."""


def unrest(readings: Sequence[float]) -> float:
    """How far readings usually are from their median, as a share of it: the 95th percentile of what they are off."""
    middle = median(readings)
    return percentile(sorted(abs(one / middle - 1) for one in readings), USUAL_PERCENT)


def largest_deviation(readings: Sequence[float]) -> float:
    """The largest deviation from the median, as a share of it."""
    middle = median(readings)
    return max(abs(one / middle - 1) for one in readings)


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """What was not right about an answer: the place of the target that gave it, and the page and why, in words."""

    target: int
    words: str


@dataclass(frozen=True, slots=True)
class RecorderTally:
    """Requests that the recorder kept and that locust counted, and exceptions that locust only logged.

    ``wrong`` are the first reasons why answers were not right, each once.
    """

    recorded: int
    counted: int
    exceptions: int
    wrong: tuple[WrongAnswer, ...] = ()

    def why_wrong(self, target: int | None = None) -> str:
        """The first reasons, of one target or of all, as a sentence's end; empty where there are none."""
        words = dict.fromkeys(one.words for one in self.wrong if target in {None, one.target})
        return "; ".join(list(words)[:MOST_REASONS])


@dataclass(frozen=True)
class LevelFacts:
    """Facts of one level. ``planned`` is the number of arrivals that an open level's plan has in the window.

    ``named`` is what the application of its only target raised, with why, the most frequent kind first.
    """

    plan: LoadLevel
    workload: Workload
    stack: Stack
    rows: LevelRows
    uses: Mapping[str, Use]
    api_before: ApiFigures | None
    api_after: ApiFigures | None
    target_pids_verified: tuple[int, ...]
    target_pids_now: tuple[int, ...]
    around: Surroundings = NOTHING_READ
    pace: Pace | None = None
    recorded: RecorderTally | None = None
    named: tuple[Finding, ...] = ()
    planned: int | None = None

    @property
    def bound_rps(self) -> float:
        """The physical bound of a closed level, or the offered rate of an open one."""
        if self.plan.model == "open":
            return self.plan.value
        return throughput.bound_rps(int(self.plan.value), self.stack.slots, self.workload.unloaded_ms)

    @property
    def saturated(self) -> bool:
        """Whether the offered load was more than the target could take."""
        return is_saturated(
            self.plan, throughput.throughput_rps(self.rows), self.workload.unloaded_ms, self.planned_rate
        )

    @property
    def planned_rate(self) -> float | None:
        """The rate that the plan of an open level has in its window: a Poisson process draws it around its rate."""
        return None if self.planned is None else self.planned / self.rows.window_s


def is_saturated(plan: LoadLevel, throughput_rps: float, unloaded_ms: float, planned_rate: float | None = None) -> bool:
    """Whether a target with this throughput was offered more than it could take."""
    return throughput_rps < UNSATURATED_SHARE * offered_rps(plan, unloaded_ms, planned_rate)


def offered_rps(plan: LoadLevel, unloaded_ms: float, planned_rate: float | None = None) -> float:
    """The highest rate that a load can have: of users that wait for each answer, or of its arrivals."""
    offered = plan.offered_rps(unloaded_ms)
    return offered if planned_rate is None or plan.model == "closed" else min(offered, planned_rate)
