"""Comparisons that never were measured, for what judges and shows them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from stackmatrix.analysis.metrics import METRICS
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.results.comparison import (
    COMPARISON_FORMAT,
    ComparedFigure,
    ComparisonDocument,
    ControlOutcome,
    PackageChange,
    Side,
)

BY_NAME = {metric.name: metric for metric in METRICS}


def figure(name: str = "cpu", effect: float = 1.0, half: float | None = 0.01, **changed: Any) -> ComparedFigure:
    """A figure of uvicorn on 3.13 with the workload fanout; ``half`` is half of its interval."""
    metric = BY_NAME[name]
    low, high = (None, None) if half is None else (effect - half, effect + half)
    base = 10.0 if not metric.is_difference else 600.0
    given: dict[str, Any] = {
        "workload": "fanout", "stack": "uvicorn", "python": "3.13", "other_stack": "uvicorn", "other_python": "3.13",
        "figure": name, "title": metric.title, "unit": metric.unit, "digits": metric.digits,
        "higher_is_better": metric.higher_is_better, "base": base,
        "head": base + effect if metric.is_difference else base * effect,
        "compares": "difference" if metric.is_difference else "ratio", "effect": effect, "low": low, "high": high,
        "word": "undecided", "blocks": 5, "decided_after": None, "matters": metric.matters,
        "smallest_decidable": None if half is None else 1.5 * half, "needed": 8,
    }  # fmt: skip
    return ComparedFigure(**{**given, **changed})


def document(*figures: ComparedFigure, controls: str | tuple[()] = "passed", **changed: Any) -> ComparisonDocument:
    """A comparison of two packages; the controls of every workload are in one state, or not there."""
    reason = None if controls == "passed" else "The twin differs from itself by 9 %."
    given: dict[str, Any] = {
        "format_version": COMPARISON_FORMAT, "machine": "amd-2-cores", "started": "2026-11-26T10:00:00+00:00",
        "minutes": 10.0, "app": "shop", "base": Side(title="httpx==0.27.*", kind="packages"),
        "head": Side(title="httpx==0.28.*", kind="packages"),
        "sentences": ("httpx==0.28.* against httpx==0.27.*, uvicorn on 3.13, fanout: CPU 9 % more (8 to 10 %).",),
        "figures": figures, "not_compared": (),
        "packages": (PackageChange(name="httpx", base="0.27.2", head="0.28.1"),),
        "controls": tuple(
            ControlOutcome(workload=name, state=controls, reason=reason, void=reason if controls == "failed" else None)
            for name in dict.fromkeys(one.workload for one in figures)
            if controls
        ),
        "command": "nox -s gate -- 'httpx==0.27.*' 'httpx==0.28.*' --minutes 10",
    }  # fmt: skip
    return ComparisonDocument(**{**given, **changed})


def pair(stack: str = "uvicorn", workload: str = "fanout", head: str | None = None) -> tuple[Cell, Cell]:
    """The head's cell and the base's."""
    cells = [
        Cell(stack=name, python=str(Runtime("3.13", side=side)), workload=workload)
        for name, side in ((head or stack, "head"), (stack, "base"))
    ]
    return cells[0], cells[1]


def decide(one: ComparedFigure, word: str) -> ComparedFigure:
    return msgspec.structs.replace(one, word=word, decided_after=one.blocks, needed=None)


def names(figures: Sequence[ComparedFigure]) -> list[str]:
    return [one.figure for one in figures]
