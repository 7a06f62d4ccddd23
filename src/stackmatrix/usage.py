"""What a process tree used, computed from readings of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reading:
    """Totals of one tree at one moment; the CPU time is of all its processes since they began.

    ``switches`` are context switches by thread id, where they were asked for.
    """

    at_s: float
    cpu_s: float
    rss_bytes: int
    threads: int
    fds: int
    switches: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """What one tree used between two readings.

    ``context_switches`` is ``None`` when threads came or went in between: the kernel keeps no total for them.
    """

    wall_s: float
    cpu_s: float
    rss_bytes_peak: int
    threads_peak: int
    fds_peak: int
    context_switches: int | None

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time: 1 is one core."""
        return self.cpu_s / self.wall_s


def between(readings: Sequence[Reading]) -> Use:
    """What was used from the first reading to the last; peaks are over all of them."""
    first, last = readings[0], readings[-1]
    return Use(
        wall_s=last.at_s - first.at_s,
        cpu_s=max(0.0, last.cpu_s - first.cpu_s),
        rss_bytes_peak=max(reading.rss_bytes for reading in readings),
        threads_peak=max(reading.threads for reading in readings),
        fds_peak=max(reading.fds for reading in readings),
        context_switches=switches_between(first.switches, last.switches),
    )


def switches_between(first: Mapping[int, int], last: Mapping[int, int]) -> int | None:
    """Context switches between two readings, or ``None`` when the threads are not the same ones."""
    if not first or first.keys() != last.keys():
        return None
    return sum(last.values()) - sum(first.values())
