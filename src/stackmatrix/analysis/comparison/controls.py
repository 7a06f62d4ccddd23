"""Whether a workload's runs prove themselves: the twin must not differ, the planted cost must be found. Pure.

Both are judged by the same intervals as everything else, so that what would hide or invent a difference between stacks
fails here, where the truth is known.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from stackmatrix.analysis.comparison.contrasts import repeated_by
from stackmatrix.analysis.comparison.looks import MAIN_LOOK
from stackmatrix.analysis.comparison.verdicts import Comparison, Controls
from stackmatrix.analysis.metrics import COST
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result

BESIDE_SHARE = COST.matters / 2
"""Of a request's cost, that a planted one may be found to differ from what was burnt: burning costs something beside
itself, as it takes the caches and the interpreter's lock from what stands beside it (decision 36)."""
NOT_MEASURED = Controls(None, None, None, "not measured", "No controls were measured.")


def planted_ratio(result: Result) -> float | None:
    """The ratio that a planted control must show to the cell that it repeats; ``None`` where nothing was planted.

    In each block it is the control's cost over that cost less what was burnt, since a burnt millisecond is a larger
    share where the machine is fast; over the blocks, their geometric mean. The control's own noise enters it by a
    twelfth, which the interval that it is held against has to spare.
    """
    ratios = [ratio for block in result.cost if (ratio := _ratio(block)) is not None]
    return math.exp(fmean(map(math.log, ratios))) if ratios else None


def _ratio(block: CostBlock) -> float | None:
    cost, planted = block.cpu_ms_per_request, block.planted_ms
    if not block.is_valid or cost is None or not planted or planted >= cost:
        return None
    return cost / (cost - planted)


def judge_controls(
    compared: Sequence[Comparison], ratios: Mapping[Cell, float], blocks: int, *, ended: bool
) -> Controls:
    """How the controls of one workload stand, from their comparisons with the cells that they repeat.

    ``ratios`` are those that planted controls must show. A planted cost has to be found by the last look, or by the
    main one where the run has ``ended``. Where runs had different reference cells, a failure comes first, then what has
    most blocks.
    """
    references = dict.fromkeys(one.other for one in compared)
    judged = [_judge_pair([one for one in compared if one.other == cell], ratios, blocks, ended) for cell in references]
    return max(judged, key=_weight, default=NOT_MEASURED)


def _weight(controls: Controls) -> tuple[bool, int]:
    blocks = [one.blocks for one in (controls.twin, controls.planted) if one is not None]
    return controls.state == "failed", max(blocks, default=0)


def _judge_pair(compared: Sequence[Comparison], ratios: Mapping[Cell, float], blocks: int, ended: bool) -> Controls:  # noqa: FBT001
    by_kind = {one.cell.control: one for one in compared}
    twin, planted = by_kind.get("twin"), by_kind.get("planted")
    ratio = None if planted is None else ratios.get(planted.cell)
    failure = _failure(twin, planted, ratio)
    if failure is not None:
        return Controls(twin, planted, ratio, "failed", failure)
    if twin is None or planted is None or ratio is None:
        missing = "twin" if twin is None else "planted cost"
        return Controls(twin, planted, ratio, "not measured", f"The {missing} was not measured.")
    if planted.effect.low is not None and planted.effect.low > 1 and twin.effect.low is not None:
        return Controls(twin, planted, ratio, "passed", None)
    if blocks < LOOKS[0]:
        return Controls(twin, planted, ratio, "not yet known", f"Nothing is judged before {LOOKS[0]} blocks.")
    reason = f"The planted cost of {_percent(ratio)} was not found in {planted.blocks} blocks."
    # Three or four blocks of few cells find nothing as small: that they have not says nothing of the run.
    is_final = blocks >= (MAIN_LOOK if ended else LOOKS[-1])
    return Controls(twin, planted, ratio, "failed" if is_final else "not yet known", reason)


def _failure(twin: Comparison | None, planted: Comparison | None, ratio: float | None) -> str | None:
    """What no further block can mend, in a sentence."""
    if twin is not None and twin.word in {"better", "worse"}:
        return f"{repeated_by(twin.cell)} differs from itself by {_interval(twin)}."
    if planted is None or ratio is None or planted.effect.low is None or planted.effect.high is None:
        return None
    if planted.effect.low > ratio * (1 + BESIDE_SHARE) or planted.effect.high < ratio / (1 + BESIDE_SHARE):
        return f"A planted cost of {_percent(ratio)} was measured as {_interval(planted)}."
    return None


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):.1f} %"


def _interval(one: Comparison) -> str:
    low, high = one.effect.low, one.effect.high
    ends = "" if low is None or high is None else f" ({_percent(low)} to {_percent(high)})"
    return f"{_percent(one.effect.mid)}{ends}"
