"""How often is a cell called faster or slower than itself? From the recorded trials of a reference cell and its twin.

``python tests/selftest/false_positives.py [RESULTS]`` draws pairs anew from what the two differed by in each block:
whole blocks, with replacement, each with a random sign, since which of the two was called the twin is chance. Each pair
gets a margin from another one drawn in the same way, as a run's margin comes from its own twin. Prints a table.
"""

from collections import Counter
from statistics import stdev

import numpy as np

from recorded import twin_runs
from stackmatrix.analysis.comparison.compare import differences
from stackmatrix.analysis.comparison.inference import differ
from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM, judge_all, margin_of

PAIRS = 2_000


def draw(recorded: tuple[float, ...], generator: np.random.Generator) -> tuple[float, ...]:
    """Six blocks of one made-up pair."""
    blocks = generator.choice(recorded, BLOCKS_TO_CLAIM) * generator.choice((-1.0, 1.0), BLOCKS_TO_CLAIM)
    return tuple(blocks.tolist())


def main() -> None:
    """Print a row for each figure of each run that has a twin."""
    print("| machine | run | workload | figure | blocks | sd of the pair | pairs drawn | called different |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: |")
    for run in twin_runs():
        for figure in run.figures:
            recorded = differences(figure, figure.of(run.twin), figure.of(run.reference))
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
                f"| {run.machine} | `{run.run_id[:8]}` | {run.workload} | {figure.title} "
                f"| {len(recorded)} | {unit} | {PAIRS} | {wrong / PAIRS:.1%} |"
            )


if __name__ == "__main__":
    main()
