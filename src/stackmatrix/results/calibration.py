"""The file of a machine's calibration: one frozen struct per object of the JSON, as in ``model``."""

from typing import Literal

from stackmatrix.results.conditions import Machine
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.types import Count, NonNegative, Share, Struct


class RateStep(Struct, frozen=True):
    """The null target asked at one arrival rate: how late the generator was, and what it measured."""

    rate: NonNegative
    requests: Count
    failures: Count
    lag_ms_p50: NonNegative
    lag_ms_p99: NonNegative
    lag_ms_max: NonNegative
    response_ms: LatencyMs
    core_share: Share | None


class Jitter(Struct, frozen=True):
    """How much longer than asked a sleep of a millisecond on an idle core takes, in ms."""

    sleeps: Count
    p50_ms: NonNegative
    p99_ms: NonNegative
    max_ms: NonNegative


class Loop(Struct, frozen=True):
    """A fixed CPU loop on the target's core: its readings in ms, the median's share by which they differ at most."""

    readings_ms: tuple[NonNegative, ...]
    median_ms: NonNegative
    spread: NonNegative


class ApiCapacity(Struct, frozen=True):
    """The external API: requests/s that it answers at most without a delay, and how long it overslept under load."""

    calls: Count
    ceiling_rps: NonNegative
    overshoot_ms_mean: NonNegative | None
    overshoot_ms_p99: NonNegative | None


class Twins(Struct, frozen=True):
    """A/A: CPU per call of the same server in fresh processes, one after the other; ``sd`` is of the log ratios."""

    cpu_us_per_call: tuple[NonNegative, ...]
    sd: NonNegative


class Calibration(Struct, frozen=True):
    """How good a machine is for benchmarking; ``results/<machine>/calibration.json``."""

    format_version: int
    id: str
    started: str
    machine: Machine
    tool_versions: dict[str, str]
    tool_lock_sha256: str | None
    duration_s: NonNegative
    generator_ceiling_rps: NonNegative
    rate_steps: tuple[RateStep, ...]
    external_api: ApiCapacity
    jitter: Jitter
    steal_share: NonNegative | None
    loop: Loop
    twins: Twins
    grade: Literal["good", "fair", "poor"]
    limits: tuple[str, ...]
    advice: tuple[str, ...]
