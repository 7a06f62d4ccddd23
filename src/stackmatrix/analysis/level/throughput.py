"""How many requests a level had answered, and how many it can have at most. Pure."""

from stackmatrix.analysis.level.requests import LevelRows


def bound_rps(users: int, slots: int | None, unloaded_ms: float) -> float:
    """The most that a closed loop can get: ``min(users, slots)`` over the time of a response without load."""
    return min(users, slots or users) / (unloaded_ms / 1000)


def throughput_rps(level: LevelRows) -> float:
    """Correct responses that came within the window, per second."""
    return len(level.answered) / level.window_s


def connections_per_request(level: LevelRows) -> float | None:
    """Connections that the generator opened, per request of the window."""
    return float(level.window["opened"].sum() / len(level.window)) if len(level.window) else None
