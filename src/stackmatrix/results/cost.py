"""A cell's CPU time side by side in a result file: all cells of a run are up at once, and are asked in turn."""

from statistics import median

from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, NonNegative, Part, Share, Struct, Validity


class CostBlock(Struct, frozen=True):
    """One block: a fresh process tree of the cell, beside those of all other cells.

    ``place`` is the cell's in the order in which arrivals went to the cells. The CPU time is of the cell's process
    tree, less ``idle_share``, which it used while no cell had a request.
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


class Cost(Part, frozen=True, kw_only=True):
    """CPU time per request side by side, apart from the cell's trials.

    ``rate`` is of Poisson arrivals per second at all ``together`` cells; each cell gets an equal share of them.
    """

    run_id: str
    seed: int
    rate: NonNegative
    together: Count
    blocks: tuple[CostBlock, ...]

    @property
    def has_figures(self) -> bool:
        return bool(self.values)

    @property
    def values(self) -> dict[int, float]:
        """CPU ms per request by block, of the valid blocks."""
        return {
            one.block: one.cpu_ms_per_request
            for one in self.blocks
            if one.validity == "valid" and one.cpu_ms_per_request is not None
        }

    @property
    def cpu_ms(self) -> float | None:
        """The median over the valid blocks."""
        return median(self.values.values()) if self.values else None

    @property
    def known(self) -> int:
        """The number of valid blocks with a value."""
        return len(self.values)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences to show beside the number: why it ended early, and why blocks do not count, each reason once."""
        spoilt = [one for one in self.blocks if one.validity == "invalid"]
        reasons = dict.fromkeys(each.sentence for one in spoilt for each in one.findings if each.severity == "invalid")
        ended = (self.failure,) if self.failure is not None else ()
        left_out = (f"{len(spoilt)} of {len(self.blocks)} blocks do not count: {' '.join(reasons)}",) if spoilt else ()
        return (*ended, *left_out)
