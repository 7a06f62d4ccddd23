"""How far is the same cell from itself, and what does each step against that help? From the recorded trials of a run.

``python tests/selftest/noise.py [RESULTS]`` prints a table for each run that has a twin. For each figure, standard
deviations of (logarithms of) ratios, or of differences in the figure's unit:

- *apart*: the reference cell and its twin in different blocks, as if each server had been measured once, some time;
- *paired*: the two in the same block;
- *mean of blocks*: the paired one by the root of how many blocks there are, which is what a verdict stands on;
- *any pair*: medians over all pairs of the run's cells, apart and paired.

Two more figures show what is not compared, and why: a closed loop beyond saturation.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product
from statistics import median, stdev

from recorded import TwinRun, twin_runs
from stackmatrix.analysis.comparison.compare import differences
from stackmatrix.analysis.metrics import Metric
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result

type ByBlock = Mapping[int, float]


def heaviest(name: str, title: str, unit: str, of: Callable[[Level], float | None]) -> Metric:
    """A figure of the closed level with most users, whatever its target still does there."""

    def by_block(result: Result) -> dict[int, float]:
        found = {}
        for trial in result.trials:
            level = max((one for one in trial.levels if one.users), key=lambda one: one.users or 0, default=None)
            if level is not None and level.validity == "valid" and (value := of(level)):
                found[trial.block] = value
        return found

    return Metric(name, title, unit, by_block, higher_is_better=True)


MOST_LOADED = (
    heaviest("most-rps", "Throughput at the most users", "requests/s", lambda level: level.throughput_rps),
    heaviest(
        "most-cpu",
        "CPU per request at the most users",
        "ms",
        lambda level: level.target.cpu_ms_per_request if level.target else None,
    ),
)


def apart(figure: Metric, cell: ByBlock, other: ByBlock) -> float | None:
    """The deviation between trials of different blocks, about a mean that is not theirs to have."""
    found = [_difference(figure, one, two) for (i, one), (j, two) in product(cell.items(), other.items()) if i != j]
    if not found:
        return None
    middle = _mean(figure, cell) - _mean(figure, other)
    return math.sqrt(sum((each - middle) ** 2 for each in found) / len(found))


def _difference(figure: Metric, one: float, two: float) -> float:
    return one - two if figure.is_difference else math.log(one / two)


def _mean(figure: Metric, values: ByBlock) -> float:
    return sum(value if figure.is_difference else math.log(value) for value in values.values()) / len(values)


def paired(figure: Metric, cell: ByBlock, other: ByBlock) -> float | None:
    """The deviation between trials of the same block."""
    found = differences(figure, cell, other)
    return stdev(found) if len(found) > 1 else None


def rows(figure: Metric, run: TwinRun) -> Iterator[str]:
    """The line of one figure, if the reference cell and its twin have it in two blocks."""
    by_cell = {cell: figure.of(result) for cell, result in run.by_cell.items()}
    reference, twin = by_cell[run.reference.cell], by_cell[run.twin.cell]
    within = paired(figure, reference, twin)
    if within is None:
        return
    blocks = len(differences(figure, reference, twin))
    known = [values for cell, values in by_cell.items() if not cell.twin and len(values) > 1]
    pairs = [(apart(figure, *pair), paired(figure, *pair)) for pair in combinations(known, 2)]
    both = [(one, two) for one, two in pairs if one is not None and two is not None]

    def show(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:.1f} {figure.unit}" if figure.is_difference else f"{value:.1%}"

    cells = [apart(figure, reference, twin), within, within / math.sqrt(blocks)]
    cells += [median(one for one, _ in both), median(two for _, two in both)] if both else [None, None]
    yield f"| {figure.title} | {blocks} | " + " | ".join(map(show, cells)) + f" | {len(both)} |"


def main() -> None:
    """Print a table for each run with a twin."""
    for run in twin_runs():
        print(f"{run.machine}, run {run.run_id[:8]}, {run.workload}, {run.blocks} blocks\n")
        print("| figure | blocks | apart | paired | mean of blocks | any pair apart | any pair paired | pairs |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for figure in (*run.figures, *MOST_LOADED):
            for line in rows(figure, run):
                print(line)
        print()


if __name__ == "__main__":
    main()
