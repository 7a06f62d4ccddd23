"""Which levels of a ladder are driven: all until saturation, and an invalid one once more. Pure but for ``drive``.

An overload can leave a target slow for long after it has ended. Levels come by the load that they offer, so what
follows a saturated level is more of the same, or a level of the other model: that one is driven only after the target
has come back at a low rate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from stackmatrix.analysis.level.assess import not_driven
from stackmatrix.analysis.level.facts import is_saturated
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.measurements.attempts import until_valid
from stackmatrix.results.findings import Code, Finding, note
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


@dataclass(frozen=True, slots=True)
class Overload:
    """A level that the target could not take, and a median response time of before, in ms, if one is known."""

    level: LoadLevel
    before_p50_ms: float | None


type Drive = Callable[[Attempt], Level]
type Recover = Callable[[Overload], Finding | None]
"""Waits until a target has come back from an overload, and says so where it does not."""


@dataclass
class Climb:
    """One climb of a ladder: what is known of the target so far.

    The closed levels show the plateau. A rate above a known plateau is beyond saturation before it is driven, so one
    such level is enough to show what overload does.
    """

    drive: Drive
    recover: Recover
    unloaded_ms: float
    window_s: float
    all_levels: bool = False
    _saturated: dict[str, int] = field(default_factory=lambda: {"closed": 0, "open": 0})
    _plateau_rps: float = 0.0
    _before_p50_ms: float | None = None
    _overload: Overload | None = None

    def levels(self, ladder: Sequence[LoadLevel]) -> Iterator[Level]:
        """Every level in turn: driven, driven again where it was invalid, not needed, or not recovered for."""
        for index, step in enumerate(ladder):
            if self._is_beyond(step) and not self.all_levels:
                yield not_driven(step, self.window_s, "not_needed", SATURATED)
                continue
            still_down = self._recover_for(step)
            if still_down is not None:
                yield not_driven(step, self.window_s, "invalid", still_down)
                continue
            level = self._drive(index, step)
            yield level
            self._learn(step, level)

    def _is_beyond(self, step: LoadLevel) -> bool:
        beyond = self._saturated[step.model]
        if step.model == "open" and self._saturated["closed"] and step.value > self._plateau_rps:
            beyond = max(beyond, self._saturated["open"] + 1)
        return beyond >= SATURATED_LEVELS

    def _recover_for(self, step: LoadLevel) -> Finding | None:
        """Why the target is not fit for this level, where it follows an overload of which it is no continuation."""
        overload = self._overload
        if overload is None:
            return None
        is_lighter = step.offered_rps(self.unloaded_ms) < overload.level.offered_rps(self.unloaded_ms)
        if step.model == overload.level.model and not is_lighter:
            return None
        found = self.recover(overload)
        if found is None:
            self._overload = None
        return found

    def _drive(self, index: int, step: LoadLevel) -> Level:
        """A level, driven once more where it was invalid."""
        driven, notes = until_valid(lambda number: self.drive(Attempt(index, step, number)), lambda one: one.findings)
        return msgspec.structs.replace(driven, findings=(*driven.findings, *notes))

    def _learn(self, step: LoadLevel, level: Level) -> None:
        """Whether the target was saturated. An invalid level does not tell: what made it so may have made it slow."""
        throughput_rps, offered_rps = level.throughput_rps or 0.0, (level.requests or 0) / level.window_s
        is_full = is_saturated(step, throughput_rps, self.unloaded_ms, offered_rps)
        if is_full:
            self._overload = Overload(step, self._before_p50_ms)
        elif self._before_p50_ms is None and level.latency_ms is not None:
            self._before_p50_ms = level.latency_ms.p50
        if level.validity == "invalid":
            return
        self._saturated[step.model] = self._saturated[step.model] + 1 if is_full else 0
        if step.model == "closed":
            self._plateau_rps = max(self._plateau_rps, throughput_rps)
