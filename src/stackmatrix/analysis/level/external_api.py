"""How exactly the external API slept, from two readings of its figures. Pure."""

import math


def overshoot_ms(before: dict[str, object], after: dict[str, object]) -> tuple[float, float] | None:
    """Mean and p99 of how much longer than asked the external API slept between two readings of its figures, in ms.

    The p99 is the upper edge of a histogram bucket. ``None`` when it finished no call in between.
    """
    finished = _number(after, "calls_finished") - _number(before, "calls_finished")
    if finished <= 0:
        return None
    mean = (_number(after, "overshoot_sum_ms") - _number(before, "overshoot_sum_ms")) / finished
    earlier, later = before["overshoot_histogram"], after["overshoot_histogram"]
    assert isinstance(earlier, dict)
    assert isinstance(later, dict)
    rank, seen = math.ceil(0.99 * finished), 0
    p99 = 0.0
    for bucket, count in sorted((int(bucket), count) for bucket, count in later.items()):
        seen += count - earlier.get(str(bucket), 0)
        if seen >= rank:
            p99 = (bucket + 1) * _number(after, "overshoot_bucket_ms")
            break
    return max(0.0, mean), p99


def _number(figures: dict[str, object], key: str) -> float:
    value = figures[key]
    assert isinstance(value, int | float)
    return value
