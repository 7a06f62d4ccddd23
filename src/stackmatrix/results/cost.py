"""What a result file says of a cell's CPU time where all cells of a run were up at once and were asked in turn."""

from statistics import median

from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, NonNegative, PythonBuild, Share, Struct, Validity


class CostBlock(Struct, frozen=True):
    """One block: a fresh process tree, among those of all other cells.

    ``place`` is the cell's among the cells, in the order in which arrivals went to them. The CPU time is of the cell's
    process tree, less ``idle_share``, what it used while nothing was asked of anyone.
    """

    block: Count
    place: Count
    window_s: NonNegative
    requests: Count
    failures: dict[str, Count]
    cpu_ms_per_request: NonNegative | None
    idle_share: Share
    validity: Validity
    findings: tuple[Finding, ...]


class Cost(Struct, frozen=True):
    """CPU time per request side by side, apart from the cell's trials; ``failure`` says why it ended early.

    ``rate`` is of the Poisson arrivals per second at all ``together`` cells, each of which had as many of them.
    """

    run_id: str
    started: str
    duration_s: NonNegative
    seed: int
    git_commit: str | None
    python: PythonBuild | None
    lock_sha256: str
    rate: NonNegative
    together: Count
    blocks: tuple[CostBlock, ...]
    failure: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether any block tells."""
        return bool(self.values)

    @property
    def values(self) -> dict[int, float]:
        """CPU ms per request by block, of the blocks that tell."""
        return {
            one.block: one.cpu_ms_per_request
            for one in self.blocks
            if one.validity == "valid" and one.cpu_ms_per_request is not None
        }

    @property
    def cpu_ms(self) -> float | None:
        """The median over the blocks that tell."""
        return median(self.values.values()) if self.values else None

    @property
    def known(self) -> int:
        """How many blocks tell."""
        return len(self.values)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be known beside the figure: why it ended early, and why blocks do not count, each reason once."""
        spoilt = [one for one in self.blocks if one.validity == "invalid"]
        reasons = dict.fromkeys(each.sentence for one in spoilt for each in one.findings if each.severity == "invalid")
        ended = (self.failure,) if self.failure is not None else ()
        told = (f"{len(spoilt)} of {len(self.blocks)} blocks do not count: {' '.join(reasons)}",) if spoilt else ()
        return (*ended, *told)
