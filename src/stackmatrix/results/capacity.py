"""A cell's capacity in a result file: the highest rate of arrivals at which it keeps a latency objective."""

from typing import Literal

from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, Limiter, NonNegative, Part, Share, Struct, Validity

Ended = Literal["decided", "backlog", "time"]
Found = Literal["found", "never", "undecided"]


class Objective(Struct, frozen=True):
    """Whether a probe met one SLO. ``late`` of its ``requests`` took longer than ``slo_ms`` or failed.

    ``met`` is ``None`` where the probe does not decide it. It is ``sure`` by the binomial rule, else by the share seen.
    """

    slo_ms: NonNegative
    requests: Count
    late: Count
    met: bool | None
    sure: bool


class Probe(Struct, frozen=True):
    """Poisson arrivals at one rate, until every SLO was decided, the backlog grew, or time was up.

    ``block`` is ``None`` in the search. ``bound`` is the limit that the cell was nearest to.
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


class ScoutLevel(Struct, frozen=True):
    """A closed-loop level that was driven first, to find where the search begins."""

    users: Count
    throughput_rps: NonNegative


class SloCapacity(Struct, frozen=True):
    """The capacity under one SLO, in arrivals per second.

    ``blocks`` has the last rate that passed in each block: 0 where not even the lowest did, ``None`` where the block
    decided nothing. ``last_pass`` and ``first_fail`` are medians over the other blocks, ``low`` and ``high`` the 95 %
    bootstrap interval of the former (``None`` with fewer than six). ``limiter`` is the bound that was nearest where it
    first failed.
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
    def decided(self) -> tuple[float, ...]:
        """The last rate that passed in each block that decided it."""
        return tuple(rate for rate in self.blocks if rate is not None)


class Capacity(Part, frozen=True, kw_only=True):
    """One search and its confirmation in blocks, apart from the cell's trials."""

    run_id: str
    seed: int
    scouted: tuple[ScoutLevel, ...]
    probes: tuple[Probe, ...]
    sustained: tuple[SloCapacity, ...]

    def under(self, slo_ms: float) -> SloCapacity | None:
        """The capacity under one SLO, if it was searched."""
        return next((one for one in self.sustained if one.slo_ms == slo_ms), None)

    @property
    def has_figures(self) -> bool:
        return any(one.state != "undecided" for one in self.sustained)
