"""Which levels of a ladder are driven: all until saturation, and an invalid one once more. Pure but for ``drive``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from stackmatrix.analysis.level.assess import not_driven
from stackmatrix.analysis.level.facts import is_saturated
from stackmatrix.matrix.ladder import LevelPlan
from stackmatrix.results.findings import SECOND_ATTEMPT, Finding
from stackmatrix.results.model import Level

SATURATED_LEVELS = 2
"""After so many saturated levels in a row of one model, the rest of that model's ladder tells nothing new."""
ATTEMPTS = 2
"""An invalid level is run once more, and then recorded as invalid."""

SATURATED = Finding(
    code="beyond-saturation", severity="note", sentence="Not driven: the levels before it were beyond saturation."
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be driven: a level by its place in the ladder, for the first time or again."""

    index: int
    plan: LevelPlan
    number: int


def climb(
    ladder: Sequence[LevelPlan],
    drive: Callable[[Attempt], Level],
    *,
    floor_ms: float,
    window_s: float,
    all_levels: bool,
) -> Iterator[Level]:
    """Every level of the ladder in turn: driven, driven again where it was invalid, or not needed.

    The closed levels tell the plateau. A rate above a known plateau is beyond saturation before it is driven, so one
    such level is enough to show what overload does.
    """
    saturated = {"closed": 0, "open": 0}
    plateau_rps = 0.0
    for index, plan in enumerate(ladder):
        beyond = saturated[plan.model]
        if plan.model == "open" and saturated["closed"] and plan.value > plateau_rps:
            beyond = max(beyond, saturated["open"] + 1)
        if beyond >= SATURATED_LEVELS and not all_levels:
            yield not_driven(plan, window_s, "not_needed", SATURATED)
            continue
        level = _drive(index, plan, drive)
        yield level
        if level.validity == "invalid":
            continue  # whatever made it so may have made it slow
        throughput_rps, offered_rps = level.throughput_rps or 0.0, (level.requests or 0) / level.window_s
        full = is_saturated(plan, throughput_rps, floor_ms, offered_rps)
        saturated[plan.model] = saturated[plan.model] + 1 if full else 0
        if plan.model == "closed":
            plateau_rps = max(plateau_rps, throughput_rps)


def _drive(index: int, plan: LevelPlan, drive: Callable[[Attempt], Level]) -> Level:
    level = drive(Attempt(index, plan, 1))
    for number in range(2, ATTEMPTS + 1):
        if level.validity != "invalid":
            break
        why = " ".join(finding.sentence for finding in level.findings if finding.severity == "invalid")
        level = drive(Attempt(index, plan, number))
        again = Finding(code=SECOND_ATTEMPT, severity="note", sentence=f"Attempt {number}; the one before: {why}")
        level = msgspec.structs.replace(level, findings=(*level.findings, again))
    return level
