"""Which levels of a ladder are driven: all until saturation, and an invalid one once more. Pure but for ``drive``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from stackmatrix.analysis.level.assess import not_driven
from stackmatrix.analysis.level.facts import is_saturated
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.results.findings import Code, note
from stackmatrix.results.levels import Level

SATURATED_LEVELS = 2
"""After so many saturated levels in a row of one model, the rest of that model's ladder shows nothing new."""

SATURATED = note(Code.BEYOND_SATURATION, "Not driven: the levels before it were beyond saturation.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be driven: a level by its place in the ladder, for the first time or again."""

    index: int
    level: LoadLevel
    number: int


def climb(
    ladder: Sequence[LoadLevel],
    drive: Callable[[Attempt], Level],
    *,
    floor_ms: float,
    window_s: float,
    all_levels: bool,
) -> Iterator[Level]:
    """Every level of the ladder in turn: driven, driven again where it was invalid, or not needed.

    The closed levels show the plateau. A rate above a known plateau is beyond saturation before it is driven, so one
    such level is enough to show what overload does.
    """
    saturated = {"closed": 0, "open": 0}
    plateau_rps = 0.0
    for index, step in enumerate(ladder):
        beyond = saturated[step.model]
        if step.model == "open" and saturated["closed"] and step.value > plateau_rps:
            beyond = max(beyond, saturated["open"] + 1)
        if beyond >= SATURATED_LEVELS and not all_levels:
            yield not_driven(step, window_s, "not_needed", SATURATED)
            continue
        level = _drive(index, step, drive)
        yield level
        if level.validity == "invalid":
            continue  # whatever made it so may have made it slow
        throughput_rps, offered_rps = level.throughput_rps or 0.0, (level.requests or 0) / level.window_s
        full = is_saturated(step, throughput_rps, floor_ms, offered_rps)
        saturated[step.model] = saturated[step.model] + 1 if full else 0
        if step.model == "closed":
            plateau_rps = max(plateau_rps, throughput_rps)


def _drive(index: int, level: LoadLevel, drive: Callable[[Attempt], Level]) -> Level:
    """A level, driven once more where it was invalid."""
    driven, notes = until_valid(lambda number: drive(Attempt(index, level, number)), lambda one: one.findings)
    return msgspec.structs.replace(driven, findings=(*driven.findings, *notes))
