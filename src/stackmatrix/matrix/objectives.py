"""The latency objectives whose capacity is searched, and the grid of arrival rates that it is searched on."""

import math

SLOS_MS = (660.0, 750.0, 900.0, 1200.0)
HEADLINE_MS = 750.0
STEP = 1.05
LOWEST_RATE = 0.5
"""Arrivals per second: at fewer, a minute has too few to tell anything."""


def rate_at(step: int) -> float:
    """Arrivals per second at a step of the grid."""
    return float(LOWEST_RATE * STEP**step)


def step_of(rate: float) -> int:
    """The highest step whose rate is not above this one; 0 for what is below the grid."""
    return max(0, math.floor(math.log(max(rate, LOWEST_RATE) / LOWEST_RATE, STEP) + 1e-9))
