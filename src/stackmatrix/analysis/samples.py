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
    """The sample of the numbers that are there."""
    known = [value for value in values if value is not None]
    return Sample(median(known), min(known), max(known), len(known)) if known else None


def mid(one: Sample | None) -> float | None:
    """The median."""
    return None if one is None else one.mid


def of_every(values: Iterable[float | None]) -> list[float | None]:
    """The values if every block has one, else none.

    Percentiles that stand beside each other are of the same blocks: of different ones, a p99 may lie below its p95.
    """
    every = list(values)
    return [] if None in every else every
