"""Every figure of the README's top is recomputed from the result files by other means, and no figure is left over.

Nothing of the analysis is imported: estimates come from numpy's least squares, percentiles from the counts of an
HdrHistogram, and the ends of simultaneous intervals, which have tests of their own, from the verdicts that are
published beside.
"""

import json
import math
import re
from collections import defaultdict
from functools import cache
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from stackmatrix.analysis.summary import summarize
from stackmatrix.report import markdown, verdicts
from stackmatrix.results import store
from stackmatrix.system.processes import PROJECT
from tests.made_up import make_results, write

T_975 = {2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 11: 2.2010, 15: 2.1314}
"""Student's t, 97.5 %, by degrees of freedom."""
type Key = tuple[str, str, str]


class Evidence:
    """What the JSON of a machine says, by workload, stack and Python."""

    def __init__(self, folder: Path) -> None:
        files = [json.loads(path.read_text()) for path in folder.glob("*/*/*.json")]
        self.ramps: dict[Key, list[Any]] = {}
        self.nulls: dict[str, list[Any]] = {}
        self.costs: dict[tuple[Any, ...], dict[tuple[str, int, int], float]] = {}
        for one in files:
            cell = one["cell"]
            key = (cell["workload"], cell["stack"], cell["python"])
            valid = {kind: [block for block in one[kind] if is_valid(block)] for kind in ("cost", "ramps")}
            self.costs[*key, cell["control"]] = {
                (block["run"], block["round"], block.get("batch", 0)): block["cpu_ms_per_request"]
                for block in valid["cost"]
            }
            if not cell["control"]:
                self.ramps[key] = valid["ramps"]
            elif cell["control"] == "null":
                self.nulls[cell["workload"]] = valid["ramps"]
        told = json.loads((folder / "verdicts.json").read_text())
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

    def percent(self, figure: str, cell: Key, other: Key) -> str:
        """How a verdict on a ratio of CPU times stands in a sentence."""
        one = self.verdicts[figure, *cell, *other]
        if one["low"] is None:
            return "not yet known"
        effects = self.effects(cell[0])
        mid = 100 * np.expm1(effects[cell[1:]] - effects[other[1:]])
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


def client(text: Text, known: Evidence, _: str) -> None:
    ratios = {}
    for (workload, stack, python, control), mine in known.costs.items():
        theirs = known.costs.get(("fanout_shared_client", stack, python, None))
        told = known.verdicts.get(("cpu", "fanout", stack, python, "fanout_shared_client", stack, python))
        if workload == "fanout" and control is None and theirs and told and told["word"] in {"better", "worse"}:
            logs = [np.log(value / theirs[block]) for block, value in mine.items() if block in theirs]
            half = T_975[len(logs) - 1] * np.std(logs, ddof=1) / np.sqrt(len(logs))
            ratios[stack, python] = np.exp([np.mean(logs), np.mean(logs) - half, np.mean(logs) + half])
    stack, python = re.findall(r"with (\w+) on ([\d.]+\d)", text.left)[0]
    mid, low, high = ratios.pop((stack, python))
    text.take(f"{mid:.1f} times ({low:.1f} to {high:.1f})")
    others = [mid for (_, on), (mid, *_) in ratios.items() if on == python]
    text.take(f"{min(others):.1f} to {max(others):.1f} times with the other {len(others)} stacks")


def slots(text: Text, known: Evidence, _: str) -> None:
    for (workload, _, _), ramps in known.ramps.items():
        if ramps and {ramp["limiter"] for ramp in ramps} == {"slots"} and all(ramp["holds"] for ramp in ramps):
            text.take(
                f"{ranged([ramp['holds'] for ramp in ramps], f' over {len(ramps)} ramps')} arrivals/s of {workload}"
            )
            busy = [step["cpu_share"] for ramp in ramps for step in ramp["steps"] if step["rate"] == ramp["holds"]]
            text.take(f" with its core {100 * median(busy):.0f} % busy")


def cautions(text: Text, known: Evidence, workload: str) -> None:
    for python, reference in re.findall(r"on ([\d.]+\d) against (\w+)", text.left):
        costs_against(text, known, workload, python, reference)


def stacks(text: Text, known: Evidence, workload: str) -> None:
    python, reference = re.findall(r" on ([\d.]+\d), against (\w+)", text.left)[0]
    logs = np.log(list(known.costs[workload, reference, python, None].values()))
    half = T_975[len(logs) - 1] * np.std(logs, ddof=1) / np.sqrt(len(logs))
    mid, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
    text.left = text.left.replace(f" with {mid:.2f} ({low:.2f} to {high:.2f}) ms", "")
    costs_against(text, known, workload, python, reference)


def costs_against(text: Text, known: Evidence, workload: str, python: str, reference: str) -> None:
    """Take what the stacks on a Python cost against the reference stack, as it stands for them."""
    for figure, of, stack, on, *other in known.verdicts:
        if (figure, of, on, other[1:]) == ("cpu", workload, python, [reference, python]) and stack != reference:
            told = known.percent("cpu", (workload, stack, on), (workload, reference, on))
            if f"{stack} {told}" in text.left:
                text.take(f"{stack} {told}")


def pythons(text: Text, known: Evidence, workload: str) -> None:
    for newer, older in re.findall(r"([\d.]+\d) against ([\d.]+\d)", text.left):
        changes = defaultdict(list)
        for (figure, of, stack, on, *_, before), one in known.verdicts.items():
            is_step = one["cell"]["stack"] == one["other"]["stack"] and one["low"] is not None
            if (figure, of, on, before) == ("cpu", workload, newer, older) and is_step:
                effects = known.effects(workload)
                mid = 100 * np.expm1(effects[stack, newer] - effects[stack, older])
                changes[one["word"]].append((mid, 100 * (one["low"] - 1), 100 * (one["high"] - 1)))
        for word, found in changes.items():
            if word in {"better", "worse"}:
                mids = sorted(abs(mid) for mid, *_ in found)
                low, high = sorted(abs(end) for end in (min(one[1] for one in found), max(one[2] for one in found)))
                digits = places(mids[0], low, high)
                first, last = f"{mids[0]:.{digits}f}", f"{mids[-1]:.{digits}f}"
                mid = first if first == last else f"{first} to {last}"
                text.take(f"{mid} % {'less' if word == 'better' else 'more'} {ends(low, high, mids[0])} with")
            elif word == "same":
                text.take(f"same within 3 % {ends(min(one[1] for one in found), max(one[2] for one in found))} with")
    text.left = re.sub(r"all \d+ stacks", "", text.left)


def visitors(text: Text, known: Evidence, workload: str) -> None:
    loads = {
        stack: found
        for (of, stack, _), ramps in known.ramps.items()
        if of == workload and (found := [ramp["reference"] for ramp in ramps if ramp["reference"]])
    }
    text.take(f"At {next(iter(loads.values()))[0]['rate']:g} arrivals/s")
    medians = [quantile(found, 50) for found in loads.values()]
    low, high = f"{min(medians):.0f}", f"{max(medians):.0f}"
    text.take(f"waits {low} ms" if low == high else f"waits {low} to {high} ms")
    if null := known.nulls.get(workload):
        base = quantile([ramp["reference"] for ramp in null], 50)
        low, high = f"{min(medians) - base:.0f}", f"{max(medians) - base:.0f}"
        text.take(f"{low} ms longer" if low == high else f"{low} to {high} ms longer")
    for stack, found in loads.items():
        if sum(load["requests"] - sum(load["failures"].values()) for load in found) < 200:
            continue
        if len(found) == 1:
            text.take(f"{quantile(found, 95):.0f} with {stack}")
            continue
        drawn = {f"{quantile(some, 95):.0f}" for some in product(found, repeat=len(found))}
        low, high = re.findall(rf"{quantile(found, 95):.0f} \((\d+) to (\d+)\) with {stack}", text.left)[0]
        assert {low, high} <= drawn
        text.take(f"{quantile(found, 95):.0f} ({low} to {high}) with {stack}")


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


def holds(text: Text, known: Evidence, workload: str) -> None:
    back, missed = [], defaultdict(list)
    for (of, stack, _), ramps in known.ramps.items():
        if of == workload and ramps:
            if any(ramp["holds"] for ramp in ramps) and "slots" not in {ramp["limiter"] for ramp in ramps}:
                text.take(f"{stack} {ranged([ramp['holds'] for ramp in ramps], f' over {len(ramps)} ramps')}")
            found = [ramp["recovery"]["seconds"] for ramp in ramps if ramp["recovery"]]
            if never := found.count(None):
                watched = ramps[0]["recovery"]["watched_s"]
                ramp_s = "ramp" if len(found) == 1 else "ramps"
                missed[f"not back within {watched:g} s ({never} of {len(found)} {ramp_s}"].append(stack)
            else:
                back += found
    for how, stacks_ in missed.items():
        names = re.findall(rf"After an overload ([\w, ]+) (?:is|are) {re.escape(how)}", text.left)[0]
        assert set(re.split(r", | and ", names)) == set(stacks_)
        text.take(how)
    low, high = f"{min(back):.0f}", f"{max(back):.0f}"
    text.take(f"in {low} s" if low == high else f"in {low} to {high} s")


def undecided(text: Text, known: Evidence, workload: str) -> None:
    """Counts, intervals and forecasts are those of the verdicts."""
    found = defaultdict(list)
    for (figure, of, *_), one in known.verdicts.items():
        if of == workload and one["other"]["workload"] == workload:
            found[figure].append(one)
    for figure, every in found.items():
        open_ = [one for one in every if one["word"] == "undecided"]
        if figure == "cpu" and open_:
            text.take(f"of {len(every)} comparisons")
            text.take(f"{len(open_)} {'is' if len(open_) == 1 else 'are'} undecided")
            for one in (one for one in open_ if one["low"] is not None):
                text.left = text.left.replace(ends(100 * (one["low"] - 1), 100 * (one["high"] - 1)), "")
            smallest = max(one["smallest_decidable"] for one in open_ if one["smallest_decidable"] is not None)
            text.take(f"{max(one['blocks'] for one in open_)} blocks decide differences of {100 * smallest:.2g} %")
            needed = [one["needed"] for one in open_]
            known_ = [each for each in needed if each is not None]
            text.take(f"{max(known_)} would probably decide" if known_ else "even 16 would")
            some = f" {len(known_)} of" if None in needed and known_ else ""
            text.take(f"{some} these")
            text.left = re.sub(r" and \d+ more", "", text.left)
        elif open_:
            text.take(f"{figure.replace('_', ' at ')} {len(open_)} of {len(every)}")


def check(block: str, known: Evidence) -> None:
    """Take every figure from the statements and the tables; whatever has a digit then was not recomputed."""
    by_lead = {
        "Which client?": client,
        "What do slots do?": slots,
        "What do visitors feel?": visitors,
        "What does it hold, and does it come back?": holds,
        "Which stack?": stacks,
        "With a caution:": cautions,
        "Which Python?": pythons,
    }
    left: list[str] = []
    statement = r"^(\d+)\. \*\*(.*?)\*\* (.*) \(\[evidence\]\((.*)\)\)$"
    for number, lead, told, link in re.findall(statement, block, re.MULTILINE):
        text = Text(re.sub(r"\\(.)", r"\1", told))
        assert int(number) == len(left) + 1
        workload = next((name for key in known.costs for name in key[:1] if f"#{name}-" in link), "")
        if lead in by_lead:
            by_lead[lead](text, known, workload)
        elif not link.endswith("#not-said"):
            undecided(text, known, workload)
        left.append(text.left)
    left += [cell for table in tables(block) for cell in check_table(known, *table)]
    assert left
    names = sorted(
        {name for key in known.costs for name in key if name} | {"3.12", "3.13", "3.14", "3.15"}, key=len, reverse=True
    )
    bare = re.sub("|".join(map(re.escape, names)), "", "\n".join(left))
    assert not re.search(r"\d", bare), f"a figure that was not recomputed: {bare}"


def check_table(known: Evidence, heading: str, *rows: str) -> list[str]:
    """What is left of the cells of a table by Python."""
    workload, pythons_of, left = heading.split("|")[1].strip(), re.findall(r"on ([\d.]+\d)", heading), []
    reference = next(row.split("|")[1].strip() for row in rows if "is the reference" in row)
    for row in rows:
        stack, *cells = (cell.strip() for cell in row.split("|")[1:-1])
        for python, cell in zip(pythons_of, cells, strict=True):
            text = Text(cell)
            values = list(known.costs[workload, stack, python, None].values())
            text.take(f"{np.exp(np.mean(np.log(values))):.2f} ms")
            if stack != reference:
                text.take(known.percent("cpu", (workload, stack, python), (workload, reference, python)))
            left.append(text.left)
    return left


def tables(block: str) -> list[list[str]]:
    """Heading and rows of each table."""
    found = re.findall(r"(?:^\|.*\n?)+", block, re.MULTILINE)
    return [[line for line in table.splitlines() if "---" not in line] for table in found]


def test_every_figure_of_made_up_results_is_recomputed(tmp_path: Path) -> None:
    write(tmp_path, "m", make_results(blocks=5))
    results = [result for _, result in store.read_results(tmp_path) if not isinstance(result, Exception)]
    machine = summarize("m", results)
    (tmp_path / "m" / "verdicts.json").write_bytes(verdicts.encode(machine))
    block = markdown.headline([machine])
    assert {"Which client?", "Which stack?", "Which Python?", "Not said:"} <= set(re.findall(r"\*\*(.*?)\*\*", block))
    check(block, Evidence(tmp_path / "m"))


FEW = 8
"""Stacks, up to which sentences name each of them; of more they tell both ends of their order."""


def few() -> list[Path]:
    """The folders of committed results of few stacks."""
    folders = {path.parents[2] for path in (PROJECT / "results").glob("*/*/*/*.json")}
    return sorted(one for one in folders if len({path.parent.name for path in one.glob("*/*/*.json")}) <= FEW + 1)


@pytest.mark.parametrize("folder", few(), ids=lambda folder: folder.name)
def test_every_figure_of_committed_results_is_recomputed(folder: Path) -> None:
    every = [one for name, one in store.read_results(folder.parent) if name == folder.name]
    results = [one for one in every if not isinstance(one, Exception)]
    check(markdown.headline([summarize(folder.name, results)]), Evidence(folder))


def test_every_figure_of_the_readmes_tables_is_recomputed() -> None:
    _, _, rest = (PROJECT / "README.md").read_text(encoding="utf-8").partition(markdown.BEGIN)
    block, _, _ = rest.partition(markdown.END)
    machine = re.search(r"\]\(results/(.*)/README\.md\);", block)
    assert machine is not None
    known = Evidence(PROJECT / "results" / machine[1])
    left = [cell for table in tables(block) for cell in check_table(known, *table)]
    assert left
    assert not re.search(r"\d", "".join(left))
