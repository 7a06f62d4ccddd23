"""How the report names what has a link of its own, and how its data is kept small. Pure."""

from typing import Any
from urllib.parse import urlencode

from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.matrix.cells import Cell

type Json = dict[str, Any]

PAGE = "report.html"
DRAWN_DIGITS = 4
"""Of a number that is only drawn: more are less than a pixel, and the page has thousands of them."""


def short(value: float | None) -> float | None:
    """A number as it is drawn."""
    return None if value is None else float(f"{value:.{DRAWN_DIGITS}g}")


def key_of(cell: Cell) -> str:
    return f"{cell.stack}-{cell.python}"


def verdict_key(family: Family, one: Comparison) -> str:
    return f"{family.metric.name}-{key_of(one.cell)}-{key_of(one.other)}"


def verdict_link(machine: str, family: Family, one: Comparison) -> str:
    """Where the report shows how this verdict formed, from the results folder; ``machine`` is its folder's name."""
    at = {"machine": machine, "workload": family.workload, "at": verdict_key(family, one)}
    return f"{PAGE}#{urlencode(at)}"


def ramp_key(cell: Cell, number: int) -> str:
    """``number`` counts the cell's ramps from 1."""
    return f"ramp-{key_of(cell)}-{number}"
