"""Figures of pages, recomputed from result files by other means than the harness's, and how they stand in sentences.

Nothing of the analysis is imported: estimates come from numpy's least squares, percentiles from the counts of an
HdrHistogram, and the ends of simultaneous intervals, which have tests of their own, from the verdicts that are
published beside.
"""

import json
import math
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from stackmatrix.matrix.causes import Cause

T_975 = {
    2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622, 10: 2.2281, 11: 2.2010,
    12: 2.1788, 13: 2.1604, 14: 2.1448, 15: 2.1314, 16: 2.1199, 17: 2.1098, 18: 2.1009, 19: 2.0930, 20: 2.0860,
}  # fmt: skip
"""Student's t, 97.5 %, by degrees of freedom."""
type Key = tuple[str, str, str]


class Evidence:
    """What the JSON of a machine says, by workload, stack and Python."""

    def __init__(self, folder: Path) -> None:
        files = [json.loads(path.read_text()) for path in folder.glob("*/*/*.json")]
        self.ramps: dict[Key, list[Any]] = {}
        self.stops: dict[Key, list[Any]] = {}
        self.held_ms: set[int] = set()
        self.nulls: dict[str, list[Any]] = {}
        self.costs: dict[tuple[Any, ...], dict[tuple[str, int, int], float]] = {}
        for one in files:
            cell = one["cell"]
            key = (cell["workload"], cell["stack"], cell["python"])
            valid = {
                kind: [block for block in one.get(kind, []) if is_valid(block)] for kind in ("cost", "ramps", "stops")
            }
            self.costs[*key, cell["control"]] = {
                (block["run"], block["round"], block.get("batch", 0)): block["cpu_ms_per_request"]
                for block in valid["cost"]
            }
            if not cell["control"]:
                self.ramps[key] = valid["ramps"]
                self.stops[key] = [trial for block in valid["stops"] for trial in block["trials"]]
                self.held_ms |= {block["held_ms"] for block in valid["stops"] if block.get("held_ms")}
            elif cell["control"] == "null":
                self.nulls[cell["workload"]] = valid["ramps"]
        told = json.loads((folder / "verdicts.json").read_text())
        self.planted = {one["workload"]: one["planted_effect"] for one in told["controls"]}
        self.verdicts = {
            (one["figure"], *key_of(one["cell"]), *key_of(one["other"])): one for one in told["comparisons"]
        }

    @cache  # noqa: B019 - it lives as long as the test
    def effects(self, workload: str) -> dict[tuple[str, str], float]:
        """Logarithms of CPU time by stack and Python, by least squares over cells and blocks, controls among them."""
        rows = [(key[1:], block, value) for key, found in self.costs.items() if key[0] == workload
                for block, value in found.items()]  # fmt: skip
        cells, blocks = ({each: place for place, each in enumerate(dict.fromkeys(column))} for column in (
            (row[0] for row in rows), (row[1] for row in rows)))  # fmt: skip
        design = np.zeros((len(rows), len(cells) + len(blocks)))
        for place, (cell, block, _) in enumerate(rows):
            design[place, cells[cell]] = design[place, len(cells) + blocks[block]] = 1
        found = np.linalg.lstsq(design, np.log([row[2] for row in rows]), rcond=None)[0]
        return {cell[:2]: found[place] for cell, place in cells.items() if cell[2] is None}

    def against(self, workload: str, python: str, reference: str) -> dict[str, Any]:
        """The verdicts on CPU time of all stacks on a Python against one of them, by stack."""
        return {
            stack: one
            for (figure, of, stack, on, *other), one in self.verdicts.items()
            if (figure, of, on, other) == ("cpu", workload, python, [workload, reference, python])
            and stack != reference
        }

    def change(self, workload: str, cell: tuple[str, str], other: tuple[str, str]) -> float:
        """By how many per cent the CPU time of a stack on a Python is another's."""
        effects = self.effects(workload)
        return float(100 * np.expm1(effects[cell] - effects[other]))

    def grouped(self, workload: str, some: list[Any]) -> str:
        """Verdicts with one word in one phrase: the range of their sizes, and the outermost ends of their intervals."""
        if len(some) == 1:
            return self.percent("cpu", key_of(some[0]["cell"]), key_of(some[0]["other"]))
        low, high = 100 * (min(one["low"] for one in some) - 1), 100 * (max(one["high"] for one in some) - 1)
        if some[0]["word"] == "same":
            return f"same within 3 % {ends(low, high)}"
        pairs = [(key_of(one["cell"])[1:], key_of(one["other"])[1:]) for one in some]
        mids = sorted(abs(self.change(workload, *pair)) for pair in pairs)
        low, high = sorted((abs(low), abs(high)))
        digits = places(mids[0], low, high)
        first, last = f"{mids[0]:.{digits}f}", f"{mids[-1]:.{digits}f}"
        way = "less" if some[0]["word"] == "better" else "more"
        return f"{first if first == last else f'{first} to {last}'} % {way} {ends(low, high, mids[0])}"

    def percent(self, figure: str, cell: Key, other: Key) -> str:
        """How a verdict on a ratio of CPU times stands in a sentence."""
        one = self.verdicts.get((figure, *cell, *other))
        if one is None:  # the workload has not the usual reference, and the only stack of it is its own
            return "is the reference"
        if one["low"] is None:
            return "not yet known"
        mid = self.change(cell[0], cell[1:], other[1:])
        low, high = 100 * (one["low"] - 1), 100 * (one["high"] - 1)
        assert low <= mid <= high
        if one["word"] == "same":
            return f"same within 3 % {ends(low, high)}"
        if one["word"] == "undecided":
            return f"undecided {ends(low, high)}"
        if mid >= 100:
            return f"{mid / 100 + 1:.1f} times ({one['low']:.1f} to {one['high']:.1f})"
        if mid < 0:
            mid, low, high = -mid, -high, -low
        digits = places(mid, low, high)
        return f"{mid:.{digits}f} % {'more' if one['effect'] > 1 else 'less'} {ends(low, high, mid)}"


def is_valid(block: Any) -> bool:
    return block["validity"] == "valid" and not block.get("failure")


def key_of(cell: Any) -> Key:
    return cell["workload"], cell["stack"], cell["python"]


def places(*values: float) -> int:
    """Digits after the point: as few as show that none is zero."""
    return next((digits for digits in (0, 1) if all(float(f"{value:.{digits}f}") for value in values)), 2)


def ends(low: float, high: float, *others: float) -> str:
    digits = places(low, high, *others)
    return f"({low:.{digits}f} to {high:.{digits}f} %)"


def ranged(values: list[float], over: str = "") -> str:
    digits = 1 if median(values) < 10 else 0
    mid, low, high = (f"{of(values):.{digits}f}" for of in (median, min, max))
    return mid if low == high else f"{mid} ({low} to {high}{over})"


class Text:
    """A text from which is taken what was recomputed."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, fragment: str, count: int = 1) -> None:
        assert fragment in self.left, f"{fragment!r} is not in {self.left!r}"
        self.left = self.left.replace(fragment, "", count)

    def take_counts(self, counts: dict[str, int]) -> None:
        for what, count in counts.items():
            if count:
                self.take(f"{count} {what}")


def mean(values: Any) -> str:
    """A mean with its interval of Student's t, in ms."""
    return t_interval(np.asarray(list(values)))


def geometric(values: Any) -> str:
    return t_interval(np.log(list(values)), np.exp)


def t_interval(values: Any, of: Any = float, digits: int = 2) -> str:
    half = T_975[len(values) - 1] * np.std(values, ddof=1) / np.sqrt(len(values))
    mid, low, high = (f"{of(each):.{digits}f}" for each in (values.mean(), values.mean() - half, values.mean() + half))
    return f"{mid} ({low} to {high})"


def span(values: Any, digits: int = 0) -> str:
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def both(known: Evidence, cause: Cause, stack: str, python: str) -> list[tuple[float, float]]:
    """What the same blocks cost with a cause and without it."""
    mine = known.costs[cause.workload, stack, python, None]
    theirs = known.costs.get((cause.beside, stack, python, None), {})
    return [(value, theirs[block]) for block, value in mine.items() if block in theirs]


def quantile(loads: Any, q: float) -> float:
    pooled = HdrHistogram(1, 3_600_000_000, 3)
    for load in loads:
        pooled.decode_and_add(load["latency_histogram"])
    # The library's own percentile rounds the rank, and the definition takes the next whole one.
    needed, reached = math.ceil(round(q / 100 * pooled.total_count, 6)), 0
    for step in pooled.get_recorded_iterator():
        reached += step.count_added_in_this_iter_step
        if reached >= needed:
            break
    return float(pooled.get_highest_equivalent_value(step.value_iterated_to)) / 1000
