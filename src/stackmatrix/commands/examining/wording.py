"""Numbers and lists as sentences have them. It imports nothing, since every run reads it before it begins."""

from collections.abc import Sequence

MOST_NAMED = 4
"""Of a list: the others are counted."""


def count(number: int, what: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def size(count_bytes: float) -> str:
    """A size in bytes as people read it: ``850 MB``, ``1.5 GB``."""
    if count_bytes < 1e9:
        return f"{max(0.0, count_bytes) / 1e6:.0f} MB"
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes < 1e10 else f"{count_bytes / 1e9:.0f} GB"


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """``a, b and c``; of many the first, and how many more there are."""
    shown = [*names] if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
