"""What every block of a result file has, whatever its kind: one sample, made in one run."""

from stackmatrix.results.findings import Finding
from stackmatrix.results.types import Count, NonNegative, Struct, Validity

type BlockKey = tuple[str, int, int]
"""The run, the round and the batch of a block: the same for all cells that were measured side by side in it."""


class Block(Struct, frozen=True, kw_only=True):
    """One sample of a cell. ``run`` is the id of the run that made it, ``round`` its number in that run, from 0.

    ``started`` is UTC, ISO 8601. ``failure`` says why it ended early.
    """

    run: str
    round: Count
    started: str
    duration_s: NonNegative
    validity: Validity
    findings: tuple[Finding, ...] = ()
    failure: str | None = None

    @property
    def key(self) -> BlockKey:
        return self.run, self.round, 0

    @property
    def is_valid(self) -> bool:
        return self.validity == "valid" and self.failure is None
