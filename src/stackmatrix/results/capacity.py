"""What a result file says of a cell's capacity: the highest rate at which it keeps a latency objective."""

from typing import Literal

from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, Limiter, NonNegative, PythonBuild, Share, Struct, Validity

Ended = Literal["decided", "backlog", "time"]
Found = Literal["found", "never", "undecided"]


class Objective(Struct, frozen=True):
    """How a probe stands to one SLO: of its ``requests``, so many were later than ``slo_ms`` or failed.

    ``met`` is ``None`` where the probe cannot tell. It is ``sure`` by the binomial rule, else by the share seen.
    """

    slo_ms: NonNegative
    requests: Count
    late: Count
    met: bool | None
    sure: bool


class Probe(Struct, frozen=True):
    """Poisson arrivals at one rate, until it was decided which SLOs are met, or the backlog grew, or time was up.

    ``block`` is ``None`` in the search. ``bound`` is what the rate was nearest to.
    """

    block: Count | None
    rate: NonNegative
    window_s: NonNegative
    requests: Count
    failures: dict[str, Count]
    throughput_rps: NonNegative
    p99_ms: NonNegative | None
    cpu_share: Share
    ended: Ended
    bound: Limiter
    validity: Validity
    findings: tuple[Finding, ...]
    objectives: tuple[Objective, ...]


class Scouted(Struct, frozen=True):
    """A closed-loop level that looked where to search."""

    users: Count
    throughput_rps: NonNegative


class Sustained(Struct, frozen=True):
    """What the cell holds under one SLO.

    ``blocks`` has the last rate that passed in each block: 0 where not even the lowest did, ``None`` where the block
    could not tell. ``last_pass`` and ``first_fail`` are medians over the blocks that could, ``low`` and ``high`` the
    95 % bootstrap interval of the former (``None`` with fewer than six). ``limiter`` is the bound that was nearest
    where it first failed.
    """

    slo_ms: NonNegative
    state: Found
    last_pass: NonNegative | None
    first_fail: NonNegative | None
    low: NonNegative | None
    high: NonNegative | None
    blocks: tuple[NonNegative | None, ...]
    limiter: Limiter | None

    @property
    def told(self) -> tuple[float, ...]:
        """The last rate that passed in each block that could tell."""
        return tuple(rate for rate in self.blocks if rate is not None)


class Capacity(Struct, frozen=True):
    """One search and its confirmation in blocks, apart from the cell's trials; ``failure`` says why it ended early."""

    run_id: str
    started: str
    duration_s: NonNegative
    seed: int
    git_commit: str | None
    python: PythonBuild | None
    lock_sha256: str
    scouted: tuple[Scouted, ...]
    probes: tuple[Probe, ...]
    sustained: tuple[Sustained, ...]
    failure: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether anything was found."""
        return any(one.state != "undecided" for one in self.sustained)
