"""The load levels of a ladder: users in a closed loop, or arrivals per second in an open one."""

import math
from dataclasses import dataclass
from typing import Literal

from stackmatrix.errors import UsageError

LoadModel = Literal["closed", "open"]
MOST_USERS = 10_000
MOST_RATE = 100_000.0


@dataclass(frozen=True, slots=True)
class LoadLevel:
    """One step of the ladder: ``value`` users in a closed loop, or ``value`` arrivals per second in an open one."""

    model: LoadModel
    value: float

    def __str__(self) -> str:
        return f"{'users' if self.model == 'closed' else 'rate'}={self.value:g}"

    def offered_rps(self, unloaded_ms: float) -> float:
        """Requests per second that it asks for: its arrivals, or its users over the time for which each waits."""
        return self.value if self.model == "open" else self.value / (unloaded_ms / 1000)


OPEN_SLOTS_S = 10.0
"""An open level has visitors for so many seconds of arrivals at once."""
MOST_OPEN_SLOTS = 4_000


def requests_at_once(plan: LoadLevel) -> int:
    """How many requests a level may have under way: its users, or the visitors that an open level has."""
    if plan.model == "closed":
        return int(plan.value)
    return min(MOST_OPEN_SLOTS, math.ceil(plan.value * OPEN_SLOTS_S))


def rates(*per_second: float) -> tuple[LoadLevel, ...]:
    return tuple(LoadLevel("open", rate) for rate in per_second)


def users(*counts: int) -> tuple[LoadLevel, ...]:
    return tuple(LoadLevel("closed", count) for count in counts)


def parse_ladder(model: LoadModel, text: str) -> tuple[LoadLevel, ...]:
    """A ladder from comma-separated numbers such as ``1,10,50``.

    Raises:
        UsageError: for what is not a positive number within bounds, or not a whole number of users.

    """
    levels = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        most = MOST_USERS if model == "closed" else MOST_RATE
        if not 0 < value <= most or (model == "closed" and value != int(value)):
            what = f"whole numbers from 1 to {most:g}" if model == "closed" else f"numbers above 0, up to {most:g}"
            raise UsageError(f"The ladder {text!r} is not a list of {what}, such as 1,10,50.")
        levels.append(LoadLevel(model, value))
    return tuple(levels)
