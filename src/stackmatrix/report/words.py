"""Numbers and builds as people read them. Pure."""

from stackmatrix.results.types import PythonBuild

NOTHING = "–"
"""Stands where there is no number."""


def number(value: float | None, digits: int) -> str:
    """A number with so many digits after the point, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def megabytes(value: float | None) -> str:
    """Bytes as MB."""
    return number(None if value is None else value / 1e6, 0)


def built(python: PythonBuild) -> str:
    """How an interpreter was optimised, as far as its configuration tells."""
    return f"configured with{'' if python.optimised else 'out'} --enable-optimizations"
