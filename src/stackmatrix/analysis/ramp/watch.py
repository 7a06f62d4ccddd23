"""When a climb has overloaded its target, and when the target has come back. Pure.

Both are asked while the ramp lasts, from the plan of arrivals and what is known so far to have ended: what was planned
and has not ended is under way.

**Overload.** Of arrivals at rate r, each of which takes f seconds without load, about r x f are under way; their number
varies like a Poisson count. A backlog is there when half as many again and three standard deviations more are. One look
at it may be a burst, so a climb has overloaded its target when a backlog was there at every look of three seconds,
while the rates went on climbing: then more came than was answered for long enough that it is an overload to recover
from, and not one late request. A p95 beyond its bound ends no climb, for the same reason: the next rates soon do.

A request that has failed is not under way: added up over a ramp, one failure in two hundred would look like a backlog
in time. But a target that refuses whom it cannot serve is overloaded, too. So as good as a backlog is a second in which
half as many again came as did not fail.

**Recovery.** The p50 of requests by when they were meant to start, in windows of a second, is within a tenth, or 10 ms,
of what it was at the same rate on the way up, and stays so for three seconds. Of several pages, half of the requests
have to be as near to the p50 of their own page.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from stackmatrix.analysis.level.latency import nearest_rank
from stackmatrix.analysis.level.requests import Floats, Rows
from stackmatrix.results.rows import OK

BACKLOG_FACTOR = 1.5
BACKLOG_DEVIATIONS = 3.0
LEAST_BACKLOG = 10
"""Beyond what is usual: where few slots serve few visitors, some are often waiting."""
OVERLOAD_S = 3.0
GRAIN_S = 0.5
"""Between the moments that are looked at."""
LEAST_ARRIVALS = 10
"""Nothing is said of a span with fewer: where few arrive, spans are longer."""
BACK_SHARE, BACK_MORE_MS = 0.10, 10.0
"""How far the p50 may be above what it was: so much of it, or where that is less, so many ms."""
WINDOW_S = 1.0
STAYS_S = 3.0


def most_under_way(rate: float, unloaded_s: float) -> float:
    """The number of requests under way beyond which there is a backlog."""
    usual = rate * unloaded_s
    return max(BACKLOG_FACTOR * usual + BACKLOG_DEVIATIONS * math.sqrt(usual), usual + LEAST_BACKLOG)


def is_overloaded(
    planned_s: Floats, recorded: Rows, known_s: float, rate_at: Callable[[float], float], unloaded_s: float
) -> bool:
    """Whether a backlog was there, or those who came were refused, at every look of the seconds until ``known_s``.

    ``planned_s`` are the moments of the arrivals in order, and ``rate_at`` gives their rate. Of ``recorded``, all
    that has ended until ``known_s`` is there.
    """
    rate = rate_at(known_s)
    looks_s = known_s - np.arange(0.0, overload_s(rate) + GRAIN_S / 2, GRAIN_S)
    ended_s, failed_s = np.sort(recorded["done_s"]), np.sort(recorded["done_s"][recorded["outcome"] != OK])

    def count(ordered_s: Floats, from_s: float, until_s: float) -> int:
        first, last = np.searchsorted(ordered_s, (from_s, until_s), side="right")
        return int(last - first)

    def is_beyond(at_s: float) -> bool:
        under_way = count(planned_s, -np.inf, at_s) - count(ended_s, -np.inf, at_s)
        came, failed = (count(each_s, at_s - _window_s(rate), at_s) for each_s in (planned_s, failed_s))
        is_refused = came > BACKLOG_FACTOR * max(0, came - failed)
        return is_refused or under_way > most_under_way(rate_at(at_s), unloaded_s)

    return all(is_beyond(float(at_s)) for at_s in looks_s)


def overload_s(rate: float) -> float:
    """For how long a backlog has to be there at this rate until it is an overload, in seconds."""
    return max(OVERLOAD_S, LEAST_ARRIVALS / rate)


def watch_s(rate: float) -> float:
    """For how long the p50 has to stay back at this rate, in seconds."""
    return max(STAYS_S, _window_s(rate))


def _window_s(rate: float) -> float:
    return max(WINDOW_S, LEAST_ARRIVALS / rate)


def back_ms(before_p50_ms: float) -> float:
    """The p50 up to which a target is back, where it was ``before_p50_ms`` before the overload."""
    return max(before_p50_ms * (1 + BACK_SHARE), before_p50_ms + BACK_MORE_MS)


def recovered_after_s(
    planned_s: Floats,
    recorded: Rows,
    from_s: float,
    known_s: float,
    rate: float,
    before_ms: Sequence[float],
    within_s: float,
) -> float | None:
    """Seconds from ``from_s`` until the p50 was back near what it was before; ``None`` where it was not ``within_s``.

    ``before_ms`` are the p50s of the pages. It is ``None``, too, while it cannot be known: of ``recorded``, all answers
    until ``known_s`` are there.
    """
    back_s = np.array([back_ms(ms) / 1000 for ms in before_ms])
    took_s, most_s = recorded["done_s"] - recorded["intended_s"], float(back_s.max())
    in_time = (recorded["outcome"] == OK) & (took_s <= back_s[recorded["page"]])
    fast_s, window_s = np.sort(recorded["intended_s"][in_time]), _window_s(rate)

    def is_back(at_s: float) -> bool:
        ends = (at_s, at_s + window_s)
        (first, last), (fast_first, fast_last) = np.searchsorted(planned_s, ends), np.searchsorted(fast_s, ends)
        count = int(last - first)
        return count > 0 and fast_last - fast_first >= nearest_rank(count, 50)

    for offset_s in np.arange(0.0, within_s + GRAIN_S / 2, GRAIN_S):
        at_s = from_s + float(offset_s)
        if at_s + watch_s(rate) + most_s > known_s:
            return None
        if all(is_back(at_s + float(later_s)) for later_s in _later_s(window_s)):
            return float(offset_s)
    return None


def _later_s(window_s: float) -> Floats:
    """When windows begin that together last as long as the p50 has to stay back."""
    return np.arange(0.0, max(0.0, STAYS_S - window_s) + GRAIN_S / 2, GRAIN_S)
