"""A run and the trials that it made of one cell, in a result file."""

from stackmatrix.results.findings import Finding
from stackmatrix.results.levels import Level
from stackmatrix.results.types import Count, NonNegative, Struct


class Trial(Struct, frozen=True):
    """One fresh target process tree, driven up the ladder once; ``failure`` says why it ended early.

    ``findings`` hold for all of its levels.
    """

    block: Count
    order: Count
    seed: int
    started: str
    duration_s: NonNegative
    load_s: NonNegative
    levels: tuple[Level, ...]
    failure: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> tuple[Level, ...]:
        """The levels whose numbers may be compared."""
        return tuple(level for level in self.levels if level.is_valid)

    @property
    def memory_mb(self) -> float | None:
        """The target's most memory at any valid level."""
        return max((level.rss_bytes / 1e6 for level in self.valid if level.rss_bytes), default=None)


class Run(Struct, frozen=True):
    """The invocation that made the trials; ``started`` is UTC, ISO 8601.

    ``ladder`` names the levels in the order in which they were driven.
    ``generators`` is the number of locust processes, ``calibration`` the id of the machine's calibration at that time.
    ``imprecise`` names the metrics that a run which stops on precision had to end without; ``None`` for other runs.
    """

    id: str
    started: str
    seed: int
    profile: str
    ladder: tuple[str, ...]
    blocks: Count
    warmup_s: NonNegative
    settle_s: NonNegative
    window_s: NonNegative
    tool_versions: dict[str, str]
    tool_lock_sha256: str | None
    git_commit: str | None
    generators: Count = 1
    calibration: str | None = None
    imprecise: tuple[str, ...] | None = None
