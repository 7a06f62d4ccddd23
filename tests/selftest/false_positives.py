"""How often is a cell called faster or slower than itself? From the recorded trials of a reference cell and its twin.

``python tests/selftest/false_positives.py [RESULTS]`` draws pairs anew from what the two differed by in each block:
whole blocks, with replacement, each with a random sign, since which of the two was called the twin is chance. Each pair
gets a margin from another one drawn in the same way, as a run's margin comes from its own twin. Prints a table.
"""

import sys
from collections import Counter
from pathlib import Path
from statistics import stdev

import numpy as np

from stackmatrix import store
from stackmatrix.comparison import _differences
from stackmatrix.errors import ResultFileError
from stackmatrix.figures import figures_of
from stackmatrix.model import Result
from stackmatrix.plan import references
from stackmatrix.verdicts import BLOCKS_TO_CLAIM, differ, judge_all, margin_of
from stackmatrix.workloads import WORKLOADS

PAIRS = 2_000


def draw(recorded: tuple[float, ...], generator: np.random.Generator) -> tuple[float, ...]:
    """Six blocks of one made-up pair."""
    blocks = generator.choice(recorded, BLOCKS_TO_CLAIM) * generator.choice((-1.0, 1.0), BLOCKS_TO_CLAIM)
    return tuple(blocks.tolist())


def main() -> None:
    """Print a row for each figure of each run that has a twin."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results").resolve()
    found: dict[tuple[str, str, str], list[Result]] = {}
    for machine, result in store.read_results(folder):
        if not isinstance(result, ResultFileError) and len(result.trials) > 1:
            found.setdefault((machine, result.run.id, result.cell.workload), []).append(result)
    print("| machine | run | workload | figure | blocks | sd of the pair | pairs drawn | called different |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: |")
    for (machine, run, workload), results in found.items():
        by_cell = {result.cell: result for result in results}
        (reference,) = references([cell for cell in by_cell if not cell.twin])
        twin = next((result for cell, result in by_cell.items() if cell.twin), None)
        if twin is None or reference not in by_cell:
            continue
        row = WORKLOADS[workload]
        for figure in figures_of(row.compare_rate, row.floor_ms):
            recorded = _differences(figure, figure.of(twin), figure.of(by_cell[reference]))
            if len(recorded) < 2:
                continue
            generator = np.random.default_rng(0)
            words: Counter[str] = Counter()
            for _ in range(PAIRS):
                margin = margin_of(draw(recorded, generator), figure.least_margin)
                pair = differ(draw(recorded, generator))
                words[judge_all([pair], margin, higher_is_better=True)[0].word] += 1
            wrong = words["faster"] + words["slower"]
            unit = f"{stdev(recorded):.1f} {figure.unit}" if figure.is_difference else f"{stdev(recorded):.1%}"
            print(
                f"| {machine} | `{run[:8]}` | {workload} | {figure.title} | {len(recorded)} | {unit} | {PAIRS} | "
                f"{wrong / PAIRS:.1%} |"
            )


if __name__ == "__main__":
    main()
