"""A number over the blocks in which it was measured. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """A number over blocks: its median, the lowest and the highest, and how many blocks have it."""

    mid: float
    low: float
    high: float
    n: int


def sample(values: Iterable[float | None]) -> Sample | None:
    """The sample of the numbers that are there; ``None`` where there is none."""
    known = [value for value in values if value is not None]
    return Sample(median(known), min(known), max(known), len(known)) if known else None
