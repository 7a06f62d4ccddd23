"""What process trees and the machine used, computed from readings of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise


class Role(StrEnum):
    """What takes part in a measurement."""

    TARGET = "target"
    EXTERNAL_API = "external_api"
    GENERATOR = "generator"
    HARNESS = "harness"


SERVICES = "services"
"""What an application needs beside it: its databases, stand-ins for the services that it calls, and more. They are on
the harness's cores."""

FOREIGN_SHARE = 0.05
"""Of a core: more than that used by processes that are not ours, and a level does not count."""
STEAL_SHARE = 0.02
"""Of a core: the same of what the hypervisor gives to others."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Totals of one role's processes at one moment; the CPU time is of all of them since they began.

    ``switches`` are context switches by thread id, where they were read. ``fds_share`` is of the process that has
    used most of its limit on open files; ``None`` where the system reports no limit. ``pss_bytes`` is the proportional
    set size, in which memory that several processes share counts once; ``None`` where it was not read.
    """

    at_s: float
    cpu_s: float
    threads: int
    fds: int
    switches: Mapping[int, int] = field(default_factory=dict)
    fds_share: float | None = None
    pss_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What one role used between two readings.

    ``pss_bytes`` is the proportional set size at the end. ``threads_started`` is the number of threads that were seen
    within the span and not at its beginning; ``None`` where they were not looked for. ``cpu_readings`` are moments of
    the monotonic clock, each with the CPU seconds of the processes since they began. ``context_switches`` is ``None``
    when threads came or went in between: the kernel keeps no total for them. ``busiest_share`` is the CPU share in the
    busiest quarter of the seconds: a saturated closed loop answers in waves, and rests while all its users wait for the
    external API at once.
    """

    wall_s: float
    cpu_s: float
    threads_peak: int
    fds_peak: int
    context_switches: int | None
    busiest_share: float | None = None
    fds_share_peak: float | None = None
    pss_bytes: int | None = None
    threads_started: int | None = None
    cpu_readings: tuple[tuple[float, float], ...] = ()

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time: 1 is one core."""
        return self.cpu_s / self.wall_s


def between(readings: Sequence[Reading], threads_started: int | None = None) -> Use:
    """What was used from the first reading to the last; peaks are over all of them."""
    first, last = readings[0], readings[-1]
    cpu_readings = tuple((reading.at_s, reading.cpu_s) for reading in readings)
    return Use(
        wall_s=last.at_s - first.at_s,
        cpu_s=max(0.0, last.cpu_s - first.cpu_s),
        threads_peak=max(reading.threads for reading in readings),
        fds_peak=max(reading.fds for reading in readings),
        context_switches=switches_between(first.switches, last.switches),
        busiest_share=busiest_share(cpu_readings),
        fds_share_peak=max((one.fds_share for one in readings if one.fds_share is not None), default=None),
        pss_bytes=last.pss_bytes,
        threads_started=threads_started,
        cpu_readings=cpu_readings,
    )


def together(uses: Sequence[Use]) -> Use:
    """What several roles used in the same span; peaks are added as if they had come at once. One alone stays itself.

    Memory that they share with one another counts once, as it does for each; what is unknown of one is unknown of all.
    """
    if len(uses) == 1:
        return uses[0]
    return Use(
        wall_s=max(one.wall_s for one in uses),
        cpu_s=sum(one.cpu_s for one in uses),
        threads_peak=sum(one.threads_peak for one in uses),
        fds_peak=sum(one.fds_peak for one in uses),
        context_switches=None,
        fds_share_peak=max((one.fds_share_peak for one in uses if one.fds_share_peak is not None), default=None),
        pss_bytes=_sum([one.pss_bytes for one in uses]),
        threads_started=_sum([one.threads_started for one in uses]),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def switches_between(first: Mapping[int, int], last: Mapping[int, int]) -> int | None:
    """Context switches between two readings, or ``None`` when the threads are not the same ones."""
    if not first or first.keys() != last.keys():
        return None
    return sum(last.values()) - sum(first.values())


BUSIEST_PART = 0.25


def busiest_share(totals: Sequence[tuple[float, float]]) -> float | None:
    """CPU share in the busiest quarter of the spans between readings of ``(at_s, cpu_s)``; at least one span."""
    spans = [(cpu - cpu_0, at - at_0) for (at_0, cpu_0), (at, cpu) in pairwise(totals) if at > at_0]
    if not spans:
        return None
    spans.sort(key=lambda span: span[0] / span[1], reverse=True)
    chosen = spans[: max(1, round(len(spans) * BUSIEST_PART))]
    return sum(used for used, _ in chosen) / sum(wall for _, wall in chosen)


@dataclass(frozen=True, slots=True)
class CoreReading:
    """Busy and stolen seconds of each core since the machine was started, at one moment.

    A core that is not there is not known: it may have been taken offline, or the system numbers cores in another way.
    """

    at_s: float
    busy_s: Mapping[int, float]
    steal_s: Mapping[int, float]


LONG_S = 5.0
"""The generator may be busy for a moment, but not for this long."""


def known_cores(readings: Sequence[CoreReading], cores: Sequence[int]) -> tuple[int, ...]:
    """Those of the cores that every reading has; none where there are not two readings."""
    if len(readings) < 2:
        return ()
    return tuple(core for core in cores if all(core in one.busy_s and core in one.steal_s for one in readings))


def longest_busy_share(readings: Sequence[CoreReading], cores: Sequence[int], span_s: float = LONG_S) -> float | None:
    """The highest busy share that any one of these cores had over ``span_s``, or over all where that is less.

    ``None`` where none of them is known.
    """
    cores = known_cores(readings, cores)
    if not cores:
        return None
    span_s = min(span_s, readings[-1].at_s - readings[0].at_s)
    shares = [
        max((later.busy_s[core] - earlier.busy_s[core]) / (later.at_s - earlier.at_s) for core in cores)
        for number, earlier in enumerate(readings)
        # The first reading that is far enough away; readings are about a second apart.
        if (later := next((one for one in readings[number + 1 :] if one.at_s - earlier.at_s >= span_s * 0.99), None))
    ]
    return max(shares, default=None)


def stolen_share(readings: Sequence[CoreReading], cores: Sequence[int]) -> float | None:
    """The share of time that the hypervisor gave to others, on the core of these that lost most.

    ``None`` where none of them is known.
    """
    cores = known_cores(readings, cores)
    if not cores:
        return None
    first, last = readings[0], readings[-1]
    return max(last.steal_s[core] - first.steal_s[core] for core in cores) / (last.at_s - first.at_s)


@dataclass(frozen=True, slots=True)
class Unexplained:
    """CPU time of some cores, as a share of one core, that our processes on them do not explain."""

    cores: tuple[int, ...]
    share: float


def most_unexplained(readings: Sequence[CoreReading], explained: Mapping[tuple[int, ...], float]) -> Unexplained | None:
    """The group of cores whose busy time is most above what was used on it, whoever used the rest.

    ``explained`` has the CPU share of all our processes on each group of cores, from their own clocks. What the kernel
    does for them in between is charged to whom it interrupts, and so is theirs. Groups of which a core is not known are
    left out; ``None`` without any other.
    """
    groups = {cores: share for cores, share in explained.items() if known_cores(readings, cores) == (*cores,)}
    if len(readings) < 2 or not groups:
        return None
    first, last = readings[0], readings[-1]
    wall_s = last.at_s - first.at_s
    over = [
        Unexplained(cores, sum(last.busy_s[core] - first.busy_s[core] for core in cores) / wall_s - share)
        for cores, share in groups.items()
    ]
    return max(over, key=lambda one: one.share)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine did around a level; ``None`` where the system does not report it.

    Shares are of one core. ``foreign_share`` is the CPU time of all processes that are not the benchmark's, and
    ``foreign_name`` the one of them that used most. ``drops`` are connections that a full listen queue has lost.
    ``retransmitted`` are TCP segments that this machine sent again. The last three count events of the control groups
    of our processes: periods in which one was throttled, processes that were killed for their memory, and processes
    or threads that could not be started. ``not_pinned`` is why the target has no core to itself, where it has none, and
    ``slower_cores`` what is on cores of a slower kind. ``unknown_cores`` are those that are used and of which it is not
    known how busy they were, and ``strayed`` the first process of the target that was moved off the target's cores.
    """

    steal_share: float | None = None
    generator_core_share: float | None = None
    foreign_share: float | None = None
    foreign_name: str | None = None
    api_drops: int | None = None
    target_drops: int | None = None
    ports_share: float | None = None
    unexplained: Unexplained | None = None
    retransmitted: int | None = None
    throttled: int | None = None
    oom_kills: int | None = None
    forks_refused: int | None = None
    not_pinned: str | None = None
    slower_cores: str | None = None
    unknown_cores: tuple[int, ...] = ()
    strayed: str | None = None
    held_up_s: float = 0.0
    """How long the harness did not run when it should have: it was stopped, or the machine slept."""
