"""Percentiles, the histogram and the timeline of response times: of one level, and pooled over blocks. Pure.

Percentiles are by nearest rank: the smallest time that at least ``q`` per cent of all do not exceed (Hyndman and Fan,
"Sample Quantiles in Statistical Packages", 1996, definition 1), of a level on exact times. A failed request counts as
late as the time-out, since whoever waited for it was served no sooner.

Blocks are pooled into one histogram, and a percentile is taken of that: a middle of percentiles that each block has by
itself can be out of order, and hides the worst block.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from stackmatrix.analysis.level.requests import Floats, LevelRows
from stackmatrix.results import histograms
from stackmatrix.results.levels import LatencyMs, Timeline
from stackmatrix.results.rows import OK

NEEDED = {50.0: 1, 90.0: 20, 95.0: 20, 99.0: 1_000, 99.9: 10_000}
"""Responses that a percentile needs before it is shown: with fewer it is one or two single requests."""

NEEDED_POOLED = {50.0: 1, 90.0: 100, 95.0: 200, 99.0: 1_000, 99.9: 10_000}
"""The same for figures that are shown, of all blocks together: at least ten responses are slower."""

REQUEST_TIMEOUT_S = 60.0
"""For one request under load: a visitor waits this long, then it is a failure of its own class."""

RESAMPLES = 2_000
"""Of a bootstrap: for the ends of an interval Efron and Tibshirani advise a thousand at least."""
SEED = 20_261_125
"""One for all, so that the same files give the same pages."""

NO_RESPONSE = "no correct response in the window"


def nearest_rank(count: int, q: float) -> int:
    """The place, from 1, of the nearest-rank percentile among ``count`` values."""
    # Rounded before it is raised: in floating point, 99.9 per cent of 1,000 is a hair above 999.
    return max(1, math.ceil(round(q / 100 * count, 6)))


def percentile(ordered: Floats | Sequence[float], q: float) -> float:
    """The nearest-rank percentile of values sorted upwards.

    Raises:
        ValueError: when there is none to rank.

    """
    if len(ordered) == 0:
        raise ValueError("no times to rank")
    return float(ordered[nearest_rank(len(ordered), q) - 1])


def p99(times_ms: Floats) -> float | None:
    """The p99 of times in any order, however few; ``None`` when there is none."""
    return percentile(np.sort(times_ms), 99) if len(times_ms) else None


@dataclass(frozen=True, slots=True)
class Latencies:
    """Times of a level, with the reason for each number that is left out.

    ``latency`` and ``histogram`` have failed requests in them, ``service`` has not.
    """

    latency: LatencyMs | None
    service: LatencyMs | None
    histogram: str | None
    absent: dict[str, str]


def visitor_ms(level: LevelRows) -> Floats:
    """Times of all requests of the window from their intended start, in ms; a failed one is as late as the time-out."""
    took_ms = np.asarray((level.window["done_s"] - level.window["intended_s"]) * 1000, dtype=np.float64)
    return np.where(level.window["outcome"] == OK, took_ms, REQUEST_TIMEOUT_S * 1000)


def latencies(level: LevelRows) -> Latencies:
    """Percentiles of response and service times in ms.

    Where nothing was answered correctly there is no time to tell, only the failures.
    """
    times_ms = visitor_ms(level) if len(level.correct) else np.empty(0)
    latency, absent = rank(times_ms, "latency_ms")
    service, no_service = rank(level.service_ms, "service_ms")
    absent |= no_service
    if latency is None:
        return Latencies(None, None, None, absent | {"latency_histogram": NO_RESPONSE})
    return Latencies(latency, service, encode_histogram(np.sort(times_ms)), absent)


def rank(times_ms: Floats, path: str) -> tuple[LatencyMs | None, dict[str, str]]:
    """Percentiles of times in ms, and the reasons for those that are left out, by dotted path below ``path``."""
    count = len(times_ms)
    if count == 0:
        return None, {path: NO_RESPONSE}
    ordered = np.sort(times_ms)
    ranked = {q: percentile(ordered, q) if count >= needed else None for q, needed in NEEDED.items()}
    absent = {
        f"{path}.p{q:g}".replace("99.9", "99_9"): f"needs {NEEDED[q]} responses, had {count}"
        for q, value in ranked.items()
        if value is None
    }
    return LatencyMs(
        mean=float(ordered.mean()),
        p50=percentile(ordered, 50),
        p90=ranked[90.0],
        p95=ranked[95.0],
        p99=ranked[99.0],
        max=float(ordered[-1]),
        p99_9=ranked[99.9],
    ), absent


def timeline(level: LevelRows) -> Timeline | None:
    """The level second by second, all of its phases; ``None`` when nothing was answered correctly."""
    right = level.all[level.all["outcome"] == OK]
    if len(right) == 0:
        return None
    # Rounded, as the ends of a window are sums of floating point numbers.
    seconds = np.floor(np.round(right["done_s"] - level.start_s, 6)).astype(int)
    first = min(0, math.floor(round(float(level.all["intended_s"].min()) - level.start_s, 6)))
    times_s = right["done_s"] - right["intended_s"]
    bins = [np.sort(times_s[seconds == second]) for second in range(first, int(seconds.max()) + 1)]

    def rank_us(q: float) -> tuple[int | None, ...]:
        return tuple(round(percentile(each, q) * 1e6) if len(each) else None for each in bins)

    return Timeline(from_s=first, answered=tuple(map(len, bins)), p50_us=rank_us(50), p95_us=rank_us(95))


def encode_histogram(response_ms: Floats) -> str:
    """The times as an HdrHistogram in microseconds, V2, compressed, base64.

    Raises:
        ValueError: for a time that the histogram cannot hold.

    """
    histogram = histograms.new()
    for time_ms in response_ms:
        if not histogram.record_value(max(1, round(time_ms * 1000))):
            raise ValueError(f"a response time of {time_ms} ms is out of the histogram's range")
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")


def pool(encoded: Sequence[str]) -> HdrHistogram:
    """One histogram of microseconds with everything that these have, each as :func:`encode_histogram` gives it."""
    pooled = histograms.new()
    for one in encoded:
        pooled.decode_and_add(one)
    return pooled


def pooled_percentiles(encoded: Sequence[str]) -> LatencyMs | None:
    """Percentiles in ms of all blocks together, to a thousandth; ``None`` without one response.

    Those that have too few responses (``NEEDED_POOLED``) are ``None``.
    """
    values_ms, counts = _tabulate(encoded)
    together = counts.sum(axis=0)
    total = int(together.sum())
    if total == 0:
        return None
    found = {q: _percentile_of(values_ms, together, q) if total >= n else None for q, n in NEEDED_POOLED.items()}
    return LatencyMs(
        mean=float((values_ms * together).sum() / total),
        p50=_percentile_of(values_ms, together, 50),
        p90=found[90.0],
        p95=found[95.0],
        p99=found[99.0],
        max=float(values_ms[-1]),
        p99_9=found[99.9],
    )


def pooled_interval(encoded: Sequence[str], q: float) -> tuple[float, float] | None:
    """The 95 % interval of a pooled percentile in ms; ``None`` with one block, or too few responses for the percentile.

    By a bootstrap over blocks (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13):
    whole blocks are drawn with replacement, since requests of one block are not independent. With two or three blocks
    it is little more than their range.
    """
    drawn_ms = _drawn_ms(encoded, q, SEED)
    return None if drawn_ms is None else _middle(drawn_ms)


@dataclass(frozen=True, slots=True)
class Overhead:
    """How much later than the null target, in ms, with its 95 % interval where there are blocks enough for one."""

    ms: float
    low: float | None = None
    high: float | None = None


def pooled_overhead(encoded: Sequence[str], null: Sequence[str], q: float) -> Overhead | None:
    """A pooled percentile less that of the null target under the same load; ``None`` with too few responses of either.

    The interval is of the bootstrap of :func:`pooled_interval`, with the blocks of both drawn apart.
    """
    found_ms, null_ms = _pooled_ms(encoded, q), _pooled_ms(null, q)
    if found_ms is None or null_ms is None:
        return None
    drawn_ms, null_drawn_ms = _drawn_ms(encoded, q, SEED), _drawn_ms(null, q, SEED + 1)
    if drawn_ms is None or null_drawn_ms is None:
        return Overhead(found_ms - null_ms)
    return Overhead(found_ms - null_ms, *_middle(drawn_ms - null_drawn_ms))


def _pooled_ms(encoded: Sequence[str], q: float) -> float | None:
    values_ms, counts = _tabulate(encoded)
    return None if counts.sum() < NEEDED_POOLED[q] else _percentile_of(values_ms, counts.sum(axis=0), q)


def _drawn_ms(encoded: Sequence[str], q: float, seed: int) -> Floats | None:
    """A pooled percentile in each resample of the blocks; ``None`` with one block, or too few responses."""
    values_ms, counts = _tabulate(encoded)
    blocks = len(counts)
    if blocks < 2 or counts.sum() < NEEDED_POOLED.get(q, 1):
        return None
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(blocks, [1 / blocks] * blocks, size=RESAMPLES) @ counts
    return np.array([_percentile_of(values_ms, one, q) for one in drawn])


def _middle(drawn_ms: Floats) -> tuple[float, float]:
    """The middle 95 % of what was drawn."""
    ordered = np.sort(drawn_ms)
    return percentile(ordered, 2.5), percentile(ordered, 97.5)


def _tabulate(encoded: Sequence[str]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Every time in ms that any block has, upwards, and how many of each block have it: blocks by times.

    A block without one response is left out.
    """
    blocks = [(own, times) for own, times in map(histograms.counts_of, encoded) if len(own)]
    if not blocks:
        return np.empty(0), np.empty((0, 0), dtype=np.int64)
    places = np.unique(np.concatenate([own for own, _ in blocks]))
    counts = np.zeros((len(blocks), len(places)), dtype=np.int64)
    for row, (own, times) in zip(counts, blocks, strict=True):
        row[np.searchsorted(places, own)] = times
    scale = histograms.new()
    values_us = [scale.get_highest_equivalent_value(scale.get_value_from_index(int(place))) for place in places]
    return np.array(values_us, dtype=np.float64) / 1000, counts


def _percentile_of(values_ms: Floats, counts: npt.NDArray[np.int64], q: float) -> float:
    reached = np.cumsum(counts)
    return float(values_ms[np.searchsorted(reached, nearest_rank(int(reached[-1]), q))])
