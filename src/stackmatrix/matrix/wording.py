"""Numbers and lists as sentences have them, of any room. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from stackmatrix.matrix.cells import Cell

MOST_NAMED = 4
"""Of a list: the others are counted."""
MOST_REASONS = 3


def plural(number: int, what: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def were(number: int, what: str) -> str:
    """``1 cell was``, ``2 cells were``."""
    return f"{plural(number, what)} {'was' if number == 1 else 'were'}"


def size(count_bytes: float) -> str:
    """A size in bytes as people read it: ``850 MB``, ``1.5 GB``."""
    if count_bytes < 1e9:
        return f"{max(0.0, count_bytes) / 1e6:.0f} MB"
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes < 1e10 else f"{count_bytes / 1e9:.0f} GB"


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """``a, b and c``; of many the first, and how many more there are."""
    shown = [*names] if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def places(cells: Iterable[Cell]) -> str:
    """Stacks and Pythons of cells, each once; of many some."""
    return listed([*dict.fromkeys(f"{cell.stack} on {cell.python}" for cell in cells)])


def by_reason(reasons: Mapping[Cell, str]) -> dict[str, list[Cell]]:
    """The cells that have the same reason, by that without its full stop."""
    cells: dict[str, list[Cell]] = {}
    for cell, reason in reasons.items():
        cells.setdefault(reason.rstrip("."), []).append(cell)
    return cells


def named(reasons: Mapping[Cell, str]) -> list[str]:
    """Cells and what there is to say of them, those with the same reason together: ``a on 3.14, fanout: why``."""
    return [f"{called(cells)}: {reason}" for reason, cells in by_reason(reasons).items()]


def called(cells: Sequence[Cell]) -> str:
    """One cell with its workload, several by stack and Python, of many some."""
    return str(cells[0]) if len(cells) == 1 else places(cells)


def in_short(reasons: Mapping[Cell, str]) -> str:
    """The same in one sentence, which many reasons do not make endless."""
    told = named(reasons)
    rest = len(told) - MOST_REASONS
    return "; ".join(told if rest <= 1 else [*told[:MOST_REASONS], f"and {rest} more reasons"])
