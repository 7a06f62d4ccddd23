"""How much longer than asked the external API slept, from two readings of its figures. Pure."""

from slow_api.figures import ApiFigures
from stackmatrix.analysis.level.latency import nearest_rank


def overshoot_ms(before: ApiFigures, after: ApiFigures) -> tuple[float, float] | None:
    """Mean and p99 of how much longer than asked the external API slept between two readings of its figures, in ms.

    The p99 is the upper edge of a histogram bucket. ``None`` when it finished no call in between.
    """
    finished = after.calls_finished - before.calls_finished
    if finished <= 0:
        return None
    mean = (after.overshoot_sum_ms - before.overshoot_sum_ms) / finished
    rank, seen = nearest_rank(finished, 99), 0
    p99 = 0.0
    for bucket, count in sorted((int(bucket), count) for bucket, count in after.overshoot_histogram.items()):
        seen += count - before.overshoot_histogram.get(str(bucket), 0)
        if seen >= rank:
            p99 = (bucket + 1) * after.overshoot_bucket_ms
            break
    return max(0.0, mean), p99
